"""Rules and usage at random, to hold one way of evaluating to another."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random
from typing import Any

from integrations_posthog.models import (
    Account,
    AccountDay,
    AccountEventDay,
    UsageEvent,
    UsageSource,
)
from integrations_posthog.pql.facts import DayFacts, Days
from integrations_posthog.pql.rules import RuleError, parse_rule

NAMES = ("a", "b", "c")


def random_rule(chance: Random) -> dict[str, Any]:
    """Any rule, with windows that are short enough for short histories."""
    joined = chance.choice(["all", "any", "sequence"])
    least = 2 if joined == "sequence" else 1
    conditions = [random_condition(chance) for _ in range(chance.randrange(least, 4))]
    rule: dict[str, Any] = {joined: conditions}
    return rule | ({"within_days": chance.randrange(1, 8)} if joined == "sequence" else {})


def random_condition(chance: Random) -> dict[str, Any]:
    """Any condition that can be met by somebody."""
    while True:
        condition = _drawn(chance)
        try:
            parse_rule({"all": [condition]})
        except RuleError:
            continue
        return condition


def _drawn(chance: Random) -> dict[str, Any]:
    measure = chance.choice(["events", "active_days", "distinct_events", "active_people"])
    is_people = measure == "active_people"
    names = [*NAMES, "never seen"]
    some = chance.sample(names, chance.randrange(1, 4)) if chance.random() < 0.6 else None
    return {
        "measure": measure,
        "events": None if is_people else some,
        "days": 7 if is_people else chance.randrange(1, 8),
        "compare": random_compare(chance),
    }


def random_compare(chance: Random) -> dict[str, Any]:
    return chance.choice(
        [
            {"to": "value", "at_least": chance.randrange(4)},
            {"to": "value", "at_most": chance.randrange(4)},
            {"to": "own_past", "ratio_at_least": chance.choice([0, 0.5, 1.5, 2]), "min_volume": 3},
            {"to": "own_past", "ratio_at_most": chance.choice([0, 0.5, 1])},
            {"to": "percentile", "at_least": chance.choice([5, 50, 80, 99.9])},
            {"to": "first_time", "silent_days": chance.randrange(1, 6)},
        ]
    )


def store_random_usage(
    source: UsageSource, chance: Random, *, accounts: int, first: date, days: int
) -> None:
    """Usage of some accounts on some days; people are any numbers."""
    events = [UsageEvent.objects.create(source=source, name=name) for name in NAMES]
    for number in range(accounts):
        account = Account.objects.create(source=source, key=f"{number}", name=f"{number}")
        pace = chance.choice([0.05, 0.3, 0.8])
        for ago in range(days):
            if chance.random() < pace:
                store_day(account, first + timedelta(days=ago), events, chance)
        seen = account.days.filter(events__gt=0).order_by("day").first()
        Account.objects.filter(pk=account.pk).update(first_seen=seen.day if seen else None)


def store_day(account: Account, day: date, events: list[UsageEvent], chance: Random) -> None:
    least = 0 if account.days.exists() else 1  # Nobody is active before the first event.
    some = chance.sample(events, chance.randrange(least, 4))
    counts = {event: chance.randrange(1, 4) for event in some}
    AccountEventDay.objects.bulk_create(
        AccountEventDay(account=account, day=day, event=event, events=count, people=1)
        for event, count in counts.items()
    )
    people = chance.randrange(1, 9)
    AccountDay.objects.create(
        account=account,
        day=day,
        events=sum(counts.values()),
        people=1,
        people_7d=people,
        people_28d=people + chance.randrange(3),
    )


def facts_of(source: UsageSource) -> dict[int, Days]:
    """All that is stored of each account, to be judged by."""
    by_event: defaultdict[tuple[int, date], dict[str, int]] = defaultdict(dict)
    rows = AccountEventDay.objects.filter(account__source=source)
    for account, day, name, count in rows.values_list("account", "day", "event__name", "events"):
        by_event[account, day][name] = count
    found: defaultdict[int, dict[date, DayFacts]] = defaultdict(dict)
    for row in AccountDay.objects.filter(account__source=source):
        found[row.account_id][row.day] = DayFacts(
            events=row.events,
            people_7d=row.people_7d,
            people_28d=row.people_28d,
            by_event=by_event[row.account_id, row.day],
        )
    return dict(found)
