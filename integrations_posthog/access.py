"""Which workspace a request is for, and what its caller may do there: the host says."""

from __future__ import annotations

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
    """May validate, re-check and disconnect; who may not can still read."""


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
    try:
        access = manager_access_for(request)
    except PermissionDenied as exc:
        raise errors.PermissionDenied from exc
    if access.workspace.pk != workspace.pk:
        raise errors.PermissionDenied
