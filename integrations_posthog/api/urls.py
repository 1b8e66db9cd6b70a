"""The API's addresses. No slash is needed at the end; one is accepted."""

from __future__ import annotations

from django.db import transaction
from django.urls import URLPattern, path, re_path

from .viewsets import PosthogViewSet, UnknownPathView

app_name = "posthog_api"


def _call(name: str, method: str) -> list[URLPattern]:
    # PostHog is asked in between, so no transaction may span the request.
    documented = transaction.non_atomic_requests(PosthogViewSet.as_view({method: name}))
    undocumented = transaction.non_atomic_requests(
        PosthogViewSet.as_view({method: name}, schema=None)
    )
    return [path(name, documented, name=name), path(f"{name}/", undocumented)]


urlpatterns = [
    *_call("validate", "post"),
    *_call("status", "get"),
    *_call("disconnect", "post"),
    re_path(r"", UnknownPathView.as_view()),
]
