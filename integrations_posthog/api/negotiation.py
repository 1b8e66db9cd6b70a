"""Which format an answer has."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation


class ContentNegotiation(DefaultContentNegotiation):
    """As DRF's, but an unknown ``?format=`` is not acceptable, where DRF finds nothing at all."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002
        try:
            return super().filter_renderers(renderers, format)
        except Http404 as exc:
            raise NotAcceptable from exc
