from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from integrations_posthog.access import WorkspaceAccess

from .models import Seat


def access_for(request: HttpRequest) -> WorkspaceAccess:
    """The team in which the caller has a seat; whoever leads it may manage its connection."""
    seat = Seat.objects.select_related("team").filter(user_id=request.user.pk).first()
    if seat is None:
        raise PermissionDenied("You have no seat in a team")
    return WorkspaceAccess(workspace=seat.team, can_manage=seat.leads)
