"""A client over a real socket."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import requests

from integrations_posthog.sandbox import KEYS

CSRF_TOKEN = "c" * 32


class Caller:
    """One user's connection to one server, kept open from call to call."""

    def __init__(self, *, url: str, session_key: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update(
            {
                "Cookie": f"beton_session={session_key}; csrftoken={CSRF_TOKEN}",
                "X-CSRFToken": CSRF_TOKEN,
                "X-Forwarded-Proto": "https",
                "Referer": url.replace("http:", "https:"),
            }
        )

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def status(self) -> requests.Response:
        return self._session.get(f"{self._url}/api/posthog/status", timeout=20)

    def validate(self, *, workspace: str = "", **rest: Any) -> requests.Response:
        """Validate the key ``full``, or another one, in the workspace with this id."""
        return self._session.post(
            f"{self._url}/api/posthog/validate",
            json={"api_key": KEYS.full.value} | rest,
            headers={"X-Workspace-Id": workspace},
            timeout=20,
        )

    def submit(self, path: str, form: dict[str, str]) -> requests.Response:
        """Send a form of one of the pages, and follow where it leads."""
        return self._session.post(f"{self._url}{path}", data=form, timeout=20)
