"""The pages of the definitions: all of them, and whether one is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from ..access import WorkspaceAccess, access_for, manager_access_for
from ..errors import NotFound, PostHogIntegrationError
from ..models import Signal, SignalDefinition
from ..services.signals.definitions import DefinitionService
from ..wiring import definition_service
from .base import actor_of, form_view, page_view

PAGE = "posthog:definitions"
PER_PAGE = 20


@page_view(PAGE)
@require_safe
def definitions(request: HttpRequest) -> HttpResponse:
    """All definitions, and what else to start from."""
    access = access_for(request)
    service = service_of(request, access)
    listed = with_counts(service.definitions())
    context = {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "page": Paginator(listed, PER_PAGE).get_page(request.GET.get("page")),
        "templates": service.templates(),
        "source": service.source(),
    }
    return render(request, "integrations_posthog/definitions/list.html", context)


@form_view(PAGE)
def activate(request: HttpRequest, definition_id: str) -> HttpResponse:
    """Evaluate a definition from now on."""
    return _change(request, definition_id, lambda service: service.activate(definition_id))


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def pause(request: HttpRequest, definition_id: str) -> HttpResponse:
    """Ask whether a definition shall be evaluated no more; then pause it."""
    if request.method == "POST":
        return _change(request, definition_id, lambda service: service.pause(definition_id))
    return _confirmation(request, definition_id)


def service_of(request: HttpRequest, access: WorkspaceAccess) -> DefinitionService:
    """The use cases, acted upon by whoever asks."""
    return definition_service(workspace=access.workspace, actor=actor_of(request, access))


def definition_of(service: DefinitionService, definition_id: str) -> SignalDefinition:
    """The definition that an address names.

    Raises:
        django.http.Http404: there is none.
    """
    try:
        return service.definition(definition_id)
    except NotFound as exc:
        raise Http404(exc.hint) from exc


def with_counts(definitions: QuerySet[SignalDefinition]) -> QuerySet[SignalDefinition]:
    """The same, each with its ``signals``, and how many of them nobody has looked at yet."""
    new = Q(versions__signals__state=Signal.State.NEW)
    return definitions.annotate(
        signals=Count("versions__signals"),
        new_signals=Count("versions__signals", filter=new),
    )


def _change(
    request: HttpRequest,
    definition_id: str,
    use_case: Callable[[DefinitionService], SignalDefinition],
) -> HttpResponse:
    definition_of(service_of(request, access_for(request)), definition_id)
    try:
        changed = use_case(service_of(request, manager_access_for(request)))
    except PostHogIntegrationError as exc:
        return _confirmation(request, definition_id, error=exc, status=403)
    page = reverse("posthog:definition", args=[definition_id])
    return redirect(f"{page}?done={changed.state}")


def _confirmation(
    request: HttpRequest, definition_id: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    access = access_for(request)
    template = "_confirm_pause.html" if HtmxDetails(request) else "pause.html"
    context |= {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "definition": definition_of(service_of(request, access), definition_id),
    }
    return render(request, f"integrations_posthog/definitions/{template}", context, status=status)
