"""One check of a key against PostHog, from the outside in. It asks; it stores nothing.

It touches no database, so that several checks may run in threads beside each other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from ..client import PostHogWorkspaceClient
from ..client.client import WorkspaceInfo
from ..client.hosts import Network, candidate_origins
from ..client.replies import KeyInfo, Project
from ..client.transport import Transport
from ..encryption import mask
from ..errors import (
    ApiError,
    PostHogIntegrationError,
    TimedOut,
    Unauthorized,
)

NEEDED_SCOPES = ("project:read", "query:read")
CHECK_SECONDS = 14.5
SPARE_REQUESTS = 1
"""Three are needed: key, projects, count, and one for each region that refused the key. A good
check makes four at most, so a request that is tried anew takes the place of the name, or of the
one for a project that is not among the first hundred."""

KEY_PAGE = "/settings/user-api-keys?preset=analytics"
"""Opens PostHog's dialog for a new key, ``query:read`` chosen (personalAPIKeysLogic.tsx)."""

_NO_COUNT_STATUSES = {
    404: "This PostHog is too old to be asked for numbers of events; all else works.",
    504: "PostHog took too long to count the events; all else works.",
    512: "PostHog expects that counting the events takes too long; all else works.",
    513: "PostHog ran out of memory while counting the events; all else works.",
}

StepName = Literal["key", "region", "scopes", "project", "query"]
StepState = Literal["passed", "failed", "unknown", "not_reached"]
STEPS: tuple[StepName, ...] = ("key", "region", "scopes", "project", "query")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the report of a check."""

    name: StepName
    state: StepState
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What a good check found."""

    workspace_name: str
    project_id: str
    project_name: str
    events_count: int | None
    """Events of the last 30 days; None where PostHog could not count them in time."""
    host: str
    projects: tuple[Project, ...]
    hint: str | None
    report: list[dict[str, str]]

    def as_plain_data(self) -> dict[str, object]:
        """The fields as the API answers them."""
        facts: dict[str, object] = {
            "workspace_name": self.workspace_name,
            "project_id": self.project_id,
            "events_count": self.events_count,
            "project_name": self.project_name,
            "host": self.host,
            "projects": [{"id": project.id, "name": project.name} for project in self.projects],
        }
        return facts if self.hint is None else facts | {"hint": self.hint}


class ConnectionCheck:
    """Runs once. ``steps`` tells how far it came, after success and failure alike.

    Args:
        api_key: as ``parse_api_key`` gave it.
        host: whatever ``candidate_origins`` takes.
        project_id: as ``parse_project_id`` gave it.
        network: what the operator allows.
    """

    def __init__(
        self, *, api_key: str, host: str, project_id: str | None, network: Network
    ) -> None:
        self.api_key = api_key
        self.host = host
        self.project_id = project_id
        self._network = network
        self._origin = host
        self._reached: StepName = "region"
        self._done: dict[StepName, Step] = {}

    def __repr__(self) -> str:
        return f"<ConnectionCheck of {mask(self.api_key)}>"

    def run(self) -> Validation:
        """Ask PostHog.

        Raises:
            PostHogIntegrationError: one of unauthorized, not_found, rate_limited, invalid_host,
                connection_error, api_error.
        """
        transport = Transport(
            api_key=self.api_key,
            network=self._network,
            seconds=CHECK_SECONDS,
            spare_requests=SPARE_REQUESTS,
        )
        try:
            return self._ask(transport)
        except PostHogIntegrationError as exc:
            self._fail(exc)
            exc.report = self.report()
            raise
        finally:
            transport.close()

    def outcome(self) -> Validation | PostHogIntegrationError:
        """The same, with the error given back instead of raised."""
        try:
            return self.run()
        except PostHogIntegrationError as exc:
            return exc

    @property
    def steps(self) -> tuple[Step, ...]:
        """The report, in the order in which people read it."""
        return tuple(self._done.get(name, Step(name=name, state="not_reached")) for name in STEPS)

    def report(self) -> list[dict[str, str]]:
        """The report as plain data."""
        return [asdict(step) for step in self.steps]

    def _pass(self, name: StepName, detail: str, *, state: StepState = "passed") -> None:
        self._done[name] = Step(name=name, state=state, detail=detail)

    def _fail(self, exc: PostHogIntegrationError) -> None:
        name = _failed_step(exc, self._reached)
        detail = exc.message
        if exc.missing_scopes:
            detail = f"Missing: {', '.join(exc.missing_scopes)}"
            exc.hint = _scopes_hint(self._origin, exc.missing_scopes)
        elif exc.status == 401 and self.api_key.startswith("phc_"):
            exc.hint = _PROJECT_KEY
        self._done[name] = Step(name=name, state="failed", detail=detail)

    def _ask(self, transport: Transport) -> Validation:
        client, key = self._find_region(transport)
        self._reached = "scopes"
        self._check_scopes(key)
        self._reached = "project"
        info = client.get_workspace_info(key=key, project_id=self.project_id)
        self._report_project(key, info)
        self._reached = "query"
        events_count, hint = self._count_events(client, key, info.project)
        name = _organization_name(client, key, info.project) if transport.spare_requests else None
        project_name = info.project.name or ""
        return Validation(
            workspace_name=name or project_name,
            project_id=info.project.id,
            project_name=project_name,
            events_count=events_count,
            host=client.origin,
            projects=info.projects,
            hint=hint,
            report=self.report(),
        )

    def _find_region(self, transport: Transport) -> tuple[PostHogWorkspaceClient, KeyInfo | None]:
        *others, last = candidate_origins(self.host, network=self._network)
        for origin in others:
            try:
                return self._try_region(origin, transport)
            except Unauthorized:
                continue
        return self._try_region(last, transport)

    def _try_region(
        self, origin: str, transport: Transport
    ) -> tuple[PostHogWorkspaceClient, KeyInfo | None]:
        client = PostHogWorkspaceClient(origin=origin, transport=transport)
        key = client.validate_credentials()
        self._origin = origin
        self._pass("region", origin)
        if key is not None:
            self._pass("key", mask(self.api_key))
        return client, key

    def _check_scopes(self, key: KeyInfo | None) -> None:
        if key is None:
            self._pass("scopes", "This PostHog does not tell them.", state="unknown")
            return
        missing = tuple(scope for scope in NEEDED_SCOPES if not key.allows(scope))
        if missing:
            raise Unauthorized(missing_scopes=missing)
        self._pass("scopes", ", ".join(NEEDED_SCOPES))

    def _report_project(self, key: KeyInfo | None, info: WorkspaceInfo) -> None:
        if key is None:
            self._pass("key", mask(self.api_key))
        others = len(info.projects) - 1
        also = f", one of {others + 1}" if others else ""
        self._pass("project", f"{info.project.name} ({info.project.id}){also}")

    def _count_events(
        self, client: PostHogWorkspaceClient, key: KeyInfo | None, project: Project
    ) -> tuple[int | None, str | None]:
        try:
            count = client.get_events_count(project_id=project.id, key=key)
        except TimedOut:
            hint = _NO_COUNT_STATUSES[504]
        except ApiError as exc:
            if exc.status not in _NO_COUNT_STATUSES:
                raise
            hint = _NO_COUNT_STATUSES[exc.status]
        else:
            self._pass("query", f"{count:,} events in the last 30 days")
            return count, None
        self._pass("query", hint, state="unknown")
        return None, hint


def _organization_name(
    client: PostHogWorkspaceClient, key: KeyInfo | None, project: Project
) -> str | None:
    """The name to show, where it is to be had; it is worth no failure but that of the key."""
    if project.organization_id is None:
        return None
    try:
        return client.get_organization_name(organization_id=project.organization_id, key=key)
    except PostHogIntegrationError as exc:
        if isinstance(exc, Unauthorized) and exc.status == 401:
            raise
        return None


_PROJECT_KEY = (
    "Most keys that begin with phc_ are a project's public key, which only takes events. Paste a "
    "personal API key; PostHog makes them under Settings → Personal API keys."
)


def _scopes_hint(origin: str, missing: tuple[str, ...]) -> str:
    return (
        f"The key lacks {' and '.join(missing)}. Make one that has both project:read and "
        f"query:read at {origin}{KEY_PAGE}"
    )


def _failed_step(exc: PostHogIntegrationError, reached: StepName) -> StepName:
    if exc.missing_scopes:
        return "scopes"
    if isinstance(exc, Unauthorized) and (exc.status == 401 or reached == "region"):
        return "key"
    return reached
