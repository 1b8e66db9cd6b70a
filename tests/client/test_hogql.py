"""The texts that are sent to PostHog: within its rules, and nobody's words in them."""

from __future__ import annotations

import re

import pytest

from integrations_posthog.client import hogql

KEY = hogql.group_key(0)
TEXTS = {
    "count": hogql.EVENTS_OF_30_DAYS,
    "days": hogql.DAY_COUNTS,
    "groups": hogql.GROUPS,
    "coverage": hogql.coverage({"group 0": KEY}),
    "usage": hogql.usage(key=KEY, is_first_page=True, parts=1, with_last_28_days=True),
    "usage, a later page and part": hogql.usage(
        key=KEY, is_first_page=False, parts=4, with_last_28_days=False
    ),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_text_ends_with_a_limit_that_posthog_does_not_cut(text: str) -> None:
    [limit] = re.findall(r"LIMIT (\d+)\s*$", text)
    assert 1 <= int(limit) <= hogql.MOST_ROWS == 50_000
    assert "OFFSET" not in text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_reading_of_events_has_a_range_of_time(text: str) -> None:
    for reading in text.split("FROM events")[1:]:
        assert re.match(r"\s*WHERE\s+timestamp >= ", reading)


def test_a_later_page_and_a_part_are_asked_for_by_values() -> None:
    first, later = TEXTS["usage"], TEXTS["usage, a later page and part"]
    assert "{after}" not in first
    assert "cityHash64" not in first
    assert later.count("account > {after}") == later.count("cityHash64(account) % 4 = {part}") == 2


def test_group_types_are_five() -> None:
    assert hogql.group_key(4) == "`$group_4`"
    with pytest.raises(ValueError, match="0 to 4"):
        hogql.group_key(5)


@pytest.mark.parametrize("name", ["a`b", "a'b", "a{b", "a\\b", "", " a", "-a", "a\nb", "x" * 101])
def test_a_property_s_name_that_could_break_out_is_not_asked_for(name: str) -> None:
    assert not hogql.is_property_name(name)
    with pytest.raises(ValueError, match="not a property's name"):
        hogql.person_property(name)
    with pytest.raises(ValueError, match="not a property's name"):
        hogql.event_property(name)
