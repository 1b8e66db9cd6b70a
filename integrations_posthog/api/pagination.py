"""Long lists, a page at a time, each found again by a cursor."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from ..errors import InvalidInput


class Pagination(CursorPagination):
    """``?page_size=`` up to 200; ``next`` and ``previous`` are addresses. The view's
    ``ordering_of(request)`` says in which order."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    # A cursor is a value and how many rows with that value went before: all may have the same.
    offset_cutoff = 1_000_000

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering_of(request)  # type: ignore[attr-defined]
        return ordering

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        """A page.

        Raises:
            InvalidInput: the cursor is none of ours; it may hold anything.
        """
        try:
            page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        except (NotFound, ValidationError, ValueError, OverflowError, DataError) as exc:
            raise InvalidInput(hint="Take the cursor from next or previous.") from exc
        # The links go by this number, and would take the last page for a full one: who goes back
        # from it among equal values would miss some.
        self.page_size = len(page or ()) or self.page_size
        return page
