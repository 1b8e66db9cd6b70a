"""The first lock of every transaction that changes what a workspace has here.

Whoever took others first could wait for somebody who waits for them. The database's own cascade
begins with the workspace too.
"""

from __future__ import annotations

from django.db import models

from ..models import PosthogWorkspaceConfig, UsageSource


def lock_workspace(**which: object) -> bool:
    """Lock a workspace until the end of the transaction; not its key, so that rows elsewhere may
    go on to refer to it meanwhile.

    Args:
        which: filters, of the host's workspace model.

    Returns:
        Whether there is such a workspace (any more).
    """
    workspace: type[models.Model] = PosthogWorkspaceConfig._meta.get_field(
        "workspace"
    ).related_model
    rows = workspace._base_manager.select_for_update(no_key=True, of=("self",))
    return rows.filter(**which).order_by().values_list("pk").first() is not None


def lock_workspace_of(source: UsageSource) -> bool:
    """Lock the workspace of some usage until the end of the transaction.

    Returns:
        Whether there is this usage (any more): who had the lock before may have removed it.
    """
    locked = lock_workspace(pk=source.connection.workspace_id)
    return locked and UsageSource.objects.filter(pk=source.pk).exists()
