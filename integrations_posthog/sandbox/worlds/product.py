"""A year of a small B2B product: growth, weekends, churn, accounts about to buy, and upgrades that
more people at work foretell, three times as many as otherwise (``upgrades`` has their truth).

Everything is a hash of who, what and when, made in DuckDB: the same on every run of a day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ..data.store import Store
from . import upgrades

# Events of a session by their weights; the others come from an account's or a person's life.
SESSION_EVENTS = {
    "$pageview": 380,
    "$autocapture": 150,
    "report_viewed": 120,
    "search_performed": 75,
    "api_called": 70,
    "report_created": 55,
    "comment_added": 40,
    "export_downloaded": 25,
    "dashboard_created": 22,
    "report_shared": 20,
    "invite_sent": 14,
    "pricing_viewed": 12,
    "integration_connected": 9,
    "invite_accepted": 8,
}
LIFE_EVENTS = ("signed_up", "onboarding_completed", "subscription_started", "plan_upgraded")
EVENT_NAMES = (*SESSION_EVENTS, *LIFE_EVENTS)


def _words(text: str) -> list[str]:
    return text.split()


FIRST_WORDS = _words(
    "Acorn Alder Amber Anchor Apex Arbor Aspen Atlas Aurora Beacon Birch Bright Cedar Cinder "
    "Clover Cobalt Copper Coral Crest Delta Ember Falcon Fern Flint Garnet Granite Harbor Hazel "
    "Heron Indigo Iris Ivory Juniper Lumen Maple Meadow Nimbus North Onyx Orchard Pebble Pine "
    "Quartz River Sable Sierra Summit Tidal Velvet Willow"
)
SECOND_WORDS = _words(
    "Analytics Bank Bio Capital Care Cloud Craft Data Design Digital Dynamics Energy Foods Freight "
    "Games Goods Health Home Labs Learning Legal Logic Logistics Media Mobility Motors Networks "
    "Optics Partners Pay Power Robotics Security Software Sports Studio Systems Travel Trust Works"
)
PUBLIC_DOMAINS = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "proton.me")
INDUSTRIES = ("Software", "Retail", "Finance", "Health", "Logistics", "Education", "Media")
COUNTRIES = ("US", "GB", "DE", "FR", "BR", "IN", "NL", "CA", "AU", "SE")

# A number from 0 to 1 for a thing by its name and number.
CHANCE = (
    "CREATE OR REPLACE MACRO chance(what, number) AS "
    "CAST(hash(concat(what, '/', number)) >> 11 AS DOUBLE) / 9007199254740992.0"
)
PICK = (
    "CREATE OR REPLACE MACRO pick(words, part) AS "
    "words[1 + CAST(floor(part * len(words)) AS INTEGER)]"
)

# Days count from 0, a year ago, to $days, today; one that is past them never comes.
ACCOUNTS = """
CREATE TEMP TABLE product_accounts AS
WITH named AS (
    SELECT number, first || ' ' || second AS name, lower(first || '-' || second) AS key,
        lower(first || second) || '.com' AS domain
    FROM (SELECT number, $firsts[1 + number % len($firsts)] AS first,
            $seconds[1 + (number // len($firsts)) % len($seconds)] AS second
        FROM range($accounts) AS numbers(number))
), born AS (
    SELECT *, CASE WHEN chance('old', number) < 0.3 THEN -200
        ELSE CAST(floor($days * sqrt(chance('born', number))) AS INTEGER) END AS birth
    FROM named
)
SELECT *,
    CASE WHEN chance('churns', number) < 0.14
        THEN greatest(birth, 0) + 20 + CAST(floor(220 * chance('end', number)) AS INTEGER)
        ELSE 100000 END AS death,
    CASE WHEN chance('pays', number) < 0.3
        THEN greatest(birth, 0) + 7 + CAST(floor(150 * chance('start', number)) AS INTEGER)
        ELSE 100000 END AS payment,
    chance('surges', number) < 0.04 AS surges,
    chance('grouped', number) < 0.88 AS grouped,
    CASE WHEN chance('pays', number) < 0.3
        THEN pick(['team', 'business', 'enterprise'], chance('plan', number))
        ELSE 'free' END AS plan
FROM born
"""

# The first person of every account comes with it; the others go to some accounts more than others.
PEOPLE = """
CREATE TEMP TABLE product_people AS
SELECT p.number, a.number AS account, a.key, a.domain, a.name AS company, a.death, a.grouped,
    a.plan, a.surges, 'user-' || p.number AS distinct_id,
    CAST(md5('product/person/' || p.number) AS UUID) AS id,
    CASE WHEN p.number < $accounts THEN a.birth
        ELSE a.birth + CAST(floor(90 * chance('joins', p.number)) AS INTEGER) END AS joined,
    CASE WHEN chance('mail', p.number) < 0.93 THEN 'user' || p.number || '@' || a.domain
        WHEN chance('mail', p.number) < 0.975
        THEN 'user' || p.number || '@' || pick($public_domains, chance('public', p.number))
    END AS email
FROM (SELECT number, CASE WHEN number < $accounts THEN number
        ELSE CAST(floor($accounts * pow(chance('employer', number), 1.7)) AS INTEGER)
        END AS employer
    FROM range($people) AS numbers(number)) p
JOIN product_accounts a ON a.number = p.employer
"""

# A session is a person at work on a day: more of them from month to month, few on weekends.
SESSIONS = """
CREATE TEMP TABLE product_sessions AS
SELECT s.number, p.number AS person, s.day
FROM (
    SELECT number, CAST(floor($people * pow(chance('who', number), 1.25)) AS INTEGER) AS person,
        CAST(floor(($days + 1) * pow(chance('day', number), 0.72)) AS INTEGER) AS day
    FROM range($sessions) AS numbers(number)
) s JOIN product_people p ON p.number = s.person
WHERE s.day BETWEEN p.joined AND p.death - 1
    AND chance('weekday', s.number) < CASE WHEN isodow($first + s.day) > 5 THEN 0.16 ELSE 1 END
UNION ALL
SELECT 1000000 + s.number * 4 + extra, p.number, s.day
FROM (SELECT number, CAST(floor($people * chance('surge', number)) AS INTEGER) AS person,
        $days - CAST(floor(18 * pow(chance('surge day', number), 2)) AS INTEGER) AS day
    FROM range(CAST($people * 1.5 AS INTEGER)) AS numbers(number)) s
JOIN product_people p ON p.number = s.person AND p.surges, range(4) AS extras(extra)
WHERE s.day BETWEEN p.joined AND p.death - 1 AND isodow($first + s.day) <= 5
"""

HAPPENINGS = """
CREATE TEMP TABLE product_happenings AS
SELECT s.person, s.day, 100 * s.number + step AS number,
    $names[1 + len(list_filter($reached,
        lambda edge: edge <= chance('event', 100 * s.number + step)))] AS event,
    CAST(floor(32400 + 32400 * (chance('hour', s.number) + chance('half', s.number)) / 2
        + 95 * step * (1 + chance('pause', s.number))) AS INTEGER) AS second
FROM product_sessions s,
    range(1 + least(CAST(floor(-2.7 * ln(1 - chance('length', s.number))) AS INTEGER), 14))
        AS steps(step)
UNION ALL
SELECT number, joined, -1 - 10 * number, 'signed_up', CAST(30000 + 30000 * chance('signs', number)
    AS INTEGER)
FROM product_people WHERE joined BETWEEN 0 AND death - 1
UNION ALL
SELECT number, joined, -2 - 10 * number, 'onboarding_completed',
    CAST(61000 + 10000 * chance('done', number) AS INTEGER)
FROM product_people WHERE joined BETWEEN 0 AND death - 1 AND chance('onboards', number) < 0.6
UNION ALL
SELECT number, payment, -3 - 10 * number, 'subscription_started',
    CAST(36000 + 25000 * chance('pays at', number) AS INTEGER)
FROM product_accounts WHERE payment < death
"""

EVENTS = """
INSERT INTO events (uuid, event, timestamp, created_at, distinct_id, person_id, properties,
    "$group_0", "$group_1", "$group_2", "$group_3", "$group_4")
SELECT CAST(md5('product/event/' || number) AS UUID), event, moment, ingested, distinct_id, id,
    '{"workspace_id": ' || CASE WHEN chance('named', number) < 0.9 THEN '"ws_' || account || '"'
        ELSE 'null' END
        || ', "plan": "' || plan || '", "$browser": "'
        || pick(['Chrome', 'Safari', 'Firefox', 'Edge'], pow(chance('browser', person), 2))
        || '", "$current_url": "https://app.example.com/' || event || '"}',
    CASE WHEN grouped AND chance('tagged', number) < 0.97 THEN key ELSE '' END, '', '', '', ''
FROM (
    SELECT *, moment + to_seconds(CASE WHEN chance('late', number) < 0.01
        THEN CAST(100000 * chance('how late', number) AS BIGINT)
        ELSE 1 + CAST(40 * chance('soon', number) AS BIGINT) END) AS ingested
    FROM (
        SELECT h.*, p.* EXCLUDE (number), timezone('UTC', timezone($zone,
            CAST($first + h.day AS TIMESTAMP) + to_seconds(h.second)))
            + to_microseconds(CAST(999000 * chance('micro', h.number) AS BIGINT)) AS moment
        FROM product_happenings h JOIN product_people p ON p.number = h.person
        WHERE h.day BETWEEN 0 AND $days
    )
)
WHERE ingested <= $now
ORDER BY moment
"""

PERSONS = """
INSERT INTO persons (id, created_at, properties)
SELECT id, timezone('UTC', timezone($zone, CAST($first + joined AS TIMESTAMP))),
    to_json(json_merge_patch(
        CASE WHEN email IS NULL THEN '{}' ELSE json_object('email', email) END,
        CASE WHEN chance('known', number) < 0.88 THEN json_object('company', company) ELSE '{}' END,
        json_object('name', 'User ' || number,
            'role', pick(['engineer', 'analyst', 'manager', 'founder'], chance('role', number)))
    ))
FROM product_people
"""

GROUPS = """
INSERT INTO groups ("index", key, created_at, updated_at, properties)
SELECT 0, key, born, born + to_days(CAST(floor(20 * chance('edited', number)) AS INTEGER)),
    CASE WHEN chance('described', number) < 0.1 THEN json_object('name', name)
    ELSE json_object('name', name, 'plan', plan,
        'employees', CAST(floor(5 * exp(6 * chance('size', number))) AS INTEGER),
        'industry', pick($industries, chance('industry', number)),
        'country', pick($countries, pow(chance('country', number), 2))) END
FROM (SELECT *, CAST($first + birth AS TIMESTAMP) AS born FROM product_accounts
    WHERE grouped AND chance('registered', number) < 0.96 AND birth <= $days)
"""

STEPS = (
    *(ACCOUNTS, PEOPLE, SESSIONS, upgrades.WAVES),
    *(HAPPENINGS, upgrades.WEEKS, upgrades.UPGRADES),
    *(EVENTS, PERSONS, GROUPS),
)
TEMPORARY = ("accounts", "people", "sessions", "happenings", "weeks")


@dataclass(frozen=True, kw_only=True)
class ProductWorld:
    """About 300,000 events in the 365 days before today, and those of today so far."""

    accounts: int = 2_000
    people: int = 20_000
    sessions: int = 226_000
    days: int = 365
    timezone: str = "America/New_York"
    group_types: tuple[str, ...] = ("company",)
    has_events: bool = True

    def load(self, store: Store, *, now: datetime) -> None:
        today = now.astimezone(ZoneInfo(self.timezone)).date()
        whole = sum(SESSION_EVENTS.values())
        weights = list(SESSION_EVENTS.values())
        facts = {
            "accounts": self.accounts,
            "people": self.people,
            "sessions": self.sessions,
            "days": self.days,
            "zone": self.timezone,
            "now": now.astimezone(UTC).replace(tzinfo=None),
            "first": today.fromordinal(today.toordinal() - self.days),
            "firsts": FIRST_WORDS,
            "seconds": SECOND_WORDS,
            "names": list(SESSION_EVENTS),
            "reached": [sum(weights[: n + 1]) / whole for n in range(len(weights) - 1)],
            "public_domains": list(PUBLIC_DOMAINS),
            "industries": list(INDUSTRIES),
            "countries": list(COUNTRIES),
            **upgrades.FACTS,
        }
        store.execute(CHANCE)
        store.execute(PICK)
        for sql in STEPS:
            named = facts.keys() & re.findall(r"\$(\w+)", sql)
            store.execute(sql, {name: facts[name] for name in named})
        for name in TEMPORARY:
            store.execute(f"DROP TABLE product_{name}")
