"""An account's signals as its page shows them: its score, its timeline, and why not."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ..access import WorkspaceAccess
from ..errors import NotFound
from ..models import Account
from ..services.signals.definitions import DefinitionService
from ..services.signals.evidence import posthog_url
from ..services.signals.judging import history_of
from ..services.signals.signals import Explanation, SignalService
from ..wiring import definition_service, signal_service
from .base import actor_of
from .leads import changed_signal, markers, signals_page

_MOST_MARKERS = 200


def signals_context(
    request: HttpRequest, access: WorkspaceAccess, account: Account
) -> dict[str, Any]:
    """What the page of an account shows of its signals."""
    actor = actor_of(request, access)
    service = signal_service(workspace=access.workspace, actor=actor)
    definitions = definition_service(workspace=access.workspace, actor=actor)
    asked = request.GET.get("definition", "")
    return {
        "can_manage": access.can_manage,
        "judged": history_of(account.source),
        "posthog_url": posthog_url(account.source, account),
        "signals": signals_page(service.signals(), account, asked=request.GET.get("signals")),
        "markers": markers(service.signals(), account, most=_MOST_MARKERS),
        "definitions": definitions.definitions(),
        "asked_definition": asked,
        "explanation": _explanation(service, account, definitions, asked),
        "changed": changed_signal(request, service),
        "back": request.path,
    }


def _explanation(
    service: SignalService, account: Account, definitions: DefinitionService, asked: str
) -> Explanation | None:
    try:
        return service.explain(account=account, definition=definitions.definition(asked))
    except NotFound:
        return None
