"""The page of the leads, and what people make of their signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ..access import WorkspaceAccess, access_for, manager_access_for
from ..errors import InvalidInput, NotFound, PostHogIntegrationError
from ..models import PosthogWorkspaceConfig, Signal, SignalDefinition
from ..services.overview import state_of
from ..services.signals.definitions import DefinitionService
from ..services.signals.judging import history_of
from ..services.signals.signals import SignalService
from ..wiring import definition_service, signal_service, usage_service
from . import leads as shown
from .base import actor_of, form_view, page_view

PAGE = "posthog:leads"
REASONS = ("Already a customer", "A test account", "Too small for us", "No real change")
_LONGEST_REASON = 500


@page_view(PAGE)
@require_safe
def leads(request: HttpRequest) -> HttpResponse:
    """The accounts with the highest scores, and why they have them."""
    return _panel(request)


@form_view(PAGE)
def acknowledge(request: HttpRequest, signal_id: str) -> HttpResponse:
    """Note that somebody has seen a signal; or have one count again that was dismissed."""
    return _act(request, lambda service: service.acknowledge(signal_id))


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def dismiss(request: HttpRequest, signal_id: str) -> HttpResponse:
    """Ask why a signal is of no use; then dismiss it."""
    access = access_for(request)
    signal = _signal(_service(request, access), signal_id)
    if request.method != "POST":
        return _confirmation(request, access, signal)
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    if access.can_manage and not 1 <= len(reason) <= _LONGEST_REASON:
        error = InvalidInput(hint=f"Give a reason of 1 to {_LONGEST_REASON} characters.")
        return _confirmation(request, access, signal, error=error, status=422)
    return _act(request, lambda service: service.dismiss(signal_id, reason=reason))


def _service(request: HttpRequest, access: WorkspaceAccess) -> SignalService:
    return signal_service(workspace=access.workspace, actor=actor_of(request, access))


def _signal(service: SignalService, signal_id: str) -> Signal:
    try:
        return service.signal(signal_id)
    except NotFound as exc:
        raise Http404(exc.hint) from exc


def _act(request: HttpRequest, use_case: Callable[[SignalService], Signal]) -> HttpResponse:
    try:
        signal = use_case(_service(request, manager_access_for(request)))
    except NotFound as exc:
        raise Http404(exc.hint) from exc
    except PostHogIntegrationError as exc:
        return _panel(request, error=exc, status=403)
    back = shown.way_back(request)
    joint = "&" if "?" in back else "?"
    return _led_back(request, f"{back}{joint}{urlencode({'changed': signal.pk})}")


def _led_back(request: HttpRequest, address: str) -> HttpResponse:
    """To a page with what has changed; where it is shown already, its panel is enough."""
    htmx = HtmxDetails(request)
    is_there = urlsplit(htmx.current_url or "").path == urlsplit(address).path
    return HttpResponseClientRedirect(address) if htmx and not is_there else redirect(address)


def _confirmation(
    request: HttpRequest,
    access: WorkspaceAccess,
    signal: Signal,
    *,
    error: PostHogIntegrationError | None = None,
    status: int = 200,
) -> HttpResponse:
    template = "_confirm_dismiss.html" if HtmxDetails(request) else "dismiss.html"
    context = {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "signal": signal,
        "reasons": REASONS,
        "back": shown.way_back(request),
        "error": error,
    }
    return render(request, f"integrations_posthog/leads/{template}", context, status=status)


def _panel(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    template = "_panel.html" if HtmxDetails(request) else "leads.html"
    context = _context(request) | context
    return render(request, f"integrations_posthog/leads/{template}", context, status=status)


def _context(request: HttpRequest) -> dict[str, Any]:
    access = access_for(request)
    actor = actor_of(request, access)
    service = signal_service(workspace=access.workspace, actor=actor)
    accounts = usage_service(workspace=access.workspace, actor=actor).accounts()
    definitions = definition_service(workspace=access.workspace, actor=actor)
    source = definitions.source()
    query = shown.LeadQuery.of(request.GET)
    page = Paginator(query.apply(accounts), shown.PER_PAGE).get_page(request.GET.get("page"))
    return _stage(access, definitions, any_leads=shown.leads_of(accounts).exists()) | {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "source": source,
        "judged": history_of(source) if source else None,
        "query": query,
        "grades": shown.GRADE_NAMES,
        "page": page,
        "leads": shown.leads_on(page, signals=service.signals(), source=source) if source else [],
        "any_signals": service.signals().exists(),
        "changed": shown.changed_signal(request, service),
        "back": _address(request),
    }


def _stage(
    access: WorkspaceAccess, service: DefinitionService, *, any_leads: bool
) -> dict[str, Any]:
    """How far the workspace has come, and what it takes to come further."""
    config = PosthogWorkspaceConfig.objects.filter(workspace_id=access.workspace.pk).first()
    definitions = service.definitions()
    stage = shown.stage_of(source=service.source(), definitions=definitions, any_leads=any_leads)
    return {
        "connection_state": state_of(config),
        "stage": stage,
        "templates": service.templates() if stage == "no_definitions" else [],
        "active": definitions.filter(state=SignalDefinition.State.ACTIVE),
    }


def _address(request: HttpRequest) -> str:
    """This page's own address, to come back to."""
    asked = request.GET.copy()
    asked.pop("changed", None)
    return f"{request.path}?{asked.urlencode()}" if asked else request.path
