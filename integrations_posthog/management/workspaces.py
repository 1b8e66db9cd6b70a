"""What the commands share: which workspace they are for, and who they act as."""

from __future__ import annotations

import getpass
from argparse import _ActionsContainer
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.db import models

from ..conf import app_settings
from ..services.store import Actor
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service


def add_workspace_argument(parser: _ActionsContainer, *, required: bool = True) -> None:
    """The option ``--workspace``, for a parser or a group of one."""
    parser.add_argument(
        "--workspace", required=required, metavar="WORKSPACE", help="id or slug of the workspace"
    )


def find_workspace(text: str) -> models.Model:
    """The workspace with this id or, where the host's model has slugs, this slug.

    Raises:
        CommandError: there is none.
    """
    model: Any = apps.get_model(app_settings.WORKSPACE_MODEL)
    names = ["pk"] + ["slug" for field in model._meta.get_fields() if field.name == "slug"]
    for name in names:
        try:
            found: models.Model | None = model._base_manager.filter(**{name: text}).first()
        except (ValueError, TypeError):
            continue  # Not a value that this column can hold.
        if found is not None:
            return found
    raise CommandError(f"There is no workspace with the id or slug {text!r}.")


def service_for(workspace: models.Model) -> PostHogValidatorService:
    """The use cases, acted by whoever runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # A container's user may have no name.
        name = "unknown"
    return connection_service(workspace=workspace, actor=Actor(name=f"{name} (command line)"))
