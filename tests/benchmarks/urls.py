"""The host project's addresses, and a bare view to compare ``status`` with."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from beton.urls import urlpatterns as host_urlpatterns
from beton.workspaces import memberships_of
from integrations_posthog.models import PosthogWorkspaceConfig


class BareStatusView(APIView):
    """The least that DRF takes to answer the same facts by the same queries."""

    def get(self, request: Request) -> Response:
        membership = memberships_of(request).first()
        assert membership is not None
        config = PosthogWorkspaceConfig.objects.filter(workspace_id=membership.workspace_id).first()
        assert config is not None
        return Response(
            {
                "is_configured": True,
                "is_validated": config.is_validated,
                "is_active": config.is_active,
                "workspace_name": config.posthog_workspace_name,
                "project_id": config.posthog_project_id,
                "validated_at": config.validated_at,
                "last_sync": config.last_sync,
                "validation_error": config.validation_error,
            }
        )


urlpatterns = [path("bare/status", BareStatusView.as_view()), *host_urlpatterns]
