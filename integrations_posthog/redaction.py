"""Error reports of Django's (the debug page, the e-mail to admins) without PostHog keys."""

from __future__ import annotations

import sys
from pprint import pformat
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from .encryption import KEY_PATTERN, redact

_FIELD_OF_KEY = "api_key"
_CONTAINERS = (list, tuple, dict, set, frozenset)
_MOST_ITEMS = 10_000


class RedactingReporterFilter(SafeExceptionReporterFilter):
    """Set as ``request.exception_reporter_filter`` by every view that takes a key.

    Unlike its parent it also works while DEBUG is on, and finds keys inside of values.
    """

    def get_post_parameters(self, request: HttpRequest | None) -> Any:
        if request is None:
            return {}
        return {
            name: self.cleansed_substitute if name == _FIELD_OF_KEY else redact(str(value))
            for name, value in super().get_post_parameters(request).items()
        }

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        return {
            name: redact(value) if isinstance(value, str) else value for name, value in meta.items()
        }

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> Any:
        return [
            (name, self._cleansed(name, value))
            for name, value in super().get_traceback_frame_variables(request, tb_frame)
        ]

    def _cleansed(self, name: str, value: Any) -> Any:
        if _FIELD_OF_KEY in name:
            return self.cleansed_substitute
        if isinstance(value, _CONTAINERS) and len(value) > _MOST_ITEMS:
            return self.cleansed_substitute  # It would take as long as all the rest together.
        try:
            text = pformat(value, width=sys.maxsize)  # A key must not be cut by a line's end.
        except Exception:  # noqa: BLE001  (any code may run, such as a query that fails)
            return self.cleansed_substitute
        return redact(text) if KEY_PATTERN.search(text) else value


class RedactingReporter(ExceptionReporter):
    """Set as ``request.exception_reporter_class`` by every page that takes a key.

    It redacts the finished report, and so what no filter is asked about: the address with its
    query, for one. The mailer knows only the one in ``DEFAULT_EXCEPTION_REPORTER``.
    """

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))
