"""The API's addresses. No slash is needed at the end; one is accepted."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.urls import URLPattern, path, re_path

from .backtest_viewsets import BacktestViewSet
from .signal_viewsets import (
    DefinitionViewSet,
    FitViewSet,
    PreviewViewSet,
    SignalViewSet,
    WhyNotViewSet,
)
from .usage_viewsets import AccountViewSet, MappingViewSet, PurgeViewSet, SyncViewSet
from .viewsets import PosthogViewSet, UnknownPathView, WorkspaceViewSet
from .webhook_viewsets import DeliveryViewSet, WebhookViewSet

app_name = "posthog_api"


def _calls(route: str, viewset: type[WorkspaceViewSet], **methods: str) -> list[URLPattern]:
    # PostHog is asked in between, so no transaction may span the request.
    actions: dict[str, Any] = dict(methods)
    documented = transaction.non_atomic_requests(viewset.as_view(actions))
    undocumented = transaction.non_atomic_requests(viewset.as_view(actions, schema=None))
    name = next(iter(methods.values()))
    return [path(route, documented, name=name), path(f"{route}/", undocumented)]


urlpatterns = [
    *_calls("validate", PosthogViewSet, post="validate"),
    *_calls("status", PosthogViewSet, get="status"),
    *_calls("disconnect", PosthogViewSet, post="disconnect"),
    *_calls("sync", SyncViewSet, get="progress", post="start"),
    *_calls("sync/days", SyncViewSet, get="days"),
    *_calls("accounts", AccountViewSet, get="accounts"),
    *_calls("accounts/<str:account_id>", AccountViewSet, get="account"),
    *_calls("accounts/<str:account_id>/why-not", WhyNotViewSet, get="why_not"),
    *_calls("account-mapping", MappingViewSet, get="mapping", put="change_mapping"),
    *_calls("purge", PurgeViewSet, post="purge"),
    *_calls("webhooks", WebhookViewSet, get="webhooks", post="add"),
    *_calls(
        "webhooks/<str:webhook_id>", WebhookViewSet, get="webhook", patch="change", delete="remove"
    ),
    *_calls("webhooks/<str:webhook_id>/test", WebhookViewSet, post="send_test"),
    *_calls("webhooks/<str:webhook_id>/deliveries", DeliveryViewSet, get="deliveries"),
    *_calls("signal-definitions", DefinitionViewSet, get="definitions", post="create_definition"),
    *_calls("signal-definitions/preview", PreviewViewSet, post="preview_rule"),
    *_calls(
        "signal-definitions/<str:definition_id>",
        DefinitionViewSet,
        get="definition",
        put="update_definition",
        patch="update_definition",
    ),
    *_calls("signal-definitions/<str:definition_id>/pause", DefinitionViewSet, post="pause"),
    *_calls("signal-definitions/<str:definition_id>/activate", DefinitionViewSet, post="activate"),
    *_calls(
        "signal-definitions/<str:definition_id>/preview", PreviewViewSet, get="preview_definition"
    ),
    *_calls("signal-templates", DefinitionViewSet, get="templates"),
    *_calls("signals", SignalViewSet, get="signals"),
    *_calls("signals/<str:signal_id>", SignalViewSet, get="signal"),
    *_calls("signals/<str:signal_id>/acknowledge", SignalViewSet, post="acknowledge"),
    *_calls("signals/<str:signal_id>/dismiss", SignalViewSet, post="dismiss"),
    *_calls("fit-criteria", FitViewSet, get="fit_criteria", put="change_fit_criteria"),
    *_calls("signal-definitions/<str:definition_id>/backtest", BacktestViewSet, post="backtest"),
    re_path(r"", UnknownPathView.as_view()),
]
