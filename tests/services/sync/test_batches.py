"""Reading a batch: to the empty page, part by part, and not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from beton.models import Workspace
from integrations_posthog.client.usage import UsageRange
from integrations_posthog.client.usage_replies import (
    AccountUsage,
    DayUsage,
    EventUsage,
    RecentEvent,
)
from integrations_posthog.errors import ApiError
from integrations_posthog.models import Account, StagedUsage, SyncRun
from integrations_posthog.services.mapping import Mapping
from integrations_posthog.services.sync import batches
from integrations_posthog.services.sync.batches import BatchReader, Tally
from integrations_posthog.services.sync.context import TurnOverError
from integrations_posthog.services.sync.leases import RunLease
from tests.usage import AS_OF, store_source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ASKED = UsageRange(days=(AS_OF,), last_day=AS_OF, horizon=NOW)

Pages = Callable[[UsageRange, str | None], Iterable[str]]


def usage(key: str) -> AccountUsage:
    """An account's: two events of one person, today."""
    by_event = [EventUsage("signup", [AS_OF], [2], [1])]
    by_day = [DayUsage([AS_OF], [2], [1], [1], [1])]
    return AccountUsage(key, by_event, by_day, [RecentEvent("signup", 2, 1)])


class Client:
    """Answers with the accounts that a function names; ``asked`` is what it was asked for."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.asked: list[tuple[int, str | None]] = []

    def usage_page(self, *, key: str, asked: UsageRange, after: str | None) -> list[AccountUsage]:
        self.asked.append((asked.part, after))
        return [usage(name) for name in self._pages(asked, after)]


@pytest.fixture
def run(acme: Workspace) -> SyncRun:
    source = store_source(acme)
    return SyncRun.objects.create(source=source, kind="recent", days_back=35, actor_name="alice")


Read = Callable[..., Tally]


@pytest.fixture
def read(run: SyncRun) -> Read:
    """Read what a client answers."""
    lease = RunLease(run_id=run.pk, seconds=60, clock=lambda: NOW)
    assert lease.take()

    def read_from(client: Client, *, parts: int = 1, **facts: Any) -> Tally:
        reader = BatchReader(
            run_id=run.pk,
            source=run.source,
            mapping=Mapping(strategy="email_domain"),
            client=client,  # type: ignore[arg-type]
            lease=lease,
            **facts,
        )
        return reader.read(ASKED, parts=parts)

    return read_from


def keys(*names: str, at_once: int = 2) -> Pages:
    """These accounts, so many on a page."""

    def page(asked: UsageRange, after: str | None) -> list[str]:
        return [name for name in names if after is None or name > after][:at_once]

    return page


@pytest.fixture
def _stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the last account is too much to be kept in memory."""
    monkeypatch.setattr(batches, "ACCOUNTS_AT_A_TIME", 1)


@pytest.mark.usefixtures("_stages")
def test_it_goes_on_until_a_page_is_empty_however_short_one_was(read: Read) -> None:
    client = Client(keys("a", "b", "c"))
    tally = read(client)
    assert client.asked == [(0, None), (0, "b"), (0, "c")]
    assert (tally.pages, tally.accounts) == (2, 3)
    assert tally.by_event[AS_OF] == tally.by_day[AS_OF] == tally.last_28_days == 6
    assert StagedUsage.objects.count() == 2 * 3


def test_each_part_is_read_to_its_end(read: Read) -> None:
    of_parts = {0: keys("a", "c", "e"), 1: keys(), 2: keys("b", "d")}
    client = Client(lambda asked, after: of_parts[asked.part](asked, after))
    assert read(client, parts=3).accounts == 5
    assert client.asked == [(0, None), (0, "c"), (0, "e"), (1, None), (2, None), (2, "d")]


@pytest.mark.usefixtures("_stages")
def test_what_was_staged_before_makes_way(read: Read) -> None:
    for _ in range(2):
        read(Client(keys("a", "b")))
    assert StagedUsage.objects.count() == 3


@pytest.mark.usefixtures("_stages")
def test_what_belongs_to_no_account_is_added_up_but_not_stored(read: Read) -> None:
    names = ["", "gmail.com", "hooli.example", "initech.example", "nul\0", "x" * 201, "\ud800"]
    tally = read(Client(lambda asked, after: [] if after is not None else names))
    reasons = {"no_account", "public_email_provider", "contains_nul", "too_long", "not_text"}
    assert tally.unattributed[AS_OF] == dict.fromkeys(reasons, 2)
    assert tally.by_day[AS_OF] == 14
    assert list(Account.objects.values_list("key", flat=True)) == ["hooli.example"]


@pytest.mark.usefixtures("_stages")
def test_more_accounts_than_are_kept_are_all_staged_but_the_last(read: Read) -> None:
    read(Client(keys("a", "b", "c", "d", "e", at_once=9)))
    assert set(Account.objects.values_list("key", flat=True)) == set("abcd")


@pytest.mark.parametrize(("bound", "most"), [("MOST_PAGES", 4), ("MOST_ACCOUNTS", 9)])
def test_pages_without_an_end_are_given_up(
    read: Read, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(batches, bound, most)
    client = Client(lambda asked, after: [f"{after or 'k'}{letter}" for letter in "ab"])
    with pytest.raises(ApiError) as raised:
        read(client)
    assert raised.value.hint == "There are too many accounts. Choose another mapping."
    assert len(client.asked) == 5


def test_after_every_page_somebody_may_have_it_stop(read: Read) -> None:
    def give_way() -> None:
        raise TurnOverError

    client = Client(keys("a", "b", "c"))
    with pytest.raises(TurnOverError):
        read(client, on_page=give_way)
    assert client.asked == [(0, None)]
