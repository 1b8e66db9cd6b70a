"""Who is asking, and the order in which PostHog checks what they may do.

Authentication (401), then the project (404), the key's projects, its organizations and its
scopes (403), then the owner's membership (403). Source: posthog/auth.py, posthog/permissions.py
(``APIScopePermission``) and posthog/api/routing.py.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from .answers import (
    RefusalError,
    Request,
    envelope,
    forbidden,
    invalid_key,
    missing_scope,
    no_key,
    not_found,
    organization_out_of_reach,
    project_out_of_reach,
    unauthenticated,
)
from .keys import Key
from .tenants import Organization, Project, Region, User

BEARER = re.compile(r"^Bearer\s+(\S.+)$")
PROJECT_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A valid key and its owner. ``restricted`` is false on instances older than scopes."""

    key: Key
    user: User
    scopes: tuple[str, ...]
    restricted: bool

    @property
    def scoped_teams(self) -> tuple[int, ...]:
        return self.key.scoped_teams if self.restricted else ()

    @property
    def scoped_organizations(self) -> tuple[str, ...]:
        return self.key.scoped_organizations if self.restricted else ()

    def may(self, scope: str) -> bool:
        write = scope.replace(":read", ":write")
        return not self.restricted or bool({"*", scope, write}.intersection(self.scopes))


def find_key(request: Request) -> tuple[str, str] | None:
    """The key in the request and where it was: header, else body, else query string.

    Only the first place that has one counts. An OAuth token in the header is no personal key.
    """
    bearer = BEARER.match(request.authorization or "")
    if bearer:
        return bearer[1].strip(), "Authorization header"
    try:
        body = json.loads(request.body or b"null")
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("personal_api_key"), str):
        return body["personal_api_key"], "body"
    if "personal_api_key" in request.query:
        return request.query["personal_api_key"], "query string"
    return None


def authenticate(*, request: Request, region: Region, modern: bool) -> Caller:
    """The caller behind the request's key.

    Raises:
        RefusalError: 401; a public ``phc_`` token, a revoked key and a key of the other region are
            not told apart from an invented one.
    """
    found = find_key(request)
    if found is None:
        raise RefusalError(no_key(origin=request.origin))
    value, source = found
    if modern and value.startswith("pha_"):
        detail = "Invalid access token."
        raise RefusalError(
            unauthenticated(code="authentication_failed", detail=detail, origin=request.origin)
        )
    key = region.key(value)
    if key is None:
        raise RefusalError(invalid_key(origin=request.origin, source=source))
    return Caller(
        key=key, user=region.users[key.owner], scopes=region.scopes(key), restricted=modern
    )


def check(
    *,
    caller: Caller,
    scope: str,
    project: Project | None = None,
    organization: Organization | None = None,
) -> None:
    """The restrictions of the key, then its scopes.

    Raises:
        RefusalError: 403. Without a ``project``, a key that is restricted to projects is refused
            whatever it is restricted to.
    """
    if caller.scoped_teams:
        if project is None:
            raise RefusalError(
                forbidden(
                    "API keys with scoped projects are only supported on project-based endpoints."
                )
            )
        if project.id not in caller.scoped_teams:
            raise RefusalError(project_out_of_reach(project.id))
    scoped = caller.scoped_organizations
    if scoped and organization is not None and organization.id not in scoped:
        raise RefusalError(organization_out_of_reach(organization.id))
    if not caller.may(scope):
        raise RefusalError(missing_scope(scope))


def nested_project(*, caller: Caller, region: Region, project_id: str, scope: str) -> Project:
    """The project of a route below ``/api/projects/:id/``, once every check has passed.

    Raises:
        RefusalError: 404 for a project that does not exist, 403 for one that is out of reach.
    """
    project = _lookup(caller=caller, region=region, project_id=project_id)
    if project is None:
        raise RefusalError(not_found("Project not found."))
    check(caller=caller, scope=scope, project=project, organization=project.organization)
    if project.organization not in caller.user.organizations:
        raise RefusalError(forbidden("You don't have access to the project."))
    return project


def project_itself(*, caller: Caller, region: Region, project_id: str, scope: str) -> Project:
    """The project of ``/api/projects/:id/``.

    It is looked up among those its owner can see, so that a foreign one is not found; and, unlike
    on nested routes, after the scopes, unless the key is restricted to projects.

    Raises:
        RefusalError: 400 for an id that is no number, 403, 404.
    """
    limited = bool(caller.scoped_teams)
    project = _visible(caller=caller, region=region, project_id=project_id) if limited else None
    current = caller.user.organizations[0]
    check(caller=caller, scope=scope, project=project, organization=current)
    return project or _visible(caller=caller, region=region, project_id=project_id)


def visible_projects(*, caller: Caller, region: Region) -> list[Project]:
    """The projects a list shows: the owner's, within the key's organizations."""
    scoped = caller.scoped_organizations
    return [
        project
        for project in region.projects_of(caller.user)
        if not scoped or project.organization.id in scoped
    ]


def _visible(*, caller: Caller, region: Region, project_id: str) -> Project:
    if project_id != "@current" and not re.fullmatch(r"-?\d+", project_id):
        detail = f"Field 'id' expected a number but got '{project_id}'."
        raise RefusalError(
            envelope(status=400, kind="validation_error", code="invalid_input", detail=detail)
        )
    project = _lookup(caller=caller, region=region, project_id=project_id)
    if project is None or project not in visible_projects(caller=caller, region=region):
        raise RefusalError(not_found())
    return project


def _lookup(*, caller: Caller, region: Region, project_id: str) -> Project | None:
    if project_id == "@current":
        current = caller.user.organizations[0]
        here = [p for p in region.projects_of(caller.user) if p.organization == current]
        return here[-1] if here else None
    return region.project(int(project_id)) if PROJECT_ID.fullmatch(project_id) else None
