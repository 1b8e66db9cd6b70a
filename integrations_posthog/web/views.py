"""The settings page. With htmx a form swaps the page's one panel; without, it loads the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ..access import access_for, confirm_manager, manager_access_for
from ..errors import PermissionDenied, PostHogIntegrationError, RateLimited
from ..limits import count_validation
from ..redaction import RedactingReporterFilter
from ..services.overview import ConnectionOverview, connection_overview
from ..services.store import Actor
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service
from .forms import chosen_host, places, shown_place

View = Callable[[HttpRequest], HttpResponse]


def _page_view(view: View) -> View:
    """For members who are logged in; without a transaction, since PostHog is asked in between."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        request.exception_reporter_filter = RedactingReporterFilter()
        if request.user.is_authenticated:
            return view(request)
        page = request.get_full_path() if request.method == "GET" else _page_address()
        login = redirect_to_login(page)
        return HttpResponseClientRedirect(login.url) if HtmxDetails(request) else login

    return transaction.non_atomic_requests(never_cache(guarded))


def _form_view(view: View) -> View:
    """For what a form posts to; whoever comes by GET, such as by reloading, gets the page."""

    @wraps(view)
    def posted(request: HttpRequest) -> HttpResponse:
        return view(request) if request.method == "POST" else redirect(_page_address())

    return _page_view(require_http_methods(["GET", "HEAD", "POST"])(posted))


def _page_address() -> str:
    return reverse("posthog:connection")


@_page_view
@require_safe
def connection(request: HttpRequest) -> HttpResponse:
    """How the workspace's connection fares, and what can be done about it."""
    return _panel(request)


@_form_view
def connect(request: HttpRequest) -> HttpResponse:
    """Try a key, and connect with it if all is well."""
    return _validate(
        request,
        lambda service: service.validate_and_store_config(
            api_key=request.POST.get("api_key", ""), host=chosen_host(request.POST)
        ),
    )


@_form_view
def recheck(request: HttpRequest) -> HttpResponse:
    """Test the stored key."""
    return _validate(request, lambda service: service.recheck())


@_form_view
def choose_project(request: HttpRequest) -> HttpResponse:
    """Connect another project, or the same one again, with the stored key."""
    project_id = request.POST.get("project_id", "")
    return _validate(request, lambda service: service.choose_project(project_id=project_id))


@_page_view
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    """Ask whether the connection shall be disconnected; then do it."""
    if request.method == "POST":
        return _act(request, lambda service: service.disconnect())
    return _panel(request, confirm_disconnect=True)


def _validate(
    request: HttpRequest, use_case: Callable[[PostHogValidatorService], object]
) -> HttpResponse:
    def counted(service: PostHogValidatorService) -> None:
        count_validation(workspace_pk=service.workspace.pk)
        use_case(service)

    return _act(request, counted)


def _act(
    request: HttpRequest, use_case: Callable[[PostHogValidatorService], object]
) -> HttpResponse:
    try:
        access = manager_access_for(request)
        actor = Actor(
            name=request.user.get_username(),
            confirm=lambda: confirm_manager(request, access.workspace),
        )
        use_case(connection_service(workspace=access.workspace, actor=actor))
    except PostHogIntegrationError as exc:
        return _refusal(request, exc)
    return _panel(request) if HtmxDetails(request) else redirect(_page_address())


def _refusal(request: HttpRequest, error: PostHogIntegrationError) -> HttpResponse:
    status = {PermissionDenied: 403, RateLimited: 429}.get(type(error), 422)
    response = _panel(request, error=error, status=status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _is_trouble(
    error: PostHogIntegrationError | None, request: HttpRequest, overview: ConnectionOverview
) -> bool:
    """Whether the error is that of the stored key, which the panel shows as its trouble."""
    if error is None or overview.trouble is None or "api_key" in request.POST:
        return False
    return error.message == overview.trouble.error


def _panel(
    request: HttpRequest,
    *,
    error: PostHogIntegrationError | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    access = access_for(request)
    overview = connection_overview(access.workspace)
    stored_host = overview.config.posthog_host if overview.config else ""
    chosen_place, typed_host = shown_place(request.POST, stored_host=stored_host)
    template = "_connection.html" if HtmxDetails(request) else "connection.html"
    context |= {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "overview": overview,
        "places": places(),
        "chosen_place": chosen_place,
        "typed_host": typed_host,
        "key_posted": "api_key" in request.POST,
        "error_is_trouble": _is_trouble(error, request, overview),
        "error": error,
    }
    return render(request, f"integrations_posthog/{template}", context, status=status)
