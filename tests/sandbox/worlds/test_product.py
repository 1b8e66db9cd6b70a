"""The year of a product: its size, and the shapes that a reader of the data should find."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations_posthog.sandbox import ProductWorld, ProjectData
from integrations_posthog.sandbox.worlds.product import EVENT_NAMES, PUBLIC_DOMAINS

from .conftest import filled

NOW = datetime(2026, 10, 9, 19, 30, tzinfo=UTC)
FINGERPRINT = "SELECT bit_xor(hash(uuid, event, timestamp, created_at, person_id, properties)) FROM"


@pytest.fixture(scope="module")
def product() -> Iterator[ProjectData]:
    data = filled(ProductWorld(), now=NOW)
    yield data
    data.forget()


def rows(data: ProjectData, text: str) -> list[list[Any]]:
    return data.run_text(text).rows


def test_a_year_is_built_in_a_few_seconds() -> None:
    data = filled(ProductWorld(), now=NOW)
    start = time.perf_counter()
    data.open()
    assert time.perf_counter() - start < 20


def test_it_has_the_size_of_a_small_business(product: ProjectData) -> None:
    [[events, first, last, names]] = rows(
        product,
        "select count(), min(toDate(timestamp)), max(toDate(timestamp)), "
        "arraySort(groupUniqArray(event)) from events",
    )
    assert 270_000 < events < 330_000
    assert (first, last) == ("2025-10-09", "2026-10-09")
    assert names == sorted(EVENT_NAMES)
    assert len(names) == 18
    assert rows(product, "select count() from persons") == [[20_000]]
    [[accounts]] = rows(product, "select uniq($group_0) from events where $group_0 != ''")
    assert 1_500 < accounts <= 2_000


def test_nothing_is_of_the_future(product: ProjectData) -> None:
    text = "select countIf(timestamp > now()), countIf(created_at > now()) from events"
    assert rows(product, text) == [[0, 0]]
    [[late]] = rows(product, "select countIf(created_at > timestamp + interval 1 hour) from events")
    assert late > 1_000


def test_it_grows_and_rests_on_weekends(product: ProjectData) -> None:
    text = "select toDate(timestamp) as day, count() from events group by day order by day"
    days = [(datetime.fromisoformat(day), count) for day, count in rows(product, text)]
    weekend = [count for day, count in days if day.weekday() > 4]
    week = [count for day, count in days if day.weekday() < 5]
    assert 2 * sum(weekend) / len(weekend) < sum(week) / len(week)
    assert 3 * sum(count for _, count in days[:60]) < sum(count for _, count in days[-60:])


def test_accounts_leave_and_others_begin_to_pay(product: ProjectData) -> None:
    text = "select $group_0, max(timestamp) from events group by 1 having count() > 50"
    month_ago = (NOW - timedelta(days=45)).isoformat()
    gone = [key for key, last in rows(product, text) if key and last < month_ago]
    assert len(gone) > 30
    counts = "countIf(event = 'subscription_started'), countIf(event = 'plan_upgraded')"
    [[started, upgraded]] = rows(product, f"select {counts} from events")
    assert started > 200
    assert upgraded > 50


def test_more_events_have_a_companys_domain_than_a_group(product: ProjectData) -> None:
    domain = "splitByChar('@', ifNull(person.properties.email, ''))[2]"
    [[all_events, grouped, private, public]] = product.run_text(
        f"select count(), countIf($group_0 != ''), countIf({domain} = ''), "
        f"countIf({domain} in {{public}}) from events",
        {"public": list(PUBLIC_DOMAINS)},
    ).rows
    of_companies = (all_events - private - public) / all_events
    assert 0.91 < of_companies < 0.95
    assert 0.78 < grouped / all_events < of_companies - 0.04
    assert private > 0
    assert public > 0


def test_groups_describe_most_accounts(product: ProjectData) -> None:
    text = (
        "select count(), countIf(properties.name is not null), "
        "countIf(properties.plan is not null), "
        "countIf(toInt(properties.employees) > 0 and properties.country is not null "
        "and properties.industry is not null) from groups where index = 0"
    )
    [[groups, named, planned, described]] = rows(product, text)
    assert groups == named > 1_400
    assert 0.8 < planned / groups < 1
    assert planned == described


def test_people_and_events_name_their_company_and_workspace(product: ProjectData) -> None:
    text = (
        "select countIf(person.properties.company is not null) / count(), "
        "countIf(properties.workspace_id is not null) / count() from events"
    )
    [[company, workspace]] = rows(product, text)
    assert 0.8 < company < 0.95
    assert 0.85 < workspace < 0.95


def test_it_is_the_same_on_every_run_of_a_day(product: ProjectData) -> None:
    again = filled(ProductWorld(), now=NOW)
    later = filled(ProductWorld(), now=NOW + timedelta(hours=2))
    known = "(SELECT * FROM events WHERE created_at <= TIMESTAMP '2026-10-09 19:30:00')"
    prints = [data.run_sql(f"{FINGERPRINT} {known}") for data in (product, again, later)]
    assert prints[0] == prints[1] == prints[2]
    counts = [data.run_sql("SELECT count(*) FROM events") for data in (product, later)]
    assert counts[0] < counts[1]
