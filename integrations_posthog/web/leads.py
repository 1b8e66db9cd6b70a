"""The leads as they are asked for: which accounts, with which of their signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from ..errors import NotFound
from ..models import Account, Signal, SignalDefinition, UsageSource
from ..models.pql import SignalQuerySet
from ..pql.scores import GRADES, LOWEST_GRADE
from ..services.signals.evidence import posthog_url
from ..services.signals.scores import RANKING
from ..services.signals.signals import SignalService

PER_PAGE = 25
SIGNALS_SHOWN = 5
SIGNALS_PER_PAGE = 10
GRADE_NAMES = (*(grade for _, grade in GRADES), LOWEST_GRADE)
_LONGEST_SEARCH = 200


@dataclass(frozen=True, kw_only=True)
class LeadQuery:
    """Which leads are asked for. ``grade`` is empty for all."""

    search: str
    grade: str

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> LeadQuery:
        """What an address asks for; a grade that there is not is none."""
        grade = asked.get("grade", "")
        return cls(
            search=asked.get("search", "").replace("\0", "").strip()[:_LONGEST_SEARCH],
            grade=grade if grade in GRADE_NAMES else "",
        )

    def apply(self, accounts: QuerySet[Account]) -> QuerySet[Account]:
        """Those of the accounts, the highest score first."""
        accounts = leads_of(accounts)
        if self.search:
            named = Q(name__icontains=self.search) | Q(key__icontains=self.search)
            accounts = accounts.filter(named)
        if self.grade:
            accounts = accounts.filter(_within(self.grade))
        return accounts.order_by(*RANKING)


def leads_of(accounts: QuerySet[Account]) -> QuerySet[Account]:
    """The accounts that have a signal that counts, be their score above zero or not."""
    return accounts.exclude(score_parts=[])


def _within(grade: str) -> Q:
    found, highest = Q(), None
    for least, name in GRADES:
        if name == grade:
            found = Q(score__gte=least)
            return found if highest is None else found & Q(score__lt=highest)
        highest = least
    return Q(score__lt=highest)


@dataclass(frozen=True, kw_only=True)
class Lead:
    """An account with the signals that its score is made of."""

    account: Account
    signals: list[Signal]
    posthog_url: str


def leads_on(page: Page[Account], *, signals: SignalQuerySet, source: UsageSource) -> list[Lead]:
    """The leads of a page, with the signals that their scores are made of."""
    accounts = list(page.object_list)
    behind = {account.pk: _behind(account) for account in accounts}
    found = signals.counted().in_bulk([pk for some in behind.values() for pk in some])
    return [
        Lead(
            account=account,
            signals=[found[pk] for pk in behind[account.pk] if pk in found],
            posthog_url=posthog_url(source, account),
        )
        for account in accounts
    ]


def _behind(account: Account) -> list[int]:
    """The signals behind a score, those that add or take the most first."""
    parts = [part for part in account.score_parts if part.get("signal_id")]
    parts.sort(key=lambda part: -abs(part["points"]))
    return [int(part["signal_id"]) for part in parts[:SIGNALS_SHOWN]]


def stage_of(
    *, source: UsageSource | None, definitions: QuerySet[SignalDefinition], any_leads: bool
) -> str:
    """How far a connected workspace has come: not_synced, no_definitions, none_active, no_signals
    or leads."""
    if any_leads:
        return "leads"
    if source is None or source.as_of is None:
        return "not_synced"
    states = set(definitions.values_list("state", flat=True))
    if not states:
        return "no_definitions"
    return "no_signals" if SignalDefinition.State.ACTIVE in states else "none_active"


def signals_page(signals: SignalQuerySet, account: Account, *, asked: str | None) -> Page[Signal]:
    """Signals of an account, the newest first, a page of them."""
    mine = signals.filter(account=account).select_related("version__definition")
    return Paginator(mine.newest_first(), SIGNALS_PER_PAGE).get_page(asked)


def markers(signals: SignalQuerySet, account: Account, *, most: int) -> list[dict[str, Any]]:
    """An account's signals as its chart marks them, oldest first, the newest of them."""
    mine = signals.counted().filter(account=account).newest_first()[:most]
    return [
        {
            "day": signal.fired_on.isoformat(),
            "text": signal.sentence,
            "risk": signal.version.weight < 0,
        }
        for signal in reversed(mine)
    ]


def changed_signal(request: HttpRequest, service: SignalService) -> Signal | None:
    """The signal that was just acknowledged or dismissed, to say so."""
    try:
        return service.signal(request.GET.get("changed", ""))
    except NotFound:
        return None


def way_back(request: HttpRequest) -> str:
    """The page of ours that an act on a signal was asked for from; else that of the leads."""
    asked = (request.POST or request.GET).get("back", "")
    ours = (reverse("posthog:leads"), reverse("posthog:accounts"))
    return asked if asked.startswith(ours) and "\\" not in asked else ours[0]
