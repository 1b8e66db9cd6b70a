"""What the commands share: which workspace they are for, and who they act as."""

from __future__ import annotations

import getpass
from argparse import _ActionsContainer
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import models

from ..conf import app_settings
from ..services.signals.definitions import DefinitionService
from ..services.signals.signals import SignalService
from ..services.store import Actor
from ..services.usage import UsageService
from ..services.validator import PostHogValidatorService
from ..wiring import connection_service, definition_service, signal_service, usage_service


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
        except (ValueError, TypeError, ValidationError):
            continue  # Not a value that this column can hold.
        if found is not None:
            return found
    raise CommandError(f"There is no workspace with the id or slug {text!r}.")


def service_for(workspace: models.Model) -> PostHogValidatorService:
    """The use cases of the connection, acted by whoever runs the command."""
    return connection_service(workspace=workspace, actor=_actor())


def usage_service_for(workspace: models.Model) -> UsageService:
    """The use cases of the usage, acted by whoever runs the command."""
    return usage_service(workspace=workspace, actor=_actor())


def definition_service_for(workspace: models.Model) -> DefinitionService:
    """The use cases of the signal definitions, acted by whoever runs the command."""
    return definition_service(workspace=workspace, actor=_actor())


def signal_service_for(workspace: models.Model) -> SignalService:
    """The use cases of the signals, acted by whoever runs the command."""
    return signal_service(workspace=workspace, actor=_actor())


def _actor() -> Actor:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # A container's user may have no name.
        name = "unknown"
    return Actor(name=f"{name} (command line)")
