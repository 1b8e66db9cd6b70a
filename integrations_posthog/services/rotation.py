"""Bring every stored secret under the first encryption key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from ..errors import KeyUnreadable
from ..models import PosthogWorkspaceConfig, Webhook

BATCH = 200
_SEALED: tuple[tuple[type[models.Model], str], ...] = (
    (PosthogWorkspaceConfig, "posthog_api_key"),
    (Webhook, "secret"),
)
"""Where secrets are: the model, which belongs to a workspace, and its column."""


@dataclass(kw_only=True)
class Rotation:
    """What a rotation did."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Ids of the workspaces with a secret that none of the encryption keys opens."""


def rotate_encryption(
    *, on_total: Callable[[int], object], on_progress: Callable[[int], object]
) -> Rotation:
    """Encrypt anew what is not under the first encryption key yet.

    Each row is written by itself, and only if it is still what was read: stopping at any point
    loses nothing, running again goes on, and a secret that is stored meanwhile wins.

    Args:
        on_total: called once with the number of stored secrets.
        on_progress: called with the number of secrets dealt with since the last call.
    """
    result = Rotation()
    on_total(sum(model._default_manager.count() for model, _ in _SEALED))
    for model, column in _SEALED:
        rows: models.QuerySet[Any] = model._default_manager.order_by("pk")
        last = ""
        while batch := list(rows.filter(pk__gt=last)[:BATCH]):
            for row in batch:
                _rotate(row, column, result)
            on_progress(len(batch))
            last = batch[-1].pk
    return result


def _rotate(row: Any, column: str, result: Rotation) -> None:
    while row is not None:
        stored = getattr(row, column)
        try:
            resealed = stored.resealed()
        except KeyUnreadable:
            result.unreadable.append(str(row.workspace_id))
            return
        if resealed is None:
            result.current += 1
            return
        same_row = type(row)._default_manager.filter(pk=row.pk)
        if same_row.filter(**{column: stored}).update(**{column: resealed}):
            result.rotated += 1
            return
        row = same_row.first()  # Another secret was stored meanwhile.
