"""Sessions in the database, for keys that can be sessions' only."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.sessions.backends import db

_KEY = re.compile(r"[0-9a-z]{8,40}")


class SessionStore(db.SessionStore):
    """As Django's, but a cookie that no session can have never reaches the database.

    PostgreSQL refuses some texts, such as those with NUL, by an error.
    """

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and _KEY.fullmatch(key) is not None
