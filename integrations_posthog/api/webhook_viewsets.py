"""The API's calls about webhooks. Each reads the input, calls one use case, presents the answer."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from ..access import WorkspaceAccess, access_for, manager_access_for
from ..limits import count_webhook_test
from ..services.signals.webhooks import WebhookService
from ..wiring import webhook_service
from . import webhook_schema as schema
from .pagination import Pagination
from .viewsets import WorkspaceViewSet, actor_of, valid_input
from .webhook_serializers import (
    DeliveryAnswer,
    WebhookAnswer,
    WebhookChange,
    WebhookRequest,
    WebhookTestAnswer,
    webhook_data,
)


class WebhookViewSet(WorkspaceViewSet):
    """Where the workspace's signals are sent."""

    serializer_class = WebhookRequest
    pagination_class = Pagination

    @schema.webhooks
    def webhooks(self, request: Request) -> Response:
        """The webhooks, the newest first."""
        page = self.paginate_queryset(_service(request, access_for(request)).webhooks())
        return self.get_paginated_response(WebhookAnswer(page, many=True).data)

    @schema.create_webhook
    def add(self, request: Request) -> Response:
        """Add a webhook. The answer tells the secret that its messages are signed with."""
        service = _service(request, manager_access_for(request))
        created = service.create(**valid_input(WebhookRequest(data=request.data)))
        return Response(webhook_data(created), status=201)

    @schema.webhook
    def webhook(self, request: Request, webhook_id: str) -> Response:
        """One webhook."""
        service = _service(request, access_for(request))
        return Response(WebhookAnswer(service.webhook(webhook_id)).data)

    @schema.change_webhook
    def change(self, request: Request, webhook_id: str) -> Response:
        """Change what is given: the address, whether it is paused, or the secret."""
        service = _service(request, manager_access_for(request))
        changes = valid_input(WebhookChange(data=request.data))
        return Response(webhook_data(service.change(webhook_id, **changes)))

    @schema.delete_webhook
    def remove(self, request: Request, webhook_id: str) -> Response:
        """Remove a webhook with its deliveries, for good."""
        _service(request, manager_access_for(request)).delete(webhook_id)
        return Response(status=204)

    @schema.test_webhook
    def send_test(self, request: Request, webhook_id: str) -> Response:
        """Send a test message, at once and once, and tell how it went."""
        access = manager_access_for(request)
        count_webhook_test(workspace_pk=access.workspace.pk)
        return Response(WebhookTestAnswer(_service(request, access).send_test(webhook_id)).data)

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        return ("-created_at", "-id")


class DeliveryViewSet(WorkspaceViewSet):
    """What became of the messages to a webhook."""

    serializer_class = DeliveryAnswer
    pagination_class = Pagination

    @schema.deliveries
    def deliveries(self, request: Request, webhook_id: str) -> Response:
        """The messages to a webhook, the newest first, tests too."""
        deliveries = _service(request, access_for(request)).deliveries(webhook_id)
        page = self.paginate_queryset(deliveries)
        return self.get_paginated_response(DeliveryAnswer(page, many=True).data)

    def ordering_of(self, request: Request) -> tuple[str, ...]:
        return ("-id",)


def _service(request: Request, access: WorkspaceAccess) -> WebhookService:
    return webhook_service(workspace=access.workspace, actor=actor_of(request, access))
