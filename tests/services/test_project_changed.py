"""Usage of one project is never mixed with that of another: it stays, or it makes way."""

from __future__ import annotations

from datetime import date

import pytest

from integrations_posthog.errors import ProjectChanged
from integrations_posthog.models import (
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncDay,
    SyncRun,
    UsageSource,
)
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.validator import PostHogValidatorService


@pytest.fixture
def source(service: PostHogValidatorService, posthog: Sandbox) -> UsageSource:
    """Usage of project 201, which is connected."""
    service.validate_and_store_config(api_key=KEYS.several.value, project_id="201")
    return UsageSource.objects.create(
        connection=PosthogWorkspaceConfig.objects.get(),
        posthog_host=posthog.us.url,
        posthog_project_id="201",
    )


@pytest.fixture
def day(source: UsageSource) -> SyncDay:
    return SyncDay.objects.create(
        source=source, day=date(2026, 11, 1), state="green", events_posthog=1
    )


def connected_to() -> str:
    return PosthogWorkspaceConfig.objects.get().posthog_project_id


def test_another_project_is_refused_while_usage_of_the_old_one_is_stored(
    service: PostHogValidatorService, day: SyncDay
) -> None:
    with pytest.raises(ProjectChanged):
        service.choose_project(project_id="202")
    assert connected_to() == "201"
    assert SyncDay.objects.get() == day
    last = PosthogConnectionEvent.objects.latest("id")
    assert (last.action, last.outcome, last.error_type) == ("connect", "failed", "project_changed")
    assert PosthogWorkspaceConfig.objects.get().is_validated


def test_the_same_project_number_in_another_region_is_another_project(
    service: PostHogValidatorService, day: SyncDay, posthog: Sandbox
) -> None:
    with pytest.raises(ProjectChanged):
        service.validate_and_store_config(
            api_key=KEYS.eu.value, host=posthog.eu.url, project_id="201"
        )
    assert SyncDay.objects.get() == day


def test_whoever_says_so_replaces_it(service: PostHogValidatorService, day: SyncDay) -> None:
    SyncRun.objects.create(source=day.source, kind="recent", days_back=35, actor_name="alice")
    service.choose_project(project_id="202", replace=True)
    assert connected_to() == "202"
    assert not UsageSource.objects.exists()
    assert not SyncDay.objects.exists()
    assert not SyncRun.objects.exists()


def test_the_same_project_keeps_its_usage(service: PostHogValidatorService, day: SyncDay) -> None:
    service.disconnect()
    service.validate_and_store_config(api_key=KEYS.several.value, project_id="201")
    service.recheck()
    assert SyncDay.objects.get() == day


def test_without_usage_nothing_stands_in_the_way(
    service: PostHogValidatorService, source: UsageSource
) -> None:
    service.choose_project(project_id="202")
    assert connected_to() == "202"
    assert not UsageSource.objects.exists()
