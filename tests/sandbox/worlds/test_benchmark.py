"""Histories of a given size."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from integrations_posthog.sandbox import BenchmarkWorld, ProjectData

from .conftest import filled

NOW = datetime(2026, 10, 9, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def data() -> ProjectData:
    return filled(BenchmarkWorld(events=50_000, accounts=100, people=1_000), now=NOW)


def test_it_is_as_large_as_it_was_told_to_be(data: ProjectData) -> None:
    text = "select count(), uniq($group_0), uniq(person_id), uniq(event) from events"
    [[events, accounts, people, names]] = data.run_text(text).rows
    assert (events, accounts, names) == (50_000, 100, 18)
    assert 900 < people <= 1_000
    assert data.run_text("select count() from persons").rows == [[1_000]]
    assert data.run_text("select count() from groups").rows == [[100]]


def test_its_events_fill_the_days_before_now(data: ProjectData) -> None:
    text = "select min(timestamp), max(timestamp) < now() from events"
    assert data.run_text(text).rows == [["2026-07-11T12:00:00Z", 1]]
    days = "select toDate(timestamp) as day, count() as n from events group by day"
    assert data.run_text(f"select countIf(n > 550 and n < 560) from ({days})").rows == [[89]]


def test_properties_have_the_size_asked_for_and_can_be_read(data: ProjectData) -> None:
    [[size, workspaces]] = data.run_text(
        "select avg(length(properties)), uniq(properties.workspace_id) from events"
    ).rows
    assert 550 < size < 650
    assert workspaces == 100


def test_every_person_is_of_one_account_by_group_and_by_domain(data: ProjectData) -> None:
    text = (
        "select count() from (select person_id from events group by person_id "
        "having uniq($group_0) > 1 or uniq(splitByChar('@', person.properties.email)[2]) != 1)"
    )
    assert data.run_text(text).rows == [[0]]


def test_a_million_events_are_built_in_a_few_seconds_and_make_the_rows_of_a_product() -> None:
    large = filled(BenchmarkWorld(events=1_000_000), now=NOW)
    start = time.perf_counter()
    large.open()
    assert time.perf_counter() - start < 20
    assert number_of("$group_0, day, event", large) == pytest.approx(376_000, rel=0.05)
    assert number_of("$group_0, day", large) == pytest.approx(153_000, rel=0.05)
    large.forget()


def number_of(columns: str, data: ProjectData) -> int:
    """How many different rows of these columns the events have."""
    days = "select $group_0, event, toDate(timestamp) as day from events"
    distinct = f"select {columns} from ({days}) group by {columns}"
    [[count]] = data.run_text(f"select count() from ({distinct})").rows
    return int(count)
