"""Requests that nothing here can serve, refused before anything looks at them."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

GetResponse = Callable[[HttpRequest], HttpResponse]


def limit_body(get_response: GetResponse) -> GetResponse:
    """Refuse bodies above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` unread, as ``invalid_format``.

    Django holds that limit only where it reads the body itself; DRF's parsers read past it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if length.isdecimal() and int(length) > limit:
            error = {
                "error": f"The request is larger than {limit} bytes",
                "error_type": "invalid_format",
            }
            return JsonResponse(error, status=400)
        return get_response(request)

    return middleware


def refuse_nul(get_response: GetResponse) -> GetResponse:
    """Refuse addresses with a NUL character, which PostgreSQL takes in no text."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            error = {"error": "The address holds a NUL character", "error_type": "invalid_format"}
            return JsonResponse(error, status=400)
        return get_response(request)

    return middleware
