"""The page of a backtest: how well a definition would have foretold a goal."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.middleware import HtmxDetails

from ..access import access_for
from ..errors import PostHogIntegrationError
from ..limits import count_backtest
from ..models import SignalDefinition
from ..services.signals.backtest import BacktestResult
from ..services.signals.definitions import DefinitionService
from .backtest_forms import BacktestForm
from .base import page_view, status_of
from .definition_views import PAGE, definition_of, service_of


@page_view(PAGE)
@require_safe
def backtest(request: HttpRequest, definition_id: str) -> HttpResponse:
    """The form, and what comes of it; the address of an outcome can be passed on."""
    access = access_for(request)
    service = service_of(request, access)
    definition, source = definition_of(service, definition_id), service.source()
    form = BacktestForm(request.GET) if "goal_event" in request.GET else BacktestForm()
    template = "_backtest.html" if HtmxDetails(request) else "backtest.html"
    context: dict[str, Any] = {
        "workspace": access.workspace,
        "definition": definition,
        "source": source,
        "form": form,
        "events": service.event_names(),
    }
    error, status = None, 422 if form.is_bound and not form.is_valid() else 200
    if source and form.is_valid():
        try:
            context["result"] = _outcome(service, definition, form)
        except PostHogIntegrationError as exc:
            context["error"] = error = exc
            status = status_of(exc)
    name = f"integrations_posthog/definitions/{template}"
    response = render(request, name, context, status=status)
    if error and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def _outcome(
    service: DefinitionService, definition: SignalDefinition, form: BacktestForm
) -> BacktestResult:
    count_backtest(workspace_pk=definition.workspace_id)
    return service.backtest(str(definition.pk), **form.cleaned_data)
