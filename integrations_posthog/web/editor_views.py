"""The page of one definition: what it says, its editor, and what it would find."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from ..access import access_for, manager_access_for
from ..errors import PostHogIntegrationError
from ..models import SignalDefinition
from ..pql.rules import parse_rule
from ..pql.templates import Proposal
from ..services.signals.definitions import DefinitionService
from .base import form_view, page_view, status_of
from .definition_views import PAGE, definition_of, service_of, with_counts
from .rule_forms import DefinitionForm

_SHOWN_AT_ONCE = 5
_VERSIONS_SHOWN = 20


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def new_definition(request: HttpRequest) -> HttpResponse:
    """The editor of a definition that is not there yet."""
    service = service_of(request, access_for(request))
    if request.method == "POST":
        return _post(request, service, None)
    proposal = _asked_template(request, service)
    form = DefinitionForm.of_template(proposal, events=service.event_names())
    return _page(request, service, None, form=form, rule=proposal.rule if proposal else None)


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def definition(request: HttpRequest, definition_id: str) -> HttpResponse:
    """One definition, and its editor."""
    service = service_of(request, access_for(request))
    current = definition_of(service, definition_id)
    if request.method == "POST":
        return _post(request, service, current)
    assert current.version is not None  # noqa: S101  (made in one transaction with it)
    form = DefinitionForm.of_version(current.version, events=service.event_names())
    return _page(request, service, current, form=form, rule=current.version.rule)


@form_view(PAGE)
def preview(request: HttpRequest) -> HttpResponse:
    """What the rule in the editor would find."""
    service = service_of(request, access_for(request))
    form = DefinitionForm.of_post(request.POST, events=service.event_names())
    rule = form.rule() if form.is_valid() else None
    context = _previewed(service, rule)
    return render(request, "integrations_posthog/definitions/_preview.html", context)


def _asked_template(request: HttpRequest, service: DefinitionService) -> Proposal | None:
    slug = request.GET.get("template", "")
    return next((one for one in service.templates() if one.template.slug == slug), None)


def _post(
    request: HttpRequest, service: DefinitionService, current: SignalDefinition | None
) -> HttpResponse:
    """Save what was posted, or show it again: previewed, or with a condition more or less."""
    action = request.POST.get("action", "")
    form = DefinitionForm.of_post(request.POST, events=service.event_names())
    try:
        manager_access_for(request)
        if action == "save" and form.is_valid():
            return _saved(request, service, current, form)
    except PostHogIntegrationError as exc:
        return _page(request, service, current, form=form, error=exc, status=status_of(exc))
    if action == "add":
        form = form.with_another()
        return _page(request, service, current, form=form, focus=len(form.conditions) - 1)
    if action.startswith("remove-"):
        form = form.without(action.removeprefix("remove-"))
        return _page(request, service, current, form=form, focus=0)
    rule = form.rule() if form.is_valid() else None
    status = 422 if action == "save" else 200
    return _page(request, service, current, form=form, rule=rule, status=status)


def _saved(
    request: HttpRequest,
    service: DefinitionService,
    current: SignalDefinition | None,
    form: DefinitionForm,
) -> HttpResponse:
    says = form.says()
    stored = service.update(str(current.pk), **says) if current else service.create(**says)
    done = "saved" if current else "created"
    page = f"{reverse('posthog:definition', args=[stored.pk])}?done={done}"
    return HttpResponseClientRedirect(page) if HtmxDetails(request) else redirect(page)


def _page(
    request: HttpRequest,
    service: DefinitionService,
    current: SignalDefinition | None,
    *,
    form: DefinitionForm,
    rule: dict[str, Any] | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    access = access_for(request)
    template = "_panel.html" if HtmxDetails(request) else "definition.html"
    context |= _previewed(service, rule) | {
        "workspace": access.workspace,
        "can_manage": access.can_manage,
        "form": form,
        "is_refused": status == 422,
        "done": request.GET.get("done", ""),
        "source": service.source(),
    }
    if current is not None:
        counted = with_counts(service.definitions()).get(pk=current.pk)
        versions = current.versions.order_by("-number")[:_VERSIONS_SHOWN]
        context |= {"definition": counted, "versions": versions}
    return render(request, f"integrations_posthog/definitions/{template}", context, status=status)


def _previewed(service: DefinitionService, rule: dict[str, Any] | None) -> dict[str, Any]:
    """What a rule would find; nothing where there is no rule yet."""
    if rule is None:
        return {}
    found = service.preview(rule)
    return {
        "preview": found,
        "matches": found.matches[:_SHOWN_AT_ONCE],
        "more": found.count - len(found.matches[:_SHOWN_AT_ONCE]),
        "lookback": parse_rule(rule).lookback,
    }
