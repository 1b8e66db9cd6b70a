"""The small history: an exact number of events at every hour."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations_posthog.sandbox import KEYS
from integrations_posthog.sandbox.api import Api
from integrations_posthog.sandbox.tenants import new_region
from integrations_posthog.sandbox.worlds.small import EVENT_NAMES

from ..conftest import Caller, ask

NOON = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def api() -> Api:
    """The region us at noon of some day."""
    return Api(region=new_region("us", clock=lambda: NOON))


def count(api: Api, where: str, *, values: dict[str, Any] | None = None) -> int:
    """How many events of Acme Production meet a condition."""
    text = f"select count() from events where {where}"
    answer = ask(api, now=NOON, text=text, values=values)
    assert answer.status == 200, answer.body
    total: int = answer.body["results"][0][0]
    return total


def test_acme_has_15420_events_in_the_last_30_days(us: Caller) -> None:
    assert us.query().json()["results"] == [[15420]]


@pytest.mark.parametrize("hour", range(0, 24, 5))
def test_that_number_is_the_same_at_any_hour(hour: int) -> None:
    moment = datetime(2026, 10, 9, hour, 59, 59, tzinfo=UTC)
    api = Api(region=new_region("us", clock=lambda: moment))
    assert ask(api, now=moment).body["results"] == [[15420]]


def test_older_events_come_on_top_and_none_is_in_the_future(api: Api) -> None:
    assert count(api, "timestamp >= subtractDays(now(), 60)") == 15420 + 7710
    assert count(api, "timestamp > now()") == 0


def test_another_customer_with_that_project_id_has_other_events(eu: Caller) -> None:
    assert eu.query(key=KEYS.eu).json()["results"] == [[312]]


def test_a_project_may_be_without_events(us: Caller) -> None:
    response = us.query("select count() from events", key=KEYS.several, project=203)
    assert response.json()["results"] == [[0]]
    told = us.get("/api/projects/203/", key=KEYS.several).json()
    assert told["ingested_event"] is False


def test_the_names_of_events_part_the_whole(api: Api) -> None:
    whole = count(api, "true")
    assert sum(count(api, f"event = '{name}'") for name in EVENT_NAMES) == whole
    assert count(api, "event = '$pageview'") > count(api, "event = 'signup'") > 0


@pytest.mark.parametrize(
    ("where", "same"),
    [
        ("timestamp >= now() - toIntervalDay(30)", "timestamp >= now() - INTERVAL 30 DAY"),
        ("timestamp >= now() - interval 4 week", "timestamp >= subtractDays(now(), 28)"),
        ("addDays(timestamp, 7) >= now()", "timestamp >= now() - interval 168 hour"),
        ("not event = 'signup'", "event != 'signup'"),
        ("event = 'signup' or event = '$pageview'", "event in ('signup', '$pageview')"),
        ("event like 'team%'", "event = 'team_member_invited'"),
        ("event ilike 'SIGN_P'", "event = 'signup'"),
        ("timestamp between '2020-01-01' and now()", "timestamp <= now()"),
        ("timestamp not between '2020-01-01' and now()", "timestamp > now()"),
        ("timestamp > '2026-10-01T23:00:00+14:00'", "timestamp > '2026-10-01 09:00:00'"),
        ("events.event = 'signup' and $group_0 = ''", "$group_0 = '' and event = 'signup'"),
    ],
)
def test_equal_conditions_count_the_same(api: Api, where: str, same: str) -> None:
    assert count(api, where) == count(api, same)


def test_placeholders_take_their_values(api: Api) -> None:
    where = "event in {names} and timestamp >= {since}"
    values = {"names": ["signup", "report_created"], "since": "2020-01-01"}
    expected = count(api, "event = 'signup' or event = 'report_created'")
    assert count(api, where, values=values) == expected


def test_a_value_stays_a_value_whatever_it_says(api: Api) -> None:
    assert count(api, "event = {name}", values={"name": "x' or '1' = '1"}) == 0


def test_people_and_companies_come_along(api: Api) -> None:
    text = (
        "select $group_0, group_0.properties.name, any(person.properties.email) from events "
        "where $group_0 = 'initech' group by 1, 2"
    )
    [[key, name, email]] = ask(api, now=NOON, text=text).body["results"]
    assert (key, name) == ("initech", "Initech")
    assert email.endswith("@initech.example")
