"""Names and properties of accounts that are PostHog's groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ...client.replies import storable_text
from ...client.usage_replies import LONGEST_PROPERTIES, GroupRow
from ...errors import TooMuchToAnswer
from ...models import Account, UsageSource
from .context import RunContext

_OVERLAP = timedelta(hours=1)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_NAME = 255
_KEYS_AT_A_TIME = 500
_MOST_PAGES = 1_000
_MOST_KEYS = 1_000


def refresh(context: RunContext) -> None:
    """Read the groups that changed since the last time, and those of accounts that are new."""
    source, read_at = context.source, context.clock()
    new = source.accounts.filter(properties__isnull=True)
    keys, since = list(new.values_list("key", flat=True)[: _MOST_KEYS + 1]), _EVER
    if source.groups_read_at and len(keys) <= _MOST_KEYS:
        since = source.groups_read_at - _OVERLAP
    else:
        keys = []  # They are among all groups.
    after = ""
    for _ in range(_MOST_PAGES):
        page = _page(context, since=since, keys=keys, after=after)
        if not page:
            break
        with context.step():
            _store(source, page)
        after = page[-1].key
    with context.step():
        new.update(properties={})
        source.groups_read_at = read_at
        source.save(update_fields=["groups_read_at"])


def _page(context: RunContext, *, since: datetime, keys: list[str], after: str) -> list[GroupRow]:
    """The next groups; where they are too much at once, without their longest properties."""
    index, longest = int(context.source.value), LONGEST_PROPERTIES
    while True:
        try:
            return context.client.groups(
                index=index, since=since, keys=keys, after=after, longest=longest
            )
        except TooMuchToAnswer:
            if not longest:
                raise
            longest //= 4


def _store(source: UsageSource, page: list[GroupRow]) -> None:
    rows = {row.key: row for row in page if storable_text(row.key) == row.key}
    keys = list(rows)
    found: list[Account] = []
    for start in range(0, len(keys), _KEYS_AT_A_TIME):
        found += source.accounts.filter(key__in=keys[start : start + _KEYS_AT_A_TIME])
    for account in found:
        row = rows[account.key]
        account.name = row.name[:_MAX_NAME] or account.key
        account.properties = row.properties or {}
    Account.objects.bulk_update(found, ["name", "properties"], batch_size=200)
