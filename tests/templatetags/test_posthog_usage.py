"""How usage is written: days of the ledger, changes, durations, shares and small charts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from integrations_posthog.models import SyncDay
from integrations_posthog.templatetags.posthog_usage import (
    change,
    duration,
    ledger_text,
    mapping_text,
    percent,
    reasons_text,
    sparkline,
)

EAST = timezone(timedelta(hours=9))


def day(state: str, **columns: object) -> SyncDay:
    facts = {"events_posthog": 42_354, "events_stored": 42_234, "events_unattributed": 120}
    return SyncDay(day=date(2026, 11, 12), state=state, **facts | columns)


def words(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_a_verified_day_is_told_in_utc_with_what_belongs_to_no_account() -> None:
    row = day("green", verified_at=datetime(2026, 11, 13, 19, 5, tzinfo=EAST))
    assert ledger_text(row) == (
        "12 Nov 2026: 42,354 of 42,354 events, 120 of no account, "
        "verified at 13 Nov 2026, 10:05 UTC"
    )


def test_a_day_that_does_not_add_up_says_so_and_when_it_last_did() -> None:
    verified = datetime(2026, 11, 13, 10, 5, tzinfo=UTC)
    assert ledger_text(day("red", events_stored=42_000, verified_at=verified)) == (
        "12 Nov 2026, not verified: 42,120 of 42,354 events, 120 of no account, "
        "last verified at 13 Nov 2026, 10:05 UTC"
    )


def test_a_day_that_was_never_read_has_nothing() -> None:
    row = day("pending", events_stored=0, events_unattributed=0)
    assert ledger_text(row) == "12 Nov 2026, still to be read: 0 of 42,354 events"


def test_reasons_come_with_the_most_frequent_first_and_unknown_ones_too() -> None:
    counts = {"too_long": 1, "no_account": 1_200, "of a later version": 3}
    assert reasons_text(counts) == (
        "1,200 that name none, 3 of a later version, "
        "1 with an account key of more than 200 characters"
    )


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [
        (112, 100, "+12 % on the 7 days before"),
        (88, 100, "−12 % on the 7 days before"),
        (0, 100, "−100 % on the 7 days before"),
        (13_000, 100, "+12,900 % on the 7 days before"),
        (1_001, 1_000, "±0 % on the 7 days before"),
        (5, 0, "new"),
        (0, 0, ""),
    ],
)
def test_a_change_is_told_against_the_period_before(now: int, before: int, shown: str) -> None:
    assert words(change(now, before, "7 days")) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.93, "93 %"), (1, "100 %"), (0.9999, "over 99 %"), (0.0001, "under 1 %"), (0, "0 %")],
)
def test_a_share_is_neither_rounded_up_to_all_nor_down_to_nothing(share: float, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 seconds"),
        (1, "1 second"),
        (89, "89 seconds"),
        (91, "2 minutes"),
        (5_399, "90 minutes"),
        (9_000, "2 hours"),
    ],
)
def test_a_duration_is_told_in_a_unit_that_fits(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_mapping_is_named_with_its_value() -> None:
    named = [
        mapping_text("email_domain", ""),
        mapping_text("group", "0"),
        mapping_text("person_property", "company"),
    ]
    assert named == ["E-mail domain", "Group type 0", "Person property company"]


def test_a_sparkline_reaches_from_its_lowest_to_its_highest_and_says_its_numbers() -> None:
    html = sparkline([0, 500, 1_000])
    assert 'aria-label="Events of the last 3 weeks: 0, 500, 1,000"' in html
    assert '<polyline points="2.0,22.0 48.0,12.0 94.0,2.0"/>' in html


@pytest.mark.parametrize("trend", [[], [7]])
def test_there_is_no_line_through_less_than_two_weeks(trend: list[int]) -> None:
    assert sparkline(trend) == ""


def test_a_line_of_nothing_is_flat() -> None:
    assert 'points="2.0,22.0 94.0,22.0"' in sparkline([0, 0])
