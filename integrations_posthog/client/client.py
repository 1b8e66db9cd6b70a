"""PostHog's endpoints: each method is one question and returns a typed answer."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ApiError, NotFound
from . import hogql, replies
from .replies import MAX_PROJECTS, KeyInfo, Project
from .transport import Reply, Transport


@dataclass(frozen=True, kw_only=True)
class WorkspaceInfo:
    """The project that a connection is for, and those that the key reaches (at most 100)."""

    project: Project
    projects: tuple[Project, ...]


class PostHogWorkspaceClient:
    """One PostHog, asked with one personal API key.

    Every method raises the errors of ``replies`` and of ``Transport.get``.

    Args:
        origin: such as ``https://eu.posthog.com``.
        transport: carries the key, and the deadline.
    """

    def __init__(self, *, origin: str, transport: Transport) -> None:
        self.origin = origin
        self._transport = transport

    def __repr__(self) -> str:
        return f"<PostHogWorkspaceClient {self.origin}>"

    def validate_credentials(self) -> KeyInfo | None:
        """What the key may do; None where the instance does not tell (it is older than scopes).

        Works for every valid key, whatever its scopes (posthog/api/personal_api_key.py).

        Raises:
            Unauthorized: PostHog does not know the key.
        """
        return replies.read_key(self._get("/api/personal_api_keys/@current/"))

    def get_workspace_info(
        self, *, key: KeyInfo | None, project_id: str | None = None
    ) -> WorkspaceInfo:
        """The project asked for, else the only one, else the one with the lowest id.

        Args:
            key: the answer of ``validate_credentials()``.
            project_id: digits, or None for no choice.

        Raises:
            NotFound: the key reaches no project, or not this one.
            ApiError: also where a try anew has taken the request that a project beyond the list
                takes.
        """
        if key is not None and key.project_ids:
            return self._restricted_workspace_info(key, project_id)
        # Pages of projects have no stable order, so there is one page, as long as they get.
        page = replies.read_projects(self._get(self._projects_path(key), limit=str(MAX_PROJECTS)))
        if project_id is None:
            return WorkspaceInfo(project=page.projects[0], projects=page.projects)
        listed = [project for project in page.projects if project.id == project_id]
        if listed or page.is_whole:
            return WorkspaceInfo(project=_only(listed), projects=page.projects)
        if not self._transport.spare_requests:
            raise ApiError(hint="PostHog was in trouble for a moment. Try again.")
        self._transport.spare_requests = 0  # This one was not counted on.
        project = self.get_project(project_id=project_id)
        return WorkspaceInfo(project=project, projects=page.projects)

    def get_project(self, *, project_id: str) -> Project:
        """One project (posthog.com/docs/api/projects)."""
        reply = self._get(f"/api/projects/{project_id}/")
        return replies.read_project(reply, project_id=project_id)

    def get_events_count(self, *, project_id: str, key: KeyInfo | None) -> int:
        """Events of the last 30 days, counted by PostHog (posthog.com/docs/api/queries).

        Args:
            project_id: digits.
            key: None marks an older instance, which refuses the fields that came later.
        """
        body: dict[str, object] = {
            "query": {"kind": "HogQLQuery", "query": hogql.EVENTS_OF_30_DAYS}
        }
        if key is not None:
            body |= {"refresh": "force_blocking", "name": "beton: events of 30 days"}
        url = f"{self.origin}/api/projects/{project_id}/query/"
        return replies.read_count(self._transport.post(url, json=body))

    def get_organization_name(self, *, organization_id: str, key: KeyInfo | None) -> str | None:
        """An organization's name; None where the key may not read it.

        A key restricted to projects may read it from its owner's account only
        (posthog/permissions.py, ``check_team_and_org_permissions``).
        """
        self._transport.spare_requests = 0  # It is one itself.
        restricted = key is not None and bool(key.project_ids)
        if not restricted and (key is None or key.allows("organization:read")):
            path = f"/api/organizations/{organization_id}/"
            return replies.read_organization_name(self._get(path))
        if key is not None and key.allows("user:read"):
            organizations = replies.read_own_organizations(self._get("/api/users/@me/"))
            return organizations.get(organization_id)
        return None

    def _restricted_workspace_info(self, key: KeyInfo, project_id: str | None) -> WorkspaceInfo:
        chosen = key.project_ids[0] if project_id is None else project_id
        if chosen not in key.project_ids:
            raise NotFound
        project = self.get_project(project_id=chosen)
        others = (Project(id=other) for other in key.project_ids[:MAX_PROJECTS])
        return WorkspaceInfo(
            project=project,
            projects=tuple(project if other.id == project.id else other for other in others),
        )

    @staticmethod
    def _projects_path(key: KeyInfo | None) -> str:
        # For a key limited to one organization the plain list is refused while its owner has
        # another one open in the browser (posthog/permissions.py: the current organization).
        if key is not None and len(key.organization_ids) == 1:
            return f"/api/organizations/{key.organization_ids[0]}/projects/"
        return "/api/projects/"

    def _get(self, path: str, **params: str) -> Reply:
        return self._transport.get(f"{self.origin}{path}", params=params)


def _only(projects: list[Project]) -> Project:
    if not projects:
        raise NotFound
    return projects[0]
