"""Bring every stored key under the first encryption key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import KeyUnreadable
from ..models import PosthogWorkspaceConfig

BATCH = 200


@dataclass(kw_only=True)
class Rotation:
    """What a rotation did."""

    rotated: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Ids of the workspaces whose key none of the encryption keys opens."""


def rotate_encryption(
    *, on_total: Callable[[int], object], on_progress: Callable[[int], object]
) -> Rotation:
    """Encrypt anew what is not under the first encryption key yet.

    Each row is written by itself, and only if it is still what was read: stopping at any point
    loses nothing, running again goes on, and a key that is stored meanwhile wins.

    Args:
        on_total: called once with the number of stored keys.
        on_progress: called with the number of keys dealt with since the last call.
    """
    result = Rotation()
    configs = PosthogWorkspaceConfig.objects.order_by("pk")
    on_total(configs.count())
    last = ""
    while batch := list(configs.filter(pk__gt=last)[:BATCH]):
        for config in batch:
            _rotate(config, result)
        on_progress(len(batch))
        last = batch[-1].pk
    return result


def _rotate(config: PosthogWorkspaceConfig | None, result: Rotation) -> None:
    while config is not None:
        try:
            resealed = config.posthog_api_key.resealed()
        except KeyUnreadable:
            result.unreadable.append(str(config.workspace_id))
            return
        if resealed is None:
            result.current += 1
            return
        same_row = PosthogWorkspaceConfig.objects.filter(pk=config.pk)
        if same_row.filter(posthog_api_key=config.posthog_api_key).update(posthog_api_key=resealed):
            result.rotated += 1
            return
        config = same_row.first()  # Another key was stored meanwhile.
