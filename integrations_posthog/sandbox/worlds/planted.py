"""A world whose truth is known: how much more often accounts upgrade after a rise in active people.

All accounts are there from the first day on, and everyone is at work at least on the weekday of
their first day, so that the people of seven days change only when people come or go. Day by day,
each account that has not left:

- leaves, with the chance ``churn``, but not on the first day: from then on it does nothing, and
  never upgrades;
- upgrades, once, with the chance ``usual``, or ``raised`` on the ``raised_days`` after its rise;
- rises, once, from day ``first_rise`` on, with the chance ``rise``: at least as many people again
  come to work, and stay. A rise after the upgrade, or on the same day, means nothing for it.

So there are accounts that upgrade after a rise, others that rise without upgrading, upgrades
without a rise, and churners. ``lift`` tells what a backtest has to find: with the chances below and
a horizon of 30 days, 2.95 over the whole world.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ..data.store import Store

GOAL = "plan_upgraded"
SESSION_EVENTS = ("$pageview", "report_viewed", "comment_added")
NEVER = 1_000_000

CHANCE = (
    "CREATE OR REPLACE MACRO planted_chance(seed, what, number) AS "
    "(CAST(hash(concat(seed, '/', what, '/', number)) >> 11 AS DOUBLE) + 0.5) / 9007199254740992.0"
)
# On which day, from 0 on, something happens that has the same chance on every day.
DAY = (
    "CREATE OR REPLACE MACRO planted_day(seed, what, number, daily) AS "
    "CAST(least(floor(ln(planted_chance(seed, what, number)) / ln(1 - daily)), 1000000) AS INTEGER)"
)

ACCOUNTS = f"""
CREATE TEMP TABLE planted_accounts AS
WITH fates AS (
    SELECT number, 3 + CAST(floor(3 * planted_chance($seed, 'size', number)) AS INTEGER) AS people,
        1 + planted_day($seed, 'leaves', number, $churn) AS leaves,
        planted_day($seed, 'usual', number, $usual) AS usual,
        $first_rise + planted_day($seed, 'rises', number, $rise) AS rises
    FROM range($accounts) AS numbers(number)
), turns AS (
    SELECT * REPLACE (CASE WHEN rises < leaves THEN rises ELSE {NEVER} END AS rises),
        rises + 1 + planted_day($seed, 'raised', number, $raised) AS raised,
        rises + 1 + $raised_days + planted_day($seed, 'later', number, $usual) AS later
    FROM fates
)
SELECT number, people, leaves, rises, CASE
        WHEN least(usual, rises) >= leaves THEN {NEVER}
        WHEN usual <= rises THEN usual
        WHEN raised <= rises + $raised_days THEN raised
        ELSE later END AS upgrades
FROM turns
"""  # noqa: S608  (of a number)

# Those who come with a rise are at least as many as were there.
PEOPLE = """
CREATE TEMP TABLE planted_people AS
SELECT 100 * number + person AS number, number AS account, leaves,
    CASE WHEN person < people THEN 0 ELSE rises END AS joins
FROM planted_accounts, range(2 * people + number % 3) AS persons(person)
WHERE person < people OR rises < $days
"""

EVENTS = """
INSERT INTO events (uuid, event, timestamp, created_at, distinct_id, person_id, properties,
    "$group_0", "$group_1", "$group_2", "$group_3", "$group_4")
SELECT CAST(md5(concat_ws('/', 'planted', $seed, person, day, event)) AS UUID), event,
    moment, moment + to_seconds(2), 'user-' || person,
    CAST(md5('planted/person/' || $seed || '/' || person) AS UUID), '{}',
    'account-' || account, '', '', '', ''
FROM (
    SELECT *, timezone('UTC', timezone($zone, CAST($first + day AS TIMESTAMP)
        + to_seconds(32400 + (person * 7919 + day * 104729) % 28800))) AS moment
    FROM (
        SELECT p.number AS person, p.account, CAST(days.day AS INTEGER) AS day,
            $names[1 + CAST(floor(len($names) * planted_chance($seed, 'event',
                1000 * p.number + days.day)) AS INTEGER)] AS event
        FROM planted_people p JOIN range($days) AS days(day)
            ON days.day >= p.joins AND days.day < p.leaves
        WHERE (days.day - p.joins) % 7 = 0
            OR planted_chance($seed, 'works', 1000 * p.number + days.day) < 0.05
        UNION ALL
        SELECT 100 * number, number, upgrades, $goal
        FROM planted_accounts WHERE upgrades < least(leaves, $days)
    )
)
ORDER BY moment
"""

PERSONS = """
INSERT INTO persons (id, created_at, properties)
SELECT CAST(md5('planted/person/' || $seed || '/' || number) AS UUID),
    CAST($first + joins AS TIMESTAMP),
    json_object('email', 'user-' || number || '@account-' || account || '.example')
FROM planted_people
"""

GROUPS = """
INSERT INTO groups ("index", key, created_at, updated_at, properties)
SELECT 0, 'account-' || number, CAST($first AS TIMESTAMP), CAST($first AS TIMESTAMP),
    json_object('name', 'Account ' || number)
FROM planted_accounts
"""


@dataclass(frozen=True, kw_only=True)
class PlantedWorld:
    """So many accounts over so many days before today; the same for the same seed."""

    seed: int
    accounts: int = 300
    days: int = 100
    usual: float = 0.004
    raised: float = 0.0125
    raised_days: int = 30
    rise: float = 0.01
    first_rise: int = 14
    churn: float = 0.001
    timezone: str = "UTC"
    group_types: tuple[str, ...] = ("company",)
    has_events: bool = True

    def load(self, store: Store, *, now: datetime) -> None:
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        facts = {
            name: getattr(self, name)
            for name in ("seed", "accounts", "days", "usual", "raised", "raised_days", "rise")
        }
        facts |= {"first_rise": self.first_rise, "churn": self.churn, "zone": self.timezone}
        facts |= {"first": today.fromordinal(today.toordinal() - self.days)}
        facts |= {"names": list(SESSION_EVENTS), "goal": GOAL}
        store.execute(CHANCE)
        store.execute(DAY)
        for sql in (ACCOUNTS, PEOPLE, EVENTS, PERSONS, GROUPS):
            named = facts.keys() & re.findall(r"\$(\w+)", sql)
            store.execute(sql, {name: facts[name] for name in named})
        for name in ("accounts", "people"):
            store.execute(f"DROP TABLE planted_{name}")

    def lift(self, *, horizon_days: int, first: int) -> float:
        """The lift of a rise in a world of endlessly many accounts.

        Args:
            horizon_days: for how many days after its rise an account is followed.
            first: the first day of the backtest's period; it ends with the last day of the world.
        """
        rates, rises = self._without_rise()
        expected = total = 0.0
        for day in range(first, self.days - horizon_days):
            lasting = 1.0
            for rate in rates[day + 1 : day + horizon_days + 1]:
                lasting *= 1 - rate
            expected += rises[day] * (1 - lasting)
            total += rises[day]
        return self._after_rise(horizon_days) * total / expected

    def _after_rise(self, horizon_days: int) -> float:
        """The chance to upgrade within so many days after a rise."""
        found, there = 0.0, 1.0
        for day in range(1, horizon_days + 1):
            chance = self.raised if day <= self.raised_days else self.usual
            there *= 1 - self.churn
            found, there = found + there * chance, there * (1 - chance)
        return found

    def _without_rise(self) -> tuple[list[float], list[float]]:
        """Day by day: which share upgrades of the accounts that did not and have not risen, be they
        at work or gone, and which share of all accounts rises without having upgraded."""
        at_work, gone = 1.0, 0.0
        rates, rises = [], []
        for day in range(self.days):
            still = at_work * (1 - self.churn if day else 1.0)
            upgraded = still * self.usual
            risen = (still - upgraded) * (self.rise if day >= self.first_rise else 0.0)
            rates.append(upgraded / (at_work + gone))
            rises.append(risen)
            at_work, gone = still - upgraded - risen, gone + at_work - still
        return rates, rises
