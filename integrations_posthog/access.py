"""Which workspace a request is for, and what its caller may do there: the host says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.utils.module_loading import import_string

from . import errors
from .conf import app_settings


@dataclass(frozen=True, kw_only=True)
class WorkspaceAccess:
    """The answer of the host's ``INTEGRATIONS_POSTHOG_WORKSPACE_ACCESS`` function."""

    workspace: models.Model
    can_manage: bool
    """May validate, re-check, sync and disconnect; who may not can still read."""
    can_purge: bool | None = None
    """May remove all usage; None: whoever can manage."""


def access_for(request: HttpRequest) -> WorkspaceAccess:
    """The workspace of this request and what its authenticated caller may do there.

    Raises:
        django.http.Http404: the request names a workspace that the caller is not in.
        django.core.exceptions.PermissionDenied: the caller is in no workspace.
    """
    access: WorkspaceAccess = import_string(app_settings.WORKSPACE_ACCESS)(request)
    return access


def manager_access_for(request: HttpRequest) -> WorkspaceAccess:
    """The same, for a caller who may manage the connection.

    Raises:
        integrations_posthog.errors.PermissionDenied: the caller may only read.
    """
    access = access_for(request)
    if not access.can_manage:
        raise errors.PermissionDenied
    return access


def confirm_manager(request: HttpRequest, workspace: models.Model) -> None:
    """Ask again, now, whether the caller may manage this very workspace.

    Raises:
        integrations_posthog.errors.PermissionDenied: not, or no longer.
    """
    _confirm(request, workspace, access_of=manager_access_for)


def confirm_purger(request: HttpRequest, workspace: models.Model) -> None:
    """The same, whether the caller may remove all its usage. Raises the same."""
    _confirm(request, workspace, access_of=purger_access_for)


def _confirm(
    request: HttpRequest,
    workspace: models.Model,
    *,
    access_of: Callable[[HttpRequest], WorkspaceAccess],
) -> None:
    try:
        access = access_of(request)
    except PermissionDenied as exc:
        raise errors.PermissionDenied from exc
    if access.workspace.pk != workspace.pk:
        raise errors.PermissionDenied


def purger_access_for(request: HttpRequest) -> WorkspaceAccess:
    """The workspace of this request, for a caller who may remove all its usage.

    Raises:
        integrations_posthog.errors.PermissionDenied: the caller may not.
    """
    access = manager_access_for(request)
    if access.can_purge is False:
        raise errors.PermissionDenied(hint="Ask an owner of the workspace.")
    return access
