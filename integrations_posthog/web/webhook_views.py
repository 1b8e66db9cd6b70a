"""The pages of webhooks: all of them, and one with its delivery log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.middleware import HtmxDetails

from ..access import WorkspaceAccess, access_for, manager_access_for
from ..errors import NotFound, PostHogIntegrationError
from ..limits import count_webhook_test
from ..services.signals.webhooks import MOST_WEBHOOKS, WebhookService
from ..wiring import webhook_service
from .base import actor_of, form_view, page_view, status_of

PAGE = "posthog:webhooks"
PER_PAGE = 50


@page_view(PAGE)
@require_safe
def webhooks(request: HttpRequest) -> HttpResponse:
    """The workspace's webhooks, and a form to add one."""
    return _list(request)


@form_view(PAGE)
def add(request: HttpRequest) -> HttpResponse:
    """Add a webhook, and show its secret, once."""
    url = request.POST.get("url", "")
    try:
        created = _service(request, manager_access_for(request)).create(url=url)
    except PostHogIntegrationError as exc:
        return _list(request, error=exc, typed_url=url[:1000])
    return _list(request, added=created.webhook, secret=created.secret)


@page_view(PAGE)
@require_safe
def webhook(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """One webhook: how it fares, what can be done about it, and what became of its messages."""
    return _one(request, webhook_id)


@form_view(PAGE)
def send_test(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Send a test message, and show how it went."""

    def send(service: WebhookService) -> dict[str, Any]:
        count_webhook_test(workspace_pk=service.workspace.pk)
        return {"tested": service.send_test(webhook_id)}

    return _act(request, webhook_id, send)


@form_view(PAGE)
def change(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Pause or activate a webhook, or give it another address: whichever is posted."""
    url, state = request.POST.get("url"), request.POST.get("state")

    def make(service: WebhookService) -> dict[str, Any]:
        service.change(webhook_id, url=url, state=state)
        return {}

    return _act(request, webhook_id, make, typed_url=(url or "")[:1000])


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def new_secret(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Ask whether messages shall be signed with another secret; then show it, once."""
    if request.method != "POST":
        return _one(request, webhook_id, confirm="secret")

    def make(service: WebhookService) -> dict[str, Any]:
        return {"secret": service.change(webhook_id, new_secret=True).secret}

    return _act(request, webhook_id, make)


@page_view(PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Ask whether a webhook shall be deleted; then do it."""
    if request.method != "POST":
        return _one(request, webhook_id, confirm="delete")
    try:
        _service(request, manager_access_for(request)).delete(webhook_id)
    except NotFound as exc:
        raise Http404(exc.hint) from exc
    except PostHogIntegrationError as exc:
        return _one(request, webhook_id, error=exc)
    return redirect(PAGE)


def _act(
    request: HttpRequest,
    webhook_id: str,
    use_case: Callable[[WebhookService], dict[str, Any]],
    *,
    typed_url: str = "",
) -> HttpResponse:
    """Do it, and show the webhook with what came of it, or with the reason why not."""
    try:
        found = use_case(_service(request, manager_access_for(request)))
    except NotFound as exc:
        raise Http404(exc.hint) from exc
    except PostHogIntegrationError as exc:
        return _one(request, webhook_id, error=exc, typed_url=typed_url)
    return _one(request, webhook_id, **found)


def _service(request: HttpRequest, access: WorkspaceAccess) -> WebhookService:
    return webhook_service(workspace=access.workspace, actor=actor_of(request, access))


def _list(request: HttpRequest, **context: Any) -> HttpResponse:
    access = access_for(request)
    found = list(_service(request, access).webhooks().newest_first().defer("secret"))
    context |= {
        "webhooks": found,
        "most": MOST_WEBHOOKS,
        "can_add": access.can_manage and len(found) < MOST_WEBHOOKS,
    }
    return _shown(request, "list", access, **context)


def _one(request: HttpRequest, webhook_id: str, **context: Any) -> HttpResponse:
    access = access_for(request)
    service = _service(request, access)
    try:
        context["webhook"] = service.webhook(webhook_id)
    except NotFound as exc:
        raise Http404(exc.hint) from exc
    log = service.deliveries(webhook_id).select_related("signal").newest_first()
    context["page"] = Paginator(log, PER_PAGE).get_page(request.GET.get("page"))
    return _shown(request, "webhook", access, **context)


def _shown(
    request: HttpRequest, template: str, access: WorkspaceAccess, **context: Any
) -> HttpResponse:
    error: PostHogIntegrationError | None = context.get("error")
    name = f"_{template}" if HtmxDetails(request) else template
    response = render(
        request,
        f"integrations_posthog/webhooks/{name}.html",
        context | {"workspace": access.workspace, "can_manage": access.can_manage},
        status=status_of(error) if error else 200,
    )
    if error and error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
