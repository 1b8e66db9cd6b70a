"""The settings page. With htmx a form swaps the page's one panel; without, it loads the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from ..access import access_for, manager_access_for
from ..errors import PostHogIntegrationError, ProjectChanged
from ..limits import count_validation
from ..models import UsageSource
from ..services.overview import ConnectionOverview, connection_overview
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service
from .base import actor_of, form_view, page_view, status_of
from .forms import chosen_host, places, shown_place

PAGE = "posthog:connection"


@page_view(PAGE)
@require_safe
def connection(request: HttpRequest) -> HttpResponse:
    """How the workspace's connection fares, and what can be done about it."""
    return _panel(request)


@form_view(PAGE)
def connect(request: HttpRequest) -> HttpResponse:
    """Try a key, and connect with it if all is well."""
    return _validate(
        request,
        lambda service: service.validate_and_store_config(
            api_key=request.POST.get("api_key", ""),
            host=chosen_host(request.POST),
            replace=_may_replace(request),
        ),
    )


@form_view(PAGE)
def recheck(request: HttpRequest) -> HttpResponse:
    """Test the stored key."""
    return _validate(request, lambda service: service.recheck())


@form_view(PAGE)
def choose_project(request: HttpRequest) -> HttpResponse:
    """Connect another project, or the same one again, with the stored key."""
    project_id = request.POST.get("project_id", "")
    return _validate(
        request,
        lambda service: service.choose_project(
            project_id=project_id, replace=_may_replace(request)
        ),
    )


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    """Ask whether the connection shall be disconnected; then do it."""
    if request.method == "POST":
        return _act(request, lambda service: service.disconnect())
    return _panel(request, confirm_disconnect=True)


def _may_replace(request: HttpRequest) -> bool:
    """Whether usage of another project may be removed."""
    return request.POST.get("replace") == "true"


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
        actor = actor_of(request, access)
        use_case(connection_service(workspace=access.workspace, actor=actor))
    except PostHogIntegrationError as exc:
        return _refusal(request, exc)
    return _panel(request) if HtmxDetails(request) else redirect(PAGE)


def _refusal(request: HttpRequest, error: PostHogIntegrationError) -> HttpResponse:
    response = _panel(request, error=error, status=status_of(error))
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _is_trouble(
    error: PostHogIntegrationError | None, request: HttpRequest, overview: ConnectionOverview
) -> bool:
    """Whether the error is that of the stored key, which the panel shows as its trouble."""
    trouble, check = overview.trouble, overview.last_check
    if error is None or trouble is None or "api_key" in request.POST:
        return False
    if (error.message, error.hint or "") != (trouble.error, trouble.hint):
        return False
    return not error.report or (check is not None and error.report == check.report)


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
    if isinstance(error, ProjectChanged):
        usage = UsageSource.objects.filter(connection=overview.config)
        context["usage_in_the_way"] = usage.annotate(days_held=Count("days")).first()
        context["asked_project"] = request.POST.get("project_id", "")
    return render(request, f"integrations_posthog/{template}", context, status=status)
