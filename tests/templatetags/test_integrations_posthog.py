"""How times, numbers and hints are written on the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from integrations_posthog.templatetags.integrations_posthog import linked, thousands, utc_time


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=45))]
)
def test_a_time_is_written_in_utc_whatever_its_zone(zone: timezone) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).astimezone(zone)
    assert utc_time(moment) == (
        '<time datetime="2026-01-02T03:04:05Z">2 Jan 2026, 03:04 UTC</time>'
    )


def test_a_number_has_commas_between_its_thousands() -> None:
    assert thousands(1234567) == "1,234,567"
    assert thousands(0) == "0"


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("Make one at https://us.posthog.com/a?b=c", "https://us.posthog.com/a?b=c", ""),
        ("See http://127.0.0.1:8010/settings.", "http://127.0.0.1:8010/settings", "."),
        ("(https://us.posthog.com)", "https://us.posthog.com", ")"),
    ],
)
def test_an_address_in_a_hint_becomes_a_link_that_opens_in_a_new_tab(
    text: str, address: str, rest: str
) -> None:
    link = f'<a href="{address}" target="_blank" rel="noopener">{address}</a>'
    assert linked(text) == text.partition(address)[0] + link + rest


@pytest.mark.parametrize(
    "text", ["Only addresses that start with https:// are asked.", "javascript:alert(1)", ""]
)
def test_what_is_no_whole_address_becomes_no_link(text: str) -> None:
    assert linked(text) == text


def test_a_hint_brings_no_markup_along() -> None:
    shown = linked('<script>x</script> https://a.example/"onclick="x <b>')
    assert "<script" not in shown
    assert "<b>" not in shown
    assert 'href="https://a.example/"' in shown
    assert '"onclick=' not in shown
