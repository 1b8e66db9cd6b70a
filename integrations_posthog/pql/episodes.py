"""Which episodes fire: once each, and not while the account's last signal still cools down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Days in a row as of which a rule is met for an account, as far as it was asked for.

    Attributes:
        until: the first day after it; None where it lasts to the end of what was asked for.
    """

    account_id: int
    first: date
    until: date | None

    def holds(self, day: date) -> bool:
        """Whether the day is one of its days."""
        return self.first <= day and (self.until is None or day < self.until)


def firing(
    episodes: Iterable[Episode], *, fired: Mapping[int, Collection[date]], cooldown_days: int
) -> list[Episode]:
    """The episodes that fire, on their first day, in the order of these days.

    Args:
        fired: the days on which the definition has fired already, by account. A day within an
            episode is that episode's, even where it has turned out since to begin earlier.
        cooldown_days: for how long after a signal (or before one) there is no other.
    """
    days: defaultdict[int, set[date]] = defaultdict(set)
    for account_id, known in fired.items():
        days[account_id] |= set(known)
    found = []
    for episode in sorted(episodes, key=lambda one: (one.first, one.account_id)):
        mine = days[episode.account_id]
        cooling = any(abs((episode.first - day).days) < cooldown_days for day in mine)
        if not cooling and not any(episode.holds(day) for day in mine):
            mine.add(episode.first)
            found.append(episode)
    return found
