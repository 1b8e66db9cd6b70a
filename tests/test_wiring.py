"""The use cases as the entry points call them: every sync ends with an evaluation."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog import wiring
from integrations_posthog.models import Signal, SyncRun, UsageSource
from integrations_posthog.sandbox import Sandbox
from integrations_posthog.services.signals.judging import history_of
from tests.connections import actor, connect
from tests.evaluations import at_least, define

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _connected(settings: Settings, posthog: Sandbox, acme: Workspace) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_FIRST_DAYS = 10
    settings.INTEGRATIONS_POSTHOG_SYNC_HISTORY_DAYS = 10
    connect(acme)


def sync(workspace: Workspace) -> SyncRun:
    asked = wiring.usage_service(workspace=workspace, actor=actor()).request_sync()
    run = wiring.performer().perform(asked.pk)
    assert run is not None
    return run


def test_a_sync_ends_with_the_evaluation_of_what_it_read(acme: Workspace) -> None:
    define(acme, at_least(1, days=7))
    assert sync(acme).state == SyncRun.State.DONE
    source = UsageSource.objects.get()
    history = history_of(source)
    assert history is not None
    fired_on = set(Signal.objects.values_list("fired_on", flat=True))
    assert min(fired_on) == history.first + timedelta(days=6)
    assert source.accounts.filter(score__gt=0).count() == Signal.objects.count() > 0


def test_an_evaluation_that_fails_is_logged_and_costs_the_sync_nothing(
    acme: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(source: UsageSource, **_: object) -> None:
        raise RuntimeError("of no account")

    define(acme, at_least(1, days=7))
    with monkeypatch.context() as broken, caplog.at_level(logging.ERROR):
        broken.setattr(wiring, "evaluate", fail)
        assert sync(acme).state == SyncRun.State.DONE
    assert "Evaluating the signals of" in caplog.text
    assert not Signal.objects.exists()
    sync(acme)
    assert Signal.objects.exists()
