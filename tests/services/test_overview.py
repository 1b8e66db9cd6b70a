"""What people are shown of a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from beton.models import Workspace
from integrations_posthog.errors import PostHogIntegrationError
from integrations_posthog.models import PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.overview import connection_overview
from integrations_posthog.services.validator import PostHogValidatorService


def attempt(act: Callable[[], object]) -> None:
    with pytest.raises(PostHogIntegrationError):
        act()


@pytest.fixture
def connected(service: PostHogValidatorService) -> PostHogValidatorService:
    service.validate_and_store_config(api_key=KEYS.several.value, project_id="202")
    return service


def test_trouble_lasts_since_the_first_failure_after_the_last_success(
    connected: PostHogValidatorService, posthog: Sandbox, acme: Workspace, now: list[datetime]
) -> None:
    start = now[0]
    for hour, fault in enumerate(["500", None, "drop", "500"], start=1):
        now[0] = start + timedelta(hours=hour)
        posthog.us.heal()
        if fault:
            posthog.us.fail(fault)
            attempt(connected.recheck)
        else:
            connected.recheck()
    overview = connection_overview(acme)
    assert overview.state == "trouble"
    assert overview.trouble is not None
    assert overview.trouble.since == start + timedelta(hours=3)
    assert "API returned an error" in overview.trouble.error


def test_attempts_with_other_keys_hosts_and_projects_are_no_checks_of_the_stored_one(
    connected: PostHogValidatorService, posthog: Sandbox, acme: Workspace
) -> None:
    before = connection_overview(acme).last_check
    attempt(lambda: connected.validate_and_store_config(api_key=KEYS.revoked.value))
    attempt(
        lambda: connected.validate_and_store_config(
            api_key=KEYS.several.value, host=posthog.eu.url, project_id="202"
        )
    )
    attempt(lambda: connected.choose_project(project_id="999"))
    overview = connection_overview(acme)
    assert overview.last_check == before
    assert overview.state == "connected"
    assert overview.trouble is None


def test_a_row_that_was_never_validated_is_no_connection_that_works(
    connected: PostHogValidatorService, acme: Workspace
) -> None:
    PosthogWorkspaceConfig.objects.update(is_validated=False)
    overview = connection_overview(acme)
    assert overview.state == "trouble"
    assert overview.trouble is not None


def test_who_connected_and_who_disconnected_is_told(
    connected: PostHogValidatorService, acme: Workspace, now: list[datetime]
) -> None:
    connected.recheck()
    connected.disconnect()
    overview = connection_overview(acme)
    assert overview.state == "disconnected"
    assert overview.connected is not None
    assert overview.connected.action == "connect"
    assert overview.disconnected is not None
    assert overview.disconnected.actor_name == "alice"


def test_a_refusal_met_on_the_way_to_another_project_is_told_with_what_to_do(
    connected: PostHogValidatorService, posthog: Sandbox, acme: Workspace, now: list[datetime]
) -> None:
    posthog.us.remove_scope(KEYS.several, "query:read")
    attempt(lambda: connected.choose_project(project_id="203"))
    trouble = connection_overview(acme).trouble
    assert trouble is not None
    assert trouble.hint.startswith("The key lacks query:read. Make one")
    assert trouble.since == now[0]


def test_a_refusal_that_came_before_the_last_good_check_explains_nothing(
    connected: PostHogValidatorService, posthog: Sandbox, acme: Workspace
) -> None:
    posthog.us.fail("401")
    attempt(connected.recheck)
    posthog.us.heal()
    connected.recheck()
    text = "Invalid or unauthorized API key"
    PosthogWorkspaceConfig.objects.update(is_validated=False, validation_error=text)
    trouble = connection_overview(acme).trouble
    assert trouble is not None
    assert (trouble.error, trouble.since) == (text, None)
    assert trouble.hint == "Re-check it, to see how each step ends."


def test_the_first_check_of_a_row_that_lacks_host_and_hint_is_found_though_it_fails(
    connected: PostHogValidatorService, posthog: Sandbox, acme: Workspace, now: list[datetime]
) -> None:
    PosthogWorkspaceConfig.objects.update(posthog_host="", api_key_hint="")
    assert connection_overview(acme).last_check is None
    posthog.us.fail("500")
    attempt(connected.recheck)
    overview = connection_overview(acme)
    assert overview.last_check is not None
    assert overview.trouble is not None
    assert overview.trouble.since == now[0]


def test_a_try_elsewhere_does_not_tell_a_row_without_a_host_where_it_belongs(
    connected: PostHogValidatorService, posthog: Sandbox
) -> None:
    PosthogWorkspaceConfig.objects.update(posthog_host="", api_key_hint="")
    attempt(
        lambda: connected.validate_and_store_config(api_key=KEYS.several.value, host=posthog.eu.url)
    )
    assert PosthogWorkspaceConfig.objects.get().posthog_host == ""
