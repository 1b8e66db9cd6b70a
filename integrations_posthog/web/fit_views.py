"""The page of the criteria of fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from ..access import access_for, manager_access_for
from ..errors import PostHogIntegrationError
from ..models import Account
from ..wiring import signal_service, usage_service
from .base import actor_of, page_view, status_of
from .fit_forms import CriterionForm, criteria_of, posted_criteria, stored_criteria

PAGE = "posthog:fit"
_ACCOUNTS_LOOKED_AT = 50
_MOST_NAMES = 100


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def fit(request: HttpRequest) -> HttpResponse:
    """What makes an account fit, and the form to change it."""
    if request.method != "POST":
        return _panel(request)
    rows = posted_criteria(request.POST)
    try:
        access = manager_access_for(request)
        service = signal_service(workspace=access.workspace, actor=actor_of(request, access))
        if any(row.errors for row in rows):
            return _panel(request, rows=rows, status=422)
        service.change_fit_criteria(criteria_of(rows))
    except PostHogIntegrationError as exc:
        return _panel(request, error=exc, status=status_of(exc))
    return redirect(f"{reverse(PAGE)}?done=saved")


def _panel(
    request: HttpRequest,
    *,
    rows: list[CriterionForm] | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    access = access_for(request)
    actor = actor_of(request, access)
    criteria = signal_service(workspace=access.workspace, actor=actor).fit_criteria()
    accounts = usage_service(workspace=access.workspace, actor=actor).accounts()
    known = accounts.exclude(properties=None)
    template = "_fit.html" if HtmxDetails(request) else "fit.html"
    context |= {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "criteria": criteria,
        "rows": stored_criteria(criteria) if rows is None else rows,
        "names": _property_names(known[:_ACCOUNTS_LOOKED_AT]),
        "known": known.count(),
        "done": request.GET.get("done", ""),
    }
    return render(request, f"integrations_posthog/definitions/{template}", context, status=status)


def _property_names(accounts: Iterable[Account]) -> list[str]:
    names = {name for account in accounts for name in account.properties or {}}
    return sorted(names)[:_MOST_NAMES]
