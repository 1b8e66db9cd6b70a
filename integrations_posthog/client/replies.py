"""What PostHog's replies mean: typed results, and refusals in one closed table.

Reading is pure: a ``Reply`` goes in, a value comes out or an error is raised.

Refusals (PostHog: posthog/exceptions.py, posthog/permissions.py, drf-exceptions-hog), first
match wins; whatever is not here is an ``ApiError``:

    401                                              Unauthorized
    403 in PostHog's envelope that names the project NotFound
    403 in PostHog's envelope otherwise              Unauthorized (the key, scope, organization)
    404 in PostHog's envelope, on a project          NotFound
    429                                              PostHogRateLimited
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import (
    ApiError,
    NotFound,
    PostHogIntegrationError,
    PostHogRateLimited,
    Unauthorized,
)
from .transport import Reply

T = TypeVar("T")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MISSING_SCOPE = re.compile(r"API key missing required scope '([a-z_]{1,64}:[a-z]{1,16})'")
_REFUSES_PROJECT = (
    "API key does not have access to the requested project",
    "You don't have access to the project",
)
_FORBIDDEN_CODES = ("permission_denied", "authentication_failed", "not_authenticated")
_NO_SUCH_PROJECT = ("Project not found.", "Not found.")
_MAX_NAME = 255
_MAX_ID = 10**18
_MAX_INTEGER = 2**63 - 1
MAX_PROJECTS = 100
"""PostHog's longest page of projects."""


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """What a personal API key may do. Empty restrictions mean none."""

    scopes: frozenset[str]
    project_ids: tuple[str, ...]
    organization_ids: tuple[str, ...]

    def allows(self, scope: str) -> bool:
        """Whether the key has this scope; write implies read (posthog/permissions.py)."""
        write = scope.replace(":read", ":write")
        return not self.scopes.isdisjoint({"*", scope, write})


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project of PostHog's. ``id`` is digits, as text."""

    id: str
    name: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProjectPage:
    """The first page of the projects that a key reaches."""

    projects: tuple[Project, ...]
    is_whole: bool


def read_key(reply: Reply) -> KeyInfo | None:
    """The answer to key introspection; None where the instance has none.

    Instances before scopes answer 404; 403 is taken the same way.
    """
    if reply.status in (403, 404):
        return None
    body = read_object(reply)
    if "scopes" not in body:
        raise ApiError(status=reply.status)
    return KeyInfo(
        scopes=frozenset(_list_of(body["scopes"] or [], str)) or frozenset({"*"}),
        project_ids=tuple(
            _number(value) for value in sorted(_list_of(body.get("scoped_teams") or [], int))
        ),
        organization_ids=tuple(
            _uuid(value) for value in _list_of(body.get("scoped_organizations") or [], str)
        ),
    )


def read_projects(reply: Reply) -> ProjectPage:
    """A list of projects, lowest id first.

    Raises:
        NotFound: the key reaches no project.
    """
    if reply.status == 404:
        raise ApiError(status=404, hint="There seems to be no PostHog at this host.")
    body = read_object(reply)
    projects = [_project(item) for item in _list_of(body.get("results"), dict)]
    if not projects:
        raise NotFound(hint="This key reaches no project. Make one in PostHog first.")
    return ProjectPage(
        projects=tuple(sorted(projects, key=lambda project: int(project.id)))[:MAX_PROJECTS],
        is_whole=body.get("next") is None,
    )


def read_project(reply: Reply, *, project_id: str) -> Project:
    """The project with this id."""
    project = _project(read_object(reply, of_project=True))
    if project.id != project_id:
        raise ApiError(status=reply.status)
    return project


def read_organization_name(reply: Reply) -> str:
    """The name of an organization."""
    return _name(read_object(reply))


def read_own_organizations(reply: Reply) -> dict[str, str]:
    """The names of the organizations of the key's owner, by id."""
    organizations = _list_of(read_object(reply).get("organizations"), dict)
    return {str(item.get("id")): _name(item) for item in organizations}


def read_count(reply: Reply) -> int:
    """The one number of a ``SELECT count()``.

    Raises:
        ApiError: with ``status`` 404 where the instance is too old to have queries.
    """
    match read_object(reply, of_project=True).get("results"):
        case [[int(count)]] if not isinstance(count, bool) and 0 <= count <= _MAX_INTEGER:
            return count
    raise ApiError(status=reply.status)


def refusal(reply: Reply, *, of_project: bool) -> PostHogIntegrationError:
    """The error for a reply that is no success; ``of_project``: its path names a project."""
    status, (code, detail) = reply.status, _envelope(reply)
    if status == 401:
        return Unauthorized(status=status)
    if status == 403 and code in _FORBIDDEN_CODES:
        return _forbidden(detail)
    if status == 404 and of_project and detail in _NO_SUCH_PROJECT:
        return NotFound(status=status)
    if status == 429:
        return PostHogRateLimited(status=status, retry_after=_retry_after(reply))
    return ApiError(status=status, hint=_HINTS.get(status))


_HINTS = {
    402: "PostHog says that the organization has used up its quota of API queries.",
    503: "PostHog is too busy at the moment. Try again in a minute.",
} | dict.fromkeys(
    (301, 302, 303, 307, 308),
    "The host sends visitors elsewhere. Give the address at which PostHog itself opens.",
)


def _forbidden(detail: str) -> PostHogIntegrationError:
    if detail.startswith(_REFUSES_PROJECT):
        return NotFound(status=403)
    if missing := _MISSING_SCOPE.match(detail):
        return Unauthorized(status=403, missing_scopes=(missing[1],))
    return Unauthorized(
        status=403,
        hint="PostHog knows the key but refuses it: an admin of the organization may have "
        "forbidden personal API keys, or the key is limited to other organizations.",
    )


def _retry_after(reply: Reply) -> int | None:
    value = reply.headers.get("Retry-After", "")
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else None


def _envelope(reply: Reply) -> tuple[str | None, str]:
    """``code`` and ``detail`` of PostHog's error envelope; no code where it is no envelope."""
    try:
        body = _json(reply)
    except ApiError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    code, detail = body.get("code"), body.get("detail")
    return code if isinstance(code, str) else None, detail if isinstance(detail, str) else ""


def read_object(reply: Reply, *, of_project: bool = False) -> dict[str, Any]:
    """The JSON object of a success; ``of_project``: its path names a project."""
    if reply.status != 200:
        raise refusal(reply, of_project=of_project)
    body = _json(reply)
    if not isinstance(body, dict):
        raise ApiError(status=reply.status)
    return body


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as exc:
        raise ApiError(
            status=reply.status, hint="What answers at this host does not look like PostHog."
        ) from exc


def _list_of(value: object, kind: type[T]) -> list[T]:
    if not isinstance(value, list) or not all(type(item) is kind for item in value):
        raise ApiError(status=200)
    return value


def _project(item: dict[str, Any]) -> Project:
    organization = item.get("organization")
    return Project(
        id=_number(item.get("id")),
        name=_name(item),
        organization_id=None if organization is None else _uuid(organization),
    )


def _number(value: object) -> str:
    """A project's id, which is a positive integer of the database's."""
    if type(value) is not int or not 0 < value < _MAX_ID:
        raise ApiError(status=200)
    return str(value)


def _uuid(value: object) -> str:
    """An id that goes into a path: nothing else may."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise ApiError(status=200)
    return value


def _name(item: dict[str, Any]) -> str:
    name = item.get("name")
    if not isinstance(name, str):
        raise ApiError(status=200)
    return storable_text(name)[:_MAX_NAME]


def storable_text(text: str) -> str:
    """Without what JSON may hold and databases do not take: NUL, and half a surrogate pair."""
    return text.replace("\0", "").encode(errors="replace").decode()
