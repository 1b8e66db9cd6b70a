"""What the views of all pages share: who gets in, and to which page a form leads back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ..access import WorkspaceAccess, confirm_manager
from ..errors import PostHogIntegrationError
from ..redaction import RedactingReporter, RedactingReporterFilter
from ..services.store import Actor

View = Callable[..., HttpResponse]

_STATUSES = {"permission_denied": 403, "sync_running": 409, "rate_limited": 429}


def page_view(page: str) -> Callable[[View], View]:
    """For members who are logged in; without a transaction, since PostHog is asked in between.

    Args:
        page: the name of the page that is shown after logging in, where the view has none.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
            request.exception_reporter_class = RedactingReporter
            request.exception_reporter_filter = RedactingReporterFilter()
            if request.user.is_authenticated:
                return view(request, **kwargs)
            shown = request.get_full_path() if request.method == "GET" else reverse(page)
            login = redirect_to_login(shown)
            return HttpResponseClientRedirect(login.url) if HtmxDetails(request) else login

        return transaction.non_atomic_requests(never_cache(guarded))

    return decorate


def form_view(page: str) -> Callable[[View], View]:
    """For what a form posts to; whoever comes by GET, such as by reloading, gets the page."""

    def decorate(view: View) -> View:
        @wraps(view)
        def posted(request: HttpRequest, **kwargs: str) -> HttpResponse:
            return view(request, **kwargs) if request.method == "POST" else redirect(page)

        return page_view(page)(require_http_methods(["GET", "HEAD", "POST"])(posted))

    return decorate


def status_of(error: PostHogIntegrationError) -> int:
    """The status of a page that tells this refusal. None is 5xx: htmx would not show the page."""
    return _STATUSES.get(error.error_type, 422)


def actor_of(
    request: HttpRequest,
    access: WorkspaceAccess,
    *,
    confirm: Callable[[HttpRequest, Model], None] = confirm_manager,
) -> Actor:
    """Who acts, for the history; asked again for their rights when it comes to storing."""
    return Actor(
        name=request.user.get_username(), confirm=lambda: confirm(request, access.workspace)
    )
