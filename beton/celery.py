"""Celery, for those who run a worker: ``celery -A beton worker`` and ``celery -A beton beat``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init
from django.core.exceptions import ImproperlyConfigured

from integrations_posthog.checks import require_usable_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "beton.settings")

app = Celery("beton")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def refuse_unusable_settings(**_: Any) -> None:
    """A worker that cannot decrypt keys does not start.

    Raises:
        SystemExit: Celery takes no lesser exception of a signal's receiver for a reason to end.
    """
    try:
        require_usable_settings()
    except ImproperlyConfigured as exc:
        raise SystemExit(str(exc)) from exc
