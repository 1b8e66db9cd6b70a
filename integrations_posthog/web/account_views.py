"""The pages of the accounts: all of them, and one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from ..access import access_for
from ..errors import NotFound
from ..models import Account
from ..services.usage import UsageService
from ..wiring import usage_service
from . import accounts as shown
from .account_signals import signals_context
from .base import actor_of, page_view

PAGE = "posthog:accounts"


@page_view(PAGE)
@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The workspace's accounts with their figures, a page of them."""
    access = access_for(request)
    service = usage_service(workspace=access.workspace, actor=actor_of(request, access))
    query = shown.AccountQuery.of(request.GET)
    found = Paginator(query.apply(service.accounts()), shown.PER_PAGE)
    template = "_list.html" if HtmxDetails(request) else "list.html"
    context = {
        "workspace": access.workspace,
        "source": service.source(),
        "query": query,
        "columns": query.columns(),
        "page": found.get_page(request.GET.get("page")),
    }
    return render(request, f"integrations_posthog/accounts/{template}", context)


@page_view(PAGE)
@require_safe
def account(request: HttpRequest, account_id: str) -> HttpResponse:
    """One account with its usage."""
    access = access_for(request)
    service = usage_service(workspace=access.workspace, actor=actor_of(request, access))
    try:
        found = service.account(account_id)
    except NotFound as exc:
        raise Http404(exc.hint) from exc
    context = {"workspace": access.workspace, "account": found, "source": found.source}
    context |= signals_context(request, access, found)
    if HtmxDetails(request):
        return render(request, "integrations_posthog/leads/_why_not.html", context)
    context |= _usage(service, found, days=_days_asked(request))
    context["chart"] |= {"signals": context["markers"]}
    return render(request, "integrations_posthog/accounts/account.html", context)


def _days_asked(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    known = {str(days): days for days in shown.RANGES}
    return known.get(asked, shown.USUAL_RANGE)


def _usage(service: UsageService, account: Account, *, days: int) -> dict[str, Any]:
    last = account.source.as_of or timezone.now().date()
    usage = service.account_usage(account, first=last - timedelta(days=days - 1), last=last)
    ledger = service.days().filter(day__range=(usage.first, usage.last))
    daily = shown.daily_rows(usage, held=ledger.held().values_list("day", flat=True))
    people = dict(account.recent_events.values_list("event__name", "people"))
    return {
        "days": days,
        "ranges": shown.RANGES,
        "daily": daily,
        "chart": shown.chart_data(daily),
        "events": shown.event_totals(usage, people_28d=people),
        "not_green": ledger.exclude(state="green").count(),
        "properties": shown.shown_properties(account),
    }
