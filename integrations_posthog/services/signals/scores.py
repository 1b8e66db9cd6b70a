"""The scores of all accounts of a source, renewed from what has fired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from ...models import Account, FitCriteria, Signal, SignalDefinition, UsageSource
from ...pql.fit import fit_of
from ...pql.scores import HALF_LIFE_DAYS, Part, points_of, score_of
from ..locks import lock_workspace_of
from .judging import history_of

RANKING = ("-score", "-events_28d", "pk")
"""How accounts are ranked: of those with the same score, the most active first."""

_WORTH_DAYS = 10 * HALF_LIFE_DAYS
"""After which no signal is worth a tenth of a point any more."""


def refresh(source: UsageSource, *, as_of: date) -> None:
    """Renew score and fit of all accounts that have any, or should."""
    with transaction.atomic():
        # Whoever dismisses or pauses meanwhile renews them after this, by what counts then.
        if not lock_workspace_of(source):
            return
        parts = _parts(source, as_of=as_of)
        criteria = FitCriteria.objects.filter(workspace_id=source.connection.workspace_id).first()
        accounts = source.accounts.exclude(properties=None) if criteria else source.accounts.none()
        changed = accounts | source.accounts.filter(
            ~Q(score=0) | ~Q(score_parts=[]) | ~Q(fit=None) | Q(pk__in=list(parts))
        )
        renewed = []
        columns = changed.values_list("pk", "properties", "score", "score_parts", "fit")
        for pk, properties, *before in columns:
            score, mine = score_of(parts.get(pk, ()))
            fit = fit_of(properties, criteria.criteria if criteria else ())
            now = (score, [part.as_plain_data() for part in mine], fit)
            if now != tuple(before):
                renewed.append((*now, pk))
        _store(renewed)


def _store(renewed: Iterable[tuple[float, list[dict[str, Any]], float | None, int]]) -> None:
    """Set score, parts and fit of accounts. ``bulk_update`` takes four times as long."""
    as_json = Account._meta.get_field("score_parts").get_db_prep_save
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE posthog_account SET score = %s, score_parts = %s, fit = %s WHERE id = %s",
            [(score, as_json(parts, connection), fit, pk) for score, parts, fit, pk in renewed],
        )


def refresh_as_held(source: UsageSource) -> None:
    """Renew them as of the last day that can be judged, if there is one."""
    history = history_of(source)
    if history is not None:
        refresh(source, as_of=history.last)


def _parts(source: UsageSource, *, as_of: date) -> dict[int, list[Part]]:
    """What each active definition adds to each account, by its newest signal that counts."""
    signals = (
        Signal.objects.counted()
        .filter(
            account__source=source,
            version__definition__state=SignalDefinition.State.ACTIVE,
            fired_on__gt=as_of - timedelta(days=_WORTH_DAYS),
        )
        .order_by("account_id", "version__definition_id", "-fired_on", "-id")
        .values_list(
            "account_id",
            "version__definition_id",
            "id",
            "fired_on",
            "version__definition__version__name",
            "version__definition__version__weight",
        )
    )
    found: defaultdict[int, list[Part]] = defaultdict(list)
    seen: set[tuple[int, int]] = set()
    for account_id, definition_id, signal_id, fired_on, name, weight in signals:
        if (account_id, definition_id) not in seen:
            seen.add((account_id, definition_id))
            found[account_id].append(
                Part(
                    points=points_of(weight=weight, fired_on=fired_on, as_of=as_of),
                    definition_id=definition_id,
                    name=name,
                    signal_id=signal_id,
                    fired_on=fired_on,
                )
            )
    return dict(found)
