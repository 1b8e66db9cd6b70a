"""Support staff's view: who is connected, what went wrong, since when. Never a key."""

from .connections import ConnectionAdmin
from .history import ConnectionEventAdmin
from .signals import SignalAdmin, SignalDefinitionAdmin
from .usage import AccountAdmin, SyncDayAdmin, SyncRunAdmin
from .webhooks import WebhookAdmin, WebhookDeliveryAdmin

__all__ = [
    "AccountAdmin",
    "ConnectionAdmin",
    "ConnectionEventAdmin",
    "SignalAdmin",
    "SignalDefinitionAdmin",
    "SyncDayAdmin",
    "SyncRunAdmin",
    "WebhookAdmin",
    "WebhookDeliveryAdmin",
]
