"""The API's call for a backtest: what it answers, to whom, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.models import (
    AccountEventDay,
    Signal,
    SignalDefinition,
    SignalDefinitionVersion,
    UsageEvent,
    UsageSource,
)
from tests.usage import AS_OF, store_usage

As = Callable[[User], APIClient]

GOAL = "upgraded"
ASKED = {"goal_event": GOAL, "horizon_days": 7}


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage of 60 days: 20 accounts that are always active, 15 of which upgrade."""
    source = store_usage(acme, accounts=20)
    goal = UsageEvent.objects.create(source=source, name=GOAL)
    for number, account in enumerate(source.accounts.order_by("id")[:15]):
        day = AS_OF - timedelta(days=50 - number)
        AccountEventDay.objects.create(account=account, day=day, event=goal, events=1, people=1)
    return source


@pytest.fixture
def definition(acme: Workspace, source: UsageSource) -> SignalDefinition:
    """A draft, which is met by every account on every day."""
    return define(acme)


def define(workspace: Workspace) -> SignalDefinition:
    condition = {"measure": "active_days", "events": None, "days": 7}
    rule = {"all": [condition | {"compare": {"to": "value", "at_least": 1}}]}
    made = SignalDefinition.objects.create(workspace=workspace)
    made.version = SignalDefinitionVersion.objects.create(
        definition=made,
        number=1,
        name="Active",
        rule=rule,
        weight=10,
        cooldown_days=14,
        actor_name="alice",
    )
    made.save()
    return made


def ask(client: APIClient, definition_id: object, body: Any = ASKED) -> Any:
    address = f"/api/posthog/signal-definitions/{definition_id}/backtest"
    return client.post(address, body, format="json")


def hint(response: Any) -> str:
    assert (response.status_code, response.json()["error_type"]) == (400, "invalid_format")
    return str(response.json()["hint"])


def test_a_member_is_told_what_the_definition_was_worth(
    carol: User, definition: SignalDefinition, session_client: As
) -> None:
    response = ask(session_client(carol), definition.pk)
    found = response.json()
    assert response.status_code == 200
    tops = found.pop("caught_by_weekly_top")
    assert [top["n"] for top in tops] == [5, 10, 25, 50]
    assert all(0 <= top["share"] <= 1 for top in tops)
    precision, recall = found.pop("precision"), found.pop("recall")
    assert precision.keys() == recall.keys() == {"value", "low", "high"}
    # All have their only signal on the first day that can be judged.
    assert found == {
        "sample": "ok",
        "accounts": 20,
        "exposed": 20,
        "goals": 11,
        "lift": None,
        "median_lead_days": pytest.approx(7),
        "signals_per_week": pytest.approx(20 * 7 / 53),
        "changed_after": 0,
    }
    assert precision["value"] == 5 / 20
    assert recall["value"] == 1 / 11
    assert not Signal.objects.exists()


def test_of_few_accounts_ratios_are_null(
    alice: User, definition: SignalDefinition, session_client: As
) -> None:
    body = ASKED | {"from": str(AS_OF - timedelta(days=10)), "to": str(AS_OF - timedelta(days=1))}
    found = ask(session_client(alice), definition.pk, body).json()
    assert found["sample"] == "too_few"
    assert (found["precision"], found["recall"], found["lift"]) == (None, None, None)
    assert found["median_lead_days"] is None
    assert found["caught_by_weekly_top"] == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"goal_event": "nothing"}, "goal_event: no event 'nothing' is held of this project."),
        ({"horizon_days": 0}, "horizon_days: Ensure this value is greater than or equal to 1."),
        ({"horizon_days": 181}, "horizon_days: Ensure this value is less than or equal to 180."),
        ({"horizon_days": None}, "horizon_days: This field may not be null."),
        ({"goal_event": ""}, "goal_event: This field may not be blank."),
        ({"goal_event": "a\0b"}, "goal_event: Null characters are not allowed."),
        (
            {"from": "2020-01-01"},
            "from and to are days from 2026-09-30 to 2026-11-21, in this order.",
        ),
        (
            {"to": "soon"},
            "to: Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(
    changes: dict[str, Any],
    says: str,
    alice: User,
    definition: SignalDefinition,
    session_client: As,
) -> None:
    assert hint(ask(session_client(alice), definition.pk, ASKED | changes)) == says


def test_goal_and_horizon_are_needed(
    alice: User, definition: SignalDefinition, session_client: As
) -> None:
    assert (
        hint(ask(session_client(alice), definition.pk, {})) == "goal_event: This field is required."
    )


def test_a_definition_of_others_is_not_found(
    charlie: User, alice: User, definition: SignalDefinition, session_client: As
) -> None:
    for client, address in (
        (session_client(charlie), definition.pk),
        (session_client(alice), definition.pk + 1),
        (session_client(alice), "first"),
    ):
        response = ask(client, address)
        assert (response.status_code, response.json()["error_type"]) == (404, "not_found")


def test_who_is_not_logged_in_is_told_nothing(definition: SignalDefinition) -> None:
    assert ask(APIClient(), definition.pk).status_code == 401


def test_while_no_usage_is_held_it_says_so(
    globex: Workspace, charlie: User, session_client: As
) -> None:
    answer = ask(session_client(charlie), define(globex).pk)
    assert hint(answer) == ("No usage is held yet to replay the definition over. Start a sync.")


def test_there_are_ten_a_minute_for_a_workspace(
    alice: User, bob: User, session_client: As, acme: Workspace
) -> None:
    empty = define(acme)
    for _ in range(10):
        assert ask(session_client(alice), empty.pk).status_code == 400
    response = ask(session_client(bob), empty.pk)
    assert (response.status_code, response.json()["error_type"]) == (429, "rate_limited")
    assert 0 < int(response.headers["Retry-After"]) <= 60
