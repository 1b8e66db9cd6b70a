"""The HogQL texts that are sent to PostHog (posthog.com/docs/hogql).

Values are ``{placeholders}``, filled by PostHog from the query's ``values``. What cannot be one,
the name of a property, is checked against a strict pattern and quoted.

Every text has a LIMIT: without one PostHog answers 100 rows (posthog/hogql/constants.py). The
ranges of ``timestamp`` are a day wider on either side than the days asked for, whatever the
project's time zone: they are for the table's index, and ``toDate`` draws the line.
"""

from __future__ import annotations

import re

EVENTS_OF_30_DAYS = (
    "SELECT count() FROM events "
    "WHERE timestamp >= now() - INTERVAL 30 DAY AND timestamp <= now() LIMIT 1"
)

MOST_ROWS = 50_000
"""PostHog cuts a larger LIMIT without a word (posthog/hogql/constants.py)."""

MOST_COUNTS = 20_000

LONGEST_KEY = 200
"""Characters of an account's key; PostHog itself keeps no longer group keys or distinct ids."""

WINDOW_DAYS = 28
"""The longest trailing window of active people."""

EMAIL_DOMAIN = "lower(extract(trim(ifNull(toString(person.properties.email), '')), '@([^@]+)$'))"

_PROPERTY_NAME = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$ .-]{0,99}")

_IN_RANGE = """
    timestamp >= toDateTime64({from}, 6, 'UTC') AND timestamp < toDateTime64({to}, 6, 'UTC')
    AND created_at <= toDateTime64({horizon}, 6, 'UTC')
"""
_NEVER = 1_000_000
"""Days from the origin; later than any."""

_DAY = "dateDiff('day', toDate({origin}), toDate(timestamp))"


def is_property_name(name: str) -> bool:
    """Whether a property of this name can be asked for."""
    return _PROPERTY_NAME.fullmatch(name) is not None


def group_key(index: int) -> str:
    """The key of an event's group of the type with this index, 0 to 4; '' where it has none."""
    if index not in range(5):
        raise ValueError("PostHog has the group types 0 to 4")
    return f"`$group_{index}`"


def person_property(name: str) -> str:
    """A property of the event's person, as text; '' where it has none."""
    return f"ifNull(toString(person.properties.{_quoted(name)}), '')"


def event_property(name: str) -> str:
    """A property of the event, as text; '' where it has none."""
    return f"ifNull(toString(properties.{_quoted(name)}), '')"


def _quoted(name: str) -> str:
    if not is_property_name(name):
        raise ValueError("not a property's name that can be asked for")
    return f"`{name}`"


DAY_COUNTS = f"""
SELECT groupArray((day, events, last_created_at)) AS days
FROM (
    SELECT {_DAY} AS day, count() AS events, max(created_at) AS last_created_at
    FROM events
    WHERE {_IN_RANGE}
    GROUP BY day
    HAVING day >= 0 AND day <= {{last_day}}
)
LIMIT 1
"""
"""One row, so that no cut LIMIT can lose a day: all days, each with its number of events."""


def coverage(choices: dict[str, str]) -> str:
    """How many events and accounts each choice of an account's key has, in one row.

    Domains of e-mail addresses come one by one, for the caller to leave out public providers; so
    many of them, the most frequent first. Events of equal keys are counted first, or each event
    would come once for every choice.

    Args:
        choices: key expressions by their names, ``email_domain`` not among them.
    """
    keys = {f"key_{number}": key for number, key in enumerate([EMAIL_DOMAIN, *choices.values()])}
    named = ", ".join(f"{key} AS {name}" for name, key in keys.items())
    pairs = ", ".join(
        f"('{choice}', {name})"
        for choice, name in zip(["email_domain", *choices], keys, strict=True)
    )
    return f"""
SELECT groupArray((choice, domain, events, accounts)) AS counts
FROM (
    SELECT choice, domain, sum(hits) AS events, uniqExact(account) AS accounts
    FROM (
        SELECT pair.1 AS choice, pair.2 AS account,
            if(pair.1 = 'email_domain', pair.2, '') AS domain, hits
        FROM (
            SELECT arrayJoin([('all', 'all'), {pairs}]) AS pair, hits
            FROM (
                SELECT {named}, count() AS hits
                FROM events
                WHERE {_IN_RANGE}
                GROUP BY {", ".join(keys)}
            )
        )
    )
    WHERE account != ''
    GROUP BY choice, domain
    ORDER BY events DESC
    LIMIT {MOST_COUNTS}
)
LIMIT 1
"""


def usage(*, key: str, is_first_page: bool, parts: int, with_last_28_days: bool) -> str:
    """Usage by account, one row an account, in the order of the accounts' keys.

    ``by_event`` holds, for each event, (event, days, events, people) of the days in ``{days}``;
    ``by_day`` holds (days, events, people of that day, of the 7 and of the 28 days that end with
    it) of the same days, if there are any; ``last_28_days`` holds (event, events, people) of the
    28 days that end with ``{last_day}``. Days are counted from ``{origin}``. Days and numbers are
    arrays, one item a day: a row for each would repeat names and take three times the bytes.

    People cannot be added up, so each of their numbers is counted by itself: every day on which a
    person was active lends that person to the windows of the 28 days from it on, or of those up to
    the person's next such day. Thus each window has a person once, and there is nothing to compare.

    Args:
        key: the expression for an account's key.
        is_first_page: or else only accounts after ``{after}`` are read.
        parts: into how many parts, by a hash of the account, the accounts are cut; ``{part}``
            is read.
        with_last_28_days: whether ``last_28_days`` is wanted; else it is empty.
    """
    wanted = ["1 = 1"] if is_first_page else ["account > {after}"]
    if parts > 1:
        wanted.append(f"cityHash64(account) % {parts} = {{part}}")
    accounts = " AND ".join(wanted)
    last_28_days = _last_28_days(key, accounts) if with_last_28_days else ""
    return f"""
SELECT
    account,
    groupArrayIf((event, {_columns(1, 2, 3)}), part_of = 'event') AS by_event,
    groupArrayIf(({_columns(1, 2, 3, 4, 5)}), part_of = 'day') AS by_day,
    groupArrayIf((event, rows[1].2, rows[1].3), part_of = 'last') AS last_28_days
FROM (
    SELECT account, part_of, event,
        groupArray((day, events, people, people_7, people_28)) AS rows
    FROM (
    SELECT 'event' AS part_of, account, on_day AS day, name AS event, count() AS events,
        uniqExact(person) AS people, 0 AS people_7, 0 AS people_28
    FROM ({_events(key, first="from", last="to")})
    WHERE has({{days}}, on_day) AND {accounts}
    GROUP BY account, on_day, name
    UNION ALL
    SELECT 'day' AS part_of, account, window_day AS day, '' AS event,
        sumIf(hits, ago = 0) AS events, countIf(ago = 0) AS people,
        countIf(ago < 7) AS people_7, count() AS people_28
    FROM (
        SELECT account, hits, ago, on_day + ago AS window_day
        FROM (
            SELECT account, pair.1.1 AS on_day, pair.1.2 AS hits, arrayJoin(range(
                if(pair.2.1 - pair.1.1 < {WINDOW_DAYS}, pair.2.1 - pair.1.1, {WINDOW_DAYS})
            )) AS ago
            FROM ({_active_days(_events(key, first="window_from", last="window_to"), accounts)})
        )
    )
    WHERE has({{days}}, window_day)
    GROUP BY account, window_day
    {last_28_days}
    )
    GROUP BY account, part_of, event
)
GROUP BY account
ORDER BY account
LIMIT {MOST_ROWS}
"""


def _active_days(events: str, accounts: str) -> str:
    """Pairs of (day, hits) of every day on which a person was active and of the person's next one.

    No lambda looks at the neighbours: it would get a copy of all days with each of them.
    """
    return f"""
                SELECT account, arrayJoin(arrayZip(
                    active, arrayPushBack(arrayPopFront(active), ({_NEVER}, 0))
                )) AS pair
                FROM (
                    SELECT account, person, arraySort(groupArray((on_day, hits))) AS active
                    FROM (
                        SELECT account, person, on_day, count() AS hits
                        FROM ({events})
                        WHERE {accounts}
                        GROUP BY account, person, on_day
                    )
                    GROUP BY account, person
                )"""


def _columns(*numbers: int) -> str:
    return ", ".join(f"arrayMap(row -> row.{number}, rows)" for number in numbers)


def _last_28_days(key: str, accounts: str) -> str:
    return f"""UNION ALL
    SELECT 'last' AS part_of, account, 0 AS day, name AS event, count() AS events,
        uniqExact(person) AS people, 0 AS people_7, 0 AS people_28
    FROM ({_events(key, first="last_from", last="last_to")})
    WHERE on_day > {{last_day}} - {WINDOW_DAYS} AND on_day <= {{last_day}} AND {accounts}
    GROUP BY account, name"""


def _events(key: str, *, first: str, last: str) -> str:
    """Events with their account and day. No name is that of a column made from it: ClickHouse
    takes an alias of the same SELECT for it, even in WHERE."""
    in_range = _IN_RANGE.replace("{from}", f"{{{first}}}").replace("{to}", f"{{{last}}}")
    return f"""
        SELECT if(lengthUTF8(key) > {LONGEST_KEY}, {{too_long}}, key) AS account, name, person,
            on_day
        FROM (
            SELECT {key} AS key, event AS name, person_id AS person, {_DAY} AS on_day
            FROM events
            WHERE {in_range}
        )"""


GROUPS = f"""
SELECT key, ifNull(toString(properties.name), '') AS group_name,
    if(length(properties) > {{longest}}, '', properties) AS short_properties
FROM groups
WHERE index = {{index}} AND key > {{after}}
    AND (updated_at >= toDateTime64({{since}}, 6, 'UTC') OR has({{keys}}, key))
ORDER BY key
LIMIT {MOST_ROWS // 50}
"""
"""Groups that changed or are named; properties as JSON text, or '' where that is too long."""
