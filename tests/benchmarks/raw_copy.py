"""What a sync is measured by: copy every event out of PostHog, then count in one's own PostgreSQL.

It does as well as that can be done through the query endpoint: pages of the largest size, each
from where the last one ended; orjson; COPY; aggregation in memory. It proves and resumes nothing.
Run as a process, it reads what to do as JSON, and writes as JSON what it took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import orjson
import psycopg
import requests
from urllib3.connection import HTTPConnection

from .measuring import memory_of, time_spent_in

FIRST = ("1970-01-01 00:00:00.000000", "00000000-0000-0000-0000-000000000000")
PAGE = """
SELECT uuid, event, timestamp, created_at, distinct_id, person_id, properties, $group_0
FROM events
WHERE timestamp >= toDateTime64({after}, 6, 'UTC')
    AND (timestamp > toDateTime64({after}, 6, 'UTC') OR uuid > toUUID({uuid}))
ORDER BY timestamp, uuid
LIMIT 50000
"""
CREATE = """
DROP TABLE IF EXISTS raw_event, raw_event_day, raw_day, raw_event_28_days;
CREATE TABLE raw_event (uuid uuid, event text, timestamp timestamptz, created_at timestamptz,
    distinct_id text, person_id uuid, properties text, account text)
"""
COUNT = """
SET TIME ZONE 'UTC';
SET work_mem = '256MB';
ANALYZE raw_event;
CREATE TABLE raw_event_day AS
SELECT account, timestamp::date AS day, event, count(*) AS events,
    count(DISTINCT person_id) AS people
FROM raw_event GROUP BY account, timestamp::date, event;
CREATE TABLE raw_event_28_days AS
SELECT account, event, count(*) AS events, count(DISTINCT person_id) AS people
FROM raw_event WHERE timestamp::date > current_date - 28 GROUP BY account, event;
CREATE TABLE raw_day AS
SELECT account, day, sum(hits) AS events, count(*) FILTER (WHERE ago = 0) AS people,
    count(*) FILTER (WHERE ago < 7) AS people_7d, count(*) AS people_28d
FROM (
    SELECT account, person_id, active + lent AS day, min(lent) AS ago,
        coalesce(sum(hits) FILTER (WHERE lent = 0), 0) AS hits
    FROM (
        SELECT account, person_id, timestamp::date AS active, count(*) AS hits
        FROM raw_event GROUP BY account, person_id, timestamp::date
    ) AS person_days, generate_series(0, 27) AS lent
    GROUP BY account, person_id, active + lent
) AS people GROUP BY account, day
"""


def copy(*, url: str, api_key: str, database: str) -> dict[str, float]:
    """Copy all events into ``raw_event``, and count them into the tables beside it."""
    start, size, last = time.perf_counter(), 0, FIRST
    with requests.Session() as session, psycopg.connect(database, autocommit=True) as connection:
        session.headers["Authorization"] = f"Bearer {api_key}"
        connection.execute(CREATE)
        while True:
            values = {"after": last[0], "uuid": last[1]}
            query = {"kind": "HogQLQuery", "query": PAGE, "values": values}
            reply = session.post(url, json={"query": query, "refresh": "force_blocking"})
            reply.raise_for_status()
            size += len(reply.content)
            rows: list[list[Any]] = orjson.loads(reply.content)["results"]
            if not rows:
                break
            with connection.cursor() as cursor, cursor.copy("COPY raw_event FROM STDIN") as to:
                for row in rows:
                    to.write_row(row)
            last = (rows[-1][2].rstrip("Z").replace("T", " "), rows[-1][0])
        copied = time.perf_counter()
        connection.execute(COUNT)
    return {
        "copying": copied - start,
        "counting": time.perf_counter() - copied,
        "bytes": size,
        "peak": memory_of(os.getpid(), "VmHWM"),
    }


def measured_copy(**order: str) -> dict[str, float]:
    """Do it, and tell its own time: what passes while PostHog is not waited for."""
    with time_spent_in(HTTPConnection, "getresponse") as waits:
        told = copy(**order)
    return told | {"own": told["copying"] + told["counting"] - sum(waits)}


if __name__ == "__main__":
    json.dump(measured_copy(**json.load(sys.stdin)), sys.stdout)
