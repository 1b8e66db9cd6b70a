from .connection import PosthogConnectionEvent, PosthogWorkspaceConfig
from .pql import (
    FitCriteria,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
)
from .sync import QueryTurn, StagedUsage, SyncDay, SyncRun
from .usage import (
    Account,
    AccountDay,
    AccountEvent,
    AccountEventDay,
    UsageEvent,
    UsageSource,
)
from .webhooks import Webhook, WebhookDelivery

__all__ = [
    "Account",
    "AccountDay",
    "AccountEvent",
    "AccountEventDay",
    "FitCriteria",
    "PosthogConnectionEvent",
    "PosthogWorkspaceConfig",
    "QueryTurn",
    "Signal",
    "SignalDefinition",
    "SignalDefinitionVersion",
    "StagedUsage",
    "SyncDay",
    "SyncRun",
    "UsageEvent",
    "UsageSource",
    "Webhook",
    "WebhookDelivery",
]
