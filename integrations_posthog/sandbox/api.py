"""PostHog's API as a pure function: a request to one region goes in, an answer comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from .access import (
    Caller,
    authenticate,
    check,
    nested_project,
    project_itself,
    visible_projects,
)
from .answers import Answer, RefusalError, Request, method_not_allowed, not_found, server_error
from .query import QueryEndpoint
from .tenants import Organization, Project, Region
from .versions import VERSIONS, LegacyName, QueryDialect

PAGE_SIZE = 100


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request by a known caller; ``id`` is the one in the path, ``scope`` the one it takes."""

    request: Request
    caller: Caller
    scope: str
    id: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Route:
    """An endpoint. The pattern may have one group, the id; no ``scope`` is needed where empty."""

    method: str
    pattern: re.Pattern[str]
    scope: str
    endpoint: Callable[[Call], Answer]


def _route(method: str, pattern: str, *, scope: str, endpoint: Callable[[Call], Answer]) -> Route:
    # The trailing slash is optional on every route, and there is no redirect (routing.py).
    compiled = re.compile(f"/api/{pattern}/?")
    return Route(method=method, pattern=compiled, scope=scope, endpoint=endpoint)


class Api:
    """One region's API, as a PostHog of some version answers it.

    ``legacy`` is ``"1.30"`` (no introspection, no scopes, no query endpoint), ``"2023"`` (with a
    query endpoint, otherwise the same) or None for today's.
    """

    def __init__(self, *, region: Region, legacy: LegacyName | None = None) -> None:
        self.region = region
        self.version = VERSIONS[legacy]
        self.queries = QueryEndpoint()
        self._routes = self._all_routes()

    def answer(self, *, request: Request, now: datetime) -> Answer:
        """The answer to any request; refusals are answers too."""
        try:
            return self._routed(request, now=now)
        except RefusalError as refusal:
            return self.of_its_time(refusal.answer)

    def of_its_time(self, answer: Answer) -> Answer:
        """The answer without the challenge that older instances did not send with a 401."""
        if self.version.modern or "WWW-Authenticate" not in answer.headers:
            return answer
        return replace(answer, headers={})

    def required_scope(self, path: str) -> str:
        """The scope that the endpoint at the path takes, or an empty one."""
        return next((r.scope for r in self._routes if r.pattern.fullmatch(path)), "")

    def is_query(self, request: Request) -> bool:
        return request.method == "POST" and self.required_scope(request.path) == "query:read"

    def _all_routes(self) -> list[Route]:
        project, organization = "project:read", "organization:read"
        routes = [
            _route("GET", "users/@me", scope="user:read", endpoint=self._me),
            _route("GET", "projects", scope=project, endpoint=self._projects),
            _route("GET", "projects/([^/]+)", scope=project, endpoint=self._project),
            _route("GET", "organizations", scope=organization, endpoint=self._organizations),
            _route("GET", "organizations/([^/]+)", scope=organization, endpoint=self._organization),
        ]
        if self.version.modern:
            in_organization = "organizations/([^/]+)/projects"
            routes += [
                _route("GET", "personal_api_keys/@current", scope="", endpoint=self._key),
                _route("GET", in_organization, scope=project, endpoint=self._projects_in),
            ]
        if self.version.query:
            ask = partial(self._query, dialect=self.version.query)
            path = "projects/([^/]+)/query"
            routes.append(_route("POST", path, scope="query:read", endpoint=ask))
        return routes

    def _routed(self, request: Request, *, now: datetime) -> Answer:
        matches = [(route, route.pattern.fullmatch(request.path)) for route in self._routes]
        route, match = next(((r, m) for r, m in matches if m), (None, None))
        if route is None or match is None:
            return not_found("Endpoint not found.")
        caller = authenticate(request=request, region=self.region, modern=self.version.modern)
        if request.method != route.method:
            return method_not_allowed(request.method)
        call = Call(
            request=request,
            caller=caller,
            scope=route.scope,
            id=match[1] if match.groups() else "",
            now=now,
        )
        return route.endpoint(call)

    def _key(self, call: Call) -> Answer:
        caller = call.caller
        body = self.version.payloads.key(
            caller.key, user=caller.user, scopes=caller.scopes, now=call.now
        )
        return Answer(status=200, body=body)

    def _me(self, call: Call) -> Answer:
        user = call.caller.user
        # The restrictions to projects and organizations do not apply here, the scope does.
        if not call.caller.may(call.scope):
            check(caller=call.caller, scope=call.scope)
        projects = self.region.projects_of(user)
        return Answer(status=200, body=self.version.payloads.user(user, projects=projects))

    def _projects(self, call: Call) -> Answer:
        current = call.caller.user.organizations[0]
        check(caller=call.caller, scope=call.scope, organization=current)
        return self._project_page(call, visible_projects(caller=call.caller, region=self.region))

    def _projects_in(self, call: Call) -> Answer:
        organization = self._any_organization(call)
        if organization is None:
            return not_found("Organization not found.")
        check(caller=call.caller, scope=call.scope, organization=organization)
        visible = visible_projects(caller=call.caller, region=self.region)
        return self._project_page(call, [p for p in visible if p.organization == organization])

    def _project(self, call: Call) -> Answer:
        project = project_itself(
            caller=call.caller, region=self.region, project_id=call.id, scope=call.scope
        )
        return Answer(status=200, body=self.version.payloads.project(project))

    def _query(self, call: Call, *, dialect: QueryDialect) -> Answer:
        project = nested_project(
            caller=call.caller, region=self.region, project_id=call.id, scope=call.scope
        )
        return self.queries.answer(
            request=call.request,
            project=project,
            data=self.region.data[project.id],
            dialect=dialect,
            now=call.now,
        )

    def _organizations(self, call: Call) -> Answer:
        if self.version.breaks_on_organizations:
            return server_error(status=500, detail="A server error occurred.")
        check(caller=call.caller, scope=call.scope)
        items = [self._organization_body(call, each) for each in self._own_organizations(call)]
        return Answer(status=200, body=_page(call.request, items))

    def _organization(self, call: Call) -> Answer:
        if self.version.breaks_on_organizations and not _is_current_or_uuid(call.id):
            return server_error(status=500, detail="A server error occurred.")
        organization = self._any_organization(call)
        if organization is None or organization not in self._own_organizations(call):
            return not_found()
        check(caller=call.caller, scope=call.scope, organization=organization)
        return Answer(status=200, body=self._organization_body(call, organization))

    def _own_organizations(self, call: Call) -> list[Organization]:
        scoped = call.caller.scoped_organizations
        return [o for o in call.caller.user.organizations if not scoped or o.id in scoped]

    def _any_organization(self, call: Call) -> Organization | None:
        if call.id == "@current":
            return call.caller.user.organizations[0]
        return self.region.organization(call.id)

    def _organization_body(self, call: Call, organization: Organization) -> dict[str, Any]:
        owned = self.region.projects_of(call.caller.user)
        projects = [project for project in owned if project.organization == organization]
        return self.version.payloads.organization(organization, projects=projects)

    def _project_page(self, call: Call, projects: list[Project]) -> Answer:
        items = [self.version.payloads.project_basic(project) for project in projects]
        return Answer(status=200, body=_page(call.request, items))


def _is_current_or_uuid(organization_id: str) -> bool:
    try:
        UUID(organization_id)
    except ValueError:
        return organization_id == "@current"
    return True


def _page(request: Request, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of ``limit`` items from ``offset``, as Django REST framework counts them."""
    limit = _positive(request.query, "limit") or PAGE_SIZE
    offset = _positive(request.query, "offset")
    end = offset + limit
    return {
        "count": len(items),
        "next": _link(request, limit, end) if end < len(items) else None,
        "previous": _link(request, limit, max(0, offset - limit)) if offset else None,
        "results": items[offset:end],
    }


def _positive(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _link(request: Request, limit: int, offset: int) -> str:
    asked = {"limit": limit, "offset": offset} if offset else {"limit": limit}
    return f"{request.origin}{request.path}?{urlencode(asked)}"
