"""What the product world has planted: who upgrades, and what foretells it.

- **Waves.** Now and then a team comes to work together: for two weeks up to a dozen of an account's
  people are there on several days each.
- **Rises.** On some days the people of the last seven days are half as many again as those of the
  seven before, and ``LEAST_PEOPLE`` or more: by a wave, by newcomers, or by chance. This is what
  the definition *More people at work* looks for. People are those with an e-mail address of the
  account's company.
- **Upgrades.** On each day an account that is there upgrades with the chance ``USUAL``, or with
  ``RAISED`` if it had a rise within the ``RAISED_DAYS`` days before. It may do so again later.

So there are accounts that upgrade after a rise, others that rise without upgrading, upgrades
without a rise, and accounts that leave. ``LIFT`` follows: how many times more often an account
upgrades within ``RAISED_DAYS`` days after a rise than one without. The interval of a backtest has
to hold it. What it finds tends to be a little more over a year, for who has left never upgrades,
and a little less over the last 90 days, for who rose just before them counts as one without.
"""

from __future__ import annotations

LEAST_PEOPLE = 6
RISE_RATIO = 1.5
USUAL = 0.0015
RAISED = 0.0053
RAISED_DAYS = 30
LIFT = (1 - (1 - RAISED) ** RAISED_DAYS) / (1 - (1 - USUAL) ** RAISED_DAYS)
"""How many times more often accounts upgrade within the days after a rise than others do."""

FACTS = {
    "waves": 510,
    "wave_people": 12,
    "wave_days": 14,
    "least_people": LEAST_PEOPLE,
    "rise_ratio": RISE_RATIO,
    "usual": USUAL,
    "raised": RAISED,
    "raised_days": RAISED_DAYS,
}

# Each of a wave's people is there on three in ten of its weekdays.
WAVES = """
INSERT INTO product_sessions
SELECT DISTINCT 2000000 + 400 * p.number + visited.day, p.number, visited.day
FROM (
    SELECT CAST(floor($accounts * chance('wave', number)) AS INTEGER) AS account,
        CAST(floor($days * sqrt(chance('begins', number))) AS INTEGER) AS day
    FROM range($waves) AS numbers(number)
) w
JOIN (
    SELECT number, account, joined, death,
        row_number() OVER (PARTITION BY account ORDER BY number) AS place
    FROM product_people
) p ON p.account = w.account AND p.joined <= w.day AND p.place <= $wave_people,
    range(w.day, least(w.day + $wave_days, p.death, $days + 1)) AS visited(day)
WHERE isodow($first + CAST(visited.day AS INTEGER)) <= 5
    AND chance('visits', 400 * p.number + visited.day) < 0.3
"""

# The people of the seven days that end with each day: one counts from a day on which they were
# there until seven days later, or until they are there again.
WEEKS = """
CREATE TEMP TABLE product_weeks AS
WITH active AS (
    SELECT DISTINCT p.account, p.number AS person, h.day
    FROM product_happenings h JOIN product_people p ON p.number = h.person
    WHERE p.email LIKE '%@' || p.domain AND h.day BETWEEN 0 AND $days
), stays AS (
    SELECT account, day, least(day + 7, coalesce(lead(day) OVER
        (PARTITION BY person ORDER BY day), day + 7)) AS until
    FROM active
), changes AS (
    SELECT account, day, sum(change) AS change FROM (
        SELECT account, day, 1 AS change FROM stays
        UNION ALL SELECT account, until, -1 FROM stays
    ) GROUP BY account, day
), steps AS (
    SELECT account, day, CAST(sum(change) OVER past AS INTEGER) AS people,
        lead(day, 1, day + 7) OVER past AS until
    FROM changes WINDOW past AS (PARTITION BY account ORDER BY day)
)
SELECT account, CAST(unnest(range(day, until)) AS INTEGER) AS day, people FROM steps
WHERE people > 0
"""

# As many tries as there would be upgrades if all had had a rise; of the others' most are in vain.
UPGRADES = """
INSERT INTO product_happenings
WITH rises AS (
    SELECT now.account, now.day
    FROM product_weeks now JOIN product_weeks past
        ON past.account = now.account AND past.day = now.day - 7
    WHERE now.people >= $least_people AND now.people >= $rise_ratio * past.people
), tries AS (
    SELECT number, CAST(floor($accounts * chance('upgrades', number)) AS INTEGER) AS account,
        CAST(floor($days * chance('upgraded', number)) AS INTEGER) AS day
    FROM range(CAST($raised * $accounts * $days AS INTEGER)) AS numbers(number)
)
SELECT account, day, -4 - 10 * t.number, 'plan_upgraded',
    CAST(36000 + 25000 * chance('upgrades at', t.number) AS INTEGER)
FROM tries t JOIN product_accounts a ON a.number = t.account
WHERE day >= a.birth AND day < a.death AND (chance('unforeseen', t.number) < $usual / $raised
    OR EXISTS (SELECT 1 FROM rises r
        WHERE r.account = t.account AND t.day - r.day BETWEEN 1 AND $raised_days))
"""
