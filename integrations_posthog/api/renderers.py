"""How the browsable API is shown."""

from __future__ import annotations

from typing import Any

from rest_framework import renderers


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    """DRF's pages, without a form for filters: it would ask views for a queryset, and ours have
    theirs from use cases."""

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        return None
