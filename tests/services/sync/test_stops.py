"""What stops a run, and what it leaves behind: nothing that was on its way, and no last sync."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from beton.models import Workspace
from integrations_posthog.client.transport import Transport
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    StagedUsage,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.sync import batches, schedule
from integrations_posthog.services.sync.batches import BatchReader
from integrations_posthog.services.usage import UsageService
from integrations_posthog.wiring import connection_service, usage_service
from tests.connections import actor, service_of
from tests.syncs import Syncs, syncs_of

QUERY = "/query/"


def connection() -> PosthogWorkspaceConfig:
    return PosthogWorkspaceConfig.objects.get()


@pytest.fixture
def usage(syncs: Syncs) -> UsageService:
    """Acme's."""
    return usage_service(workspace=syncs.connection.workspace, actor=actor())


class TestStopped:
    """Somebody stops a run while PostHog is asked, and PostHog fails then."""

    @pytest.mark.parametrize("fault", ["503", "402", "401", "429", "drop"])
    @pytest.mark.parametrize("how", ["purge", "mapping", "disconnect", "delete"])
    def test_there_is_no_word_of_it(
        self,
        syncs: Syncs,
        usage: UsageService,
        acme: Workspace,
        posthog: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
        how: str,
        fault: str,
    ) -> None:
        post, stops = Transport.post, [STOPS[how]]

        def stopped(self: Transport, *args: Any, **kwargs: Any) -> Any:
            if stops:
                stops.pop()(usage)
                posthog.us.fail(fault, path=QUERY)
            return post(self, *args, **kwargs)

        run = syncs.start()
        monkeypatch.setattr(Transport, "post", stopped)
        ended = syncs.performer.perform(run.pk)
        assert not stops
        assert (ended.error if ended else "") == (DISCONNECTED if how == "disconnect" else "")
        assert not PosthogConnectionEvent.objects.filter(action="sync").exists()
        assert not PosthogWorkspaceConfig.objects.filter(is_validated=False).exists()

    def test_a_mistake_of_ours_is_told_even_then(
        self, syncs: Syncs, usage: UsageService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*args: object, **kwargs: object) -> None:
            STOPS["purge"](usage)
            raise RuntimeError("disk on fire")

        monkeypatch.setattr(BatchReader, "read", broken)
        with pytest.raises(RuntimeError, match="disk on fire"):
            syncs.sync()


DISCONNECTED = "The workspace was disconnected."
STOPS: dict[str, Callable[[UsageService], object]] = {
    "purge": lambda usage: usage.purge(confirm=str(usage.workspace.pk)),
    "mapping": lambda usage: usage.change_mapping(strategy="email_domain"),
    "disconnect": lambda usage: connection_service(
        workspace=usage.workspace, actor=actor()
    ).disconnect(),
    "delete": lambda usage: usage.workspace.delete(),
}


class TestLastSync:
    @pytest.fixture(autouse=True)
    def _synced(self, syncs: Syncs) -> None:
        syncs.sync()
        assert connection().last_sync == syncs.now

    def test_a_purge_removes_it(self, usage: UsageService, acme: Workspace) -> None:
        usage.purge(confirm=str(acme.pk))
        assert connection().last_sync is None

    def test_so_does_another_mapping(self, usage: UsageService) -> None:
        usage.change_mapping(strategy="email_domain")
        assert connection().last_sync is None

    def test_so_does_another_time_zone(self, syncs: Syncs, posthog: Sandbox) -> None:
        posthog.us.data(12345).set_timezone("Pacific/Auckland")
        syncs.now += timedelta(hours=2)
        assert syncs.performer.perform(syncs.start().pk) is None
        assert connection().last_sync is None
        assert syncs.sync().state == "done"
        assert connection().last_sync == syncs.now


def test_a_project_that_takes_another_s_place_was_never_synced(
    acme: Workspace, posthog: Sandbox
) -> None:
    syncs = syncs_of(acme, KEYS.several)
    syncs.sync()
    assert connection().last_sync is not None
    service_of(acme).choose_project(project_id="202", replace=True)
    assert (connection().posthog_project_id, connection().last_sync) == ("202", None)


class TestStaged:
    """Whatever stops a run between two pages, what it had staged does not stay for ever."""

    @pytest.fixture
    def stop(self, syncs: Syncs, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SyncRun | None]:
        """Perform a run during which something is done as soon as something is staged."""

        def perform(act: Callable[[], object]) -> SyncRun | None:
            stage, acts = BatchReader._stage, [act]

            def staged(self: BatchReader, *args: object) -> None:
                stage(self, *args)  # type: ignore[arg-type]
                if acts:
                    assert StagedUsage.objects.exists()
                    acts.pop()()

            with monkeypatch.context() as patch:
                patch.setattr(batches, "ACCOUNTS_AT_A_TIME", 1)
                patch.setattr(BatchReader, "_stage", staged)
                run = syncs.performer.perform(syncs.start().pk)
            assert not acts
            return run

        return perform

    def test_purge_and_another_mapping_remove_it(
        self, stop: Callable[..., SyncRun | None], usage: UsageService, acme: Workspace
    ) -> None:
        assert stop(lambda: usage.purge(confirm=str(acme.pk))) is None
        assert not StagedUsage.objects.exists()
        assert stop(lambda: usage.change_mapping(strategy="email_domain")) is None
        assert not StagedUsage.objects.exists()

    def test_disconnecting_removes_it_and_ends_the_run(
        self, stop: Callable[..., SyncRun | None], acme: Workspace
    ) -> None:
        run = stop(service_of(acme).disconnect)
        assert run is not None
        assert (run.state, run.error) == ("failed", DISCONNECTED)
        assert not StagedUsage.objects.exists()

    @pytest.mark.parametrize("what", ["workspace", "source"])
    def test_the_tick_removes_what_the_database_s_own_cascade_left(
        self, stop: Callable[..., SyncRun | None], syncs: Syncs, acme: Workspace, what: str
    ) -> None:
        gone = {"workspace": acme.delete, "source": lambda: UsageSource.objects.all().delete()}
        assert stop(gone[what]) is None
        schedule.start_due_runs(rules=syncs.rules, now=syncs.now)
        assert not StagedUsage.objects.exists()

    def test_the_tick_leaves_what_is_under_way(
        self, stop: Callable[..., SyncRun | None], syncs: Syncs
    ) -> None:
        run = stop(lambda: schedule.start_due_runs(rules=syncs.rules, now=syncs.now))
        assert run is not None
        assert run.state == "done"

    def test_a_run_that_fails_leaves_nothing(
        self, stop: Callable[..., SyncRun | None], posthog: Sandbox
    ) -> None:
        run = stop(lambda: posthog.us.revoke(KEYS.full))
        assert run is not None
        assert run.state == "failed"
        assert not StagedUsage.objects.exists()
