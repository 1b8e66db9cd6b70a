"""Names and properties of accounts that are groups: as PostHog has them, asked for sparingly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from integrations_posthog.client.usage import PostHogUsageClient
from integrations_posthog.client.usage_replies import GroupRow
from integrations_posthog.models import Account
from integrations_posthog.sandbox import Event, ProjectData, Sandbox
from integrations_posthog.services.sync import context, groups
from tests.syncs import Syncs


@pytest.fixture
def data(posthog: Sandbox) -> ProjectData:
    """The data of the project that Acme syncs, in which accounts are groups of type 0."""
    return posthog.us.data(12345)


def something_happens(syncs: Syncs, data: ProjectData, company: str = "initech") -> None:
    """An event, so that the next sync has a day to read."""
    data.add_events(
        [
            Event(
                event="signup",
                timestamp=syncs.now - timedelta(days=1),
                person_id=uuid4(),
                groups={0: company},
            )
        ]
    )
    syncs.now += timedelta(minutes=10)


def asked_since(posthog: Sandbox) -> list[str]:
    """From when on each query about groups wanted those that changed; of first pages alone."""
    bodies = [entry.body for entry in posthog.us.requests if "/query/" in entry.path]
    values = [body["query"]["values"] for body in bodies if body["name"] == "beton: groups"]
    return [each["since"] for each in values if not each["after"]]


def told_of(company: str) -> tuple[str, dict[str, Any] | None]:
    account = Account.objects.get(key=company)
    return account.name, account.properties


def test_accounts_are_named_as_their_groups_and_have_their_properties(
    syncs: Syncs, data: ProjectData
) -> None:
    data.set_group(0, "initech", {"name": "Initech GmbH", "plan": "pro", "seats": [1, None]})
    syncs.sync()
    assert (syncs.source.strategy, syncs.source.value) == ("group", "0")
    assert told_of("initech") == (
        "Initech GmbH",
        {"name": "Initech GmbH", "plan": "pro", "seats": [1, None]},
    )
    assert told_of("hooli") == ("Hooli", {"name": "Hooli"})


def test_without_a_name_an_account_is_called_by_its_key(syncs: Syncs, data: ProjectData) -> None:
    data.set_group(0, "initech", {"plan": "pro"})
    something_happens(syncs, data, company="nobody knows")
    syncs.sync()
    assert told_of("initech") == ("initech", {"plan": "pro"})
    assert told_of("nobody knows") == ("nobody knows", {})


def test_what_is_too_long_is_cut_or_left_out(syncs: Syncs, data: ProjectData) -> None:
    data.set_group(0, "initech", {"name": "I" * 300})
    data.set_group(0, "hooli", {"name": "Hooli", "notes": "x" * 20_000})
    syncs.sync()
    assert told_of("initech")[0] == "I" * 255
    assert told_of("hooli") == ("Hooli", {})


def test_all_pages_are_read_however_short_they_are(
    syncs: Syncs, data: ProjectData, posthog: Sandbox
) -> None:
    posthog.us.limit_queries(rows=2)
    assert syncs.sync().state == "done"
    names = set(Account.objects.values_list("name", flat=True))
    assert names == {"Globex", "Hooli", "Initech", "Soylent", "Vandelay"}


def test_later_only_what_changed_is_asked_for(
    syncs: Syncs, data: ProjectData, posthog: Sandbox
) -> None:
    syncs.sync()
    first_read_at = syncs.now
    data.set_group(0, "hooli", {"name": "Hooli XYZ"})
    something_happens(syncs, data)
    syncs.sync()
    assert told_of("hooli") == ("Hooli XYZ", {"name": "Hooli XYZ"})
    expected = ["1970-01-01", f"{first_read_at - timedelta(hours=1):%Y-%m-%d %H:%M:%S}"]
    assert [
        since[: len(each)] for since, each in zip(asked_since(posthog), expected, strict=True)
    ] == expected


def test_a_new_account_s_group_is_asked_for_whenever_it_changed(
    syncs: Syncs, data: ProjectData, posthog: Sandbox
) -> None:
    data.set_group(0, "umbrella", {"name": "Umbrella"})
    syncs.sync()
    syncs.now += timedelta(days=2)
    something_happens(syncs, data, company="umbrella")
    syncs.sync()
    assert told_of("umbrella")[0] == "Umbrella"
    days = [since[:10] for since in asked_since(posthog)]
    assert days == ["1970-01-01", (syncs.now - timedelta(days=2)).date().isoformat()]


def test_where_nothing_was_read_of_days_nobody_asks_for_groups(
    syncs: Syncs, posthog: Sandbox
) -> None:
    syncs.sync_history()
    before = asked_since(posthog)
    syncs.sync()
    assert asked_since(posthog) == before


def test_groups_that_are_too_much_at_once_come_without_their_longest_properties(
    syncs: Syncs, data: ProjectData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MAX_REPLY_BYTES", 50_000)
    for company in ("globex", "hooli", "soylent"):
        data.set_group(0, company, {"name": company.upper(), "notes": "x" * 19_000})
    run = syncs.sync()
    assert (run.state, run.error) == ("done", "")
    assert told_of("hooli") == ("HOOLI", {})
    assert told_of("initech") == ("Initech", {"name": "Initech"})


def test_a_group_whose_key_no_column_holds_is_passed_over(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [GroupRow(key, "A name", {}) for key in ("a\0b", "a\ud800", "initech")]
    pages = [rows, []]
    monkeypatch.setattr(PostHogUsageClient, "groups", lambda self, **asked: pages.pop(0))
    assert syncs.sync().state == "done"
    assert told_of("initech") == ("A name", {})


def test_pages_without_an_end_are_not_read_for_ever(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def page(self: PostHogUsageClient, *, after: str, **facts: Any) -> list[GroupRow]:
        asked.append(after)
        return [GroupRow(f"{after}k", "A name", {})]

    monkeypatch.setattr(PostHogUsageClient, "groups", page)
    monkeypatch.setattr(groups, "_MOST_PAGES", 5)
    assert syncs.sync().state == "done"
    assert asked == ["", "k", "kk", "kkk", "kkkk"]


def test_of_very_many_new_accounts_all_groups_are_read_instead(
    syncs: Syncs, data: ProjectData, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.set_group(0, "umbrella", {"name": "Umbrella"})
    syncs.sync()
    syncs.now += timedelta(days=2)
    for company in ("umbrella", "stark"):
        something_happens(syncs, data, company=company)
    monkeypatch.setattr(groups, "_MOST_KEYS", 1)
    syncs.sync()
    assert told_of("umbrella")[0] == "Umbrella"
    assert told_of("stark") == ("stark", {})
    assert [since[:10] for since in asked_since(posthog)] == ["1970-01-01", "1970-01-01"]
