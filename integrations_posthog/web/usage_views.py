"""The page of the sync: how it fares, what is held of each day, and what makes an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import retarget
from django_htmx.middleware import HtmxDetails

from ..access import (
    WorkspaceAccess,
    access_for,
    confirm_manager,
    confirm_purger,
    manager_access_for,
    purger_access_for,
)
from ..errors import PostHogIntegrationError
from ..launch import launch
from ..limits import count_sync
from ..models import PosthogWorkspaceConfig
from ..services.mapping import GROUP_TYPES, parse_mapping
from ..services.overview import state_of
from ..services.usage import UsageService
from ..wiring import usage_service
from .base import actor_of, form_view, page_view, status_of
from .ledger import DAYS_OF_A_MONTH, calendar, unattributed_by_reason
from .mapping import chosen_mapping

PAGE = "posthog:usage"
_PANEL = "#posthog-usage"
_MOVING = ("running", "waiting")


@page_view(PAGE)
@require_safe
def usage(request: HttpRequest) -> HttpResponse:
    """How syncing fares, and what can be done about it."""
    return _panel(request)


@page_view(PAGE)
@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """What moves while a sync is under way; the whole panel once it has ended."""
    if not HtmxDetails(request):
        return redirect(PAGE)
    context = _context(request) | {"full_page": True}
    if context["is_moving"]:
        return render(request, "integrations_posthog/usage/_live.html", context)
    return retarget(render(request, "integrations_posthog/usage/_panel.html", context), _PANEL)


@page_view(PAGE)
@require_safe
def days(request: HttpRequest) -> HttpResponse:
    """The ledger as a table, the newest day first."""
    access = access_for(request)
    service = _service(request, access)
    context = {
        "workspace": access.workspace,
        "days": service.days().newest_first(),
        "source": service.source(),
    }
    return render(request, "integrations_posthog/usage/days.html", context)


@form_view(PAGE)
def sync(request: HttpRequest) -> HttpResponse:
    """Start a sync; it goes on after the answer."""
    return _act(request, _start)


@form_view(PAGE)
def change_mapping(request: HttpRequest) -> HttpResponse:
    """Ask whether events shall be mapped to accounts in another way; then do it, and sync anew."""
    strategy, value = chosen_mapping(request.POST)
    if "confirmed" not in request.POST:
        try:
            manager_access_for(request)
            mapping = parse_mapping(strategy=strategy, value=value)
        except PostHogIntegrationError as exc:
            return _refusal(request, exc)
        return _panel(request, new_mapping=mapping)

    def change(service: UsageService) -> None:
        run = service.change_mapping(strategy=strategy, value=value)
        if run is not None:
            launch(run.pk)

    return _act(request, change)


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def purge(request: HttpRequest) -> HttpResponse:
    """Ask whether all usage shall be removed; then do it."""
    if request.method == "POST":
        confirm = request.POST.get("confirm", "").strip()
        return _act(
            request,
            lambda service: service.purge(confirm=confirm),
            access_of=purger_access_for,
            confirm=confirm_purger,
            confirm_purge=True,
        )
    return _panel(request, confirm_purge=True)


def _start(service: UsageService) -> None:
    launch(service.request_sync().pk)


def _act(
    request: HttpRequest,
    use_case: Callable[[UsageService], object],
    *,
    access_of: Callable[[HttpRequest], WorkspaceAccess] = manager_access_for,
    confirm: Callable[[HttpRequest, Model], None] = confirm_manager,
    **context: Any,
) -> HttpResponse:
    """Do it; where it is refused, show the panel with this context and the reason."""
    try:
        access = access_of(request)
        count_sync(workspace_pk=access.workspace.pk)
        actor = actor_of(request, access, confirm=confirm)
        use_case(usage_service(workspace=access.workspace, actor=actor))
    except PostHogIntegrationError as exc:
        return _refusal(request, exc, **context)
    return _panel(request) if HtmxDetails(request) else redirect(PAGE)


def _refusal(request: HttpRequest, error: PostHogIntegrationError, **context: Any) -> HttpResponse:
    return _panel(request, error=error, status=status_of(error), **context)


def _service(request: HttpRequest, access: WorkspaceAccess) -> UsageService:
    return usage_service(workspace=access.workspace, actor=actor_of(request, access))


def _panel(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    template = "_panel.html" if HtmxDetails(request) else "usage.html"
    return render(
        request,
        f"integrations_posthog/usage/{template}",
        _context(request) | context,
        status=status,
    )


def _context(request: HttpRequest) -> dict[str, Any]:
    access = access_for(request)
    service = _service(request, access)
    config = PosthogWorkspaceConfig.objects.filter(workspace_id=access.workspace.pk).first()
    status, mapping = service.sync_status(), service.mapping()
    ledger = list(service.days().newest_first())
    waiting_until = status.run.waiting_until if status.run else None
    return {
        "workspace": access.workspace,
        "confirm_word": getattr(access.workspace, "slug", None) or access.workspace.pk,
        "can_manage": access.can_manage,
        "can_purge": access.can_manage and access.can_purge is not False,
        "connection_state": state_of(config),
        "can_sync": config is not None and config.is_active and config.is_validated,
        "source": service.source(),
        "status": status,
        "is_moving": status.state in _MOVING,
        "wait_seconds": (waiting_until - timezone.now()).total_seconds() if waiting_until else 0,
        "events_held": status.ledger.events_stored + status.ledger.events_unattributed,
        "mapping": mapping,
        "is_measured": any(
            (choice["strategy"], choice["value"]) == (mapping.strategy, mapping.value or "")
            for choice in mapping.coverage
        ),
        "group_types": GROUP_TYPES,
        "months": calendar(ledger),
        "day_numbers": DAYS_OF_A_MONTH,
        "unattributed": unattributed_by_reason(ledger),
    }
