"""Who and what lives in the two regions, and what may change there while the stand-in runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from .data import ProjectData, Store
from .keys import ACME_ORGANIZATION_ID, BY_VALUE, KEYS, Key, RegionName
from .worlds import SmallWorld, World

CREATED_AT = datetime(2025, 2, 1, 9, 0, tzinfo=UTC)


def identifier(*parts: object) -> str:
    """The same UUID for the same parts, on every run."""
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, ("posthog-sandbox", *parts)))))


@dataclass(frozen=True, kw_only=True)
class Organization:
    id: str
    name: str
    slug: str


@dataclass(frozen=True, kw_only=True)
class Project:
    """``world`` is what there was in it at first; ``timezone`` is the one it has now."""

    id: int
    uuid: str
    organization: Organization
    name: str
    api_token: str
    world: World
    timezone: str


@dataclass(frozen=True, kw_only=True)
class User:
    """``organizations`` are the memberships; the first one is the current organization."""

    id: int
    name: str
    email: str
    organizations: tuple[Organization, ...]


@dataclass(kw_only=True)
class Region:
    """One region: its data, and the changes made to it at run time.

    The changes stand for what happens to a customer between two calls: a key is revoked, a scope
    is taken away, a project is deleted.
    """

    name: RegionName
    projects: tuple[Project, ...]
    users: Mapping[str, User]
    data: Mapping[int, ProjectData]
    revoked: set[str] = field(default_factory=set)
    removed_scopes: dict[str, set[str]] = field(default_factory=dict)
    deleted_projects: set[int] = field(default_factory=set)

    def key(self, value: str) -> Key | None:
        """The valid key of this region with that value."""
        key = BY_VALUE.get(value)
        if key is None or key.region != self.name or not key.valid or value in self.revoked:
            return None
        return key

    def scopes(self, key: Key) -> tuple[str, ...]:
        """The scopes the key has now; ``*`` loses its wildcard when a scope is taken from it."""
        removed = self.removed_scopes.get(key.value)
        if not removed:
            return key.scopes
        held = ALL_READ_SCOPES if "*" in key.scopes else key.scopes
        return tuple(scope for scope in held if scope not in removed)

    def project(self, project_id: int) -> Project | None:
        if project_id in self.deleted_projects:
            return None
        found = (project for project in self.projects if project.id == project_id)
        return next(map(self._as_it_is, found), None)

    def projects_of(self, user: User) -> list[Project]:
        """The projects the user can see, newest first: PostHog's list has no order to rely on."""
        return [
            self._as_it_is(project)
            for project in reversed(self.projects)
            if project.organization in user.organizations
            and project.id not in self.deleted_projects
        ]

    def _as_it_is(self, project: Project) -> Project:
        return replace(project, timezone=self.data[project.id].zone)

    def organization(self, organization_id: str) -> Organization | None:
        known = {o.id: o for user in self.users.values() for o in user.organizations}
        return known.get(organization_id)

    def undo_changes(self) -> None:
        self.revoked.clear()
        self.removed_scopes.clear()
        self.deleted_projects.clear()


ALL_READ_SCOPES = (
    "query:read",
    "project:read",
    "organization:read",
    "user:read",
    "person:read",
    "group:read",
    "event_definition:read",
)

ACME = Organization(id=ACME_ORGANIZATION_ID, name="Acme Corp", slug="acme-corp")
UMBRELLA = Organization(
    id=identifier("us", "umbrella"), name="Umbrella Retail", slug="umbrella-retail"
)
HOLLOW = Organization(id=identifier("us", "hollow"), name="Hollow Inc", slug="hollow-inc")
NORDWIND = Organization(id=identifier("eu", "nordwind"), name="Nordwind GmbH", slug="nordwind")


def _project(
    *, region: str, number: int, name: str, of: Organization, recent: int, token: str | None = None
) -> Project:
    uuid = identifier(region, "project", number)
    world = SmallWorld(seed=uuid, recent_events=recent)
    return Project(
        id=number,
        uuid=uuid,
        organization=of,
        name=name,
        api_token=token or f"phc_sandboxToken{region.upper()}{number:031d}",
        world=world,
        timezone=world.timezone,
    )


def _user(*, number: int, name: str, email: str, member_of: tuple[Organization, ...]) -> User:
    return User(id=number, name=name, email=email, organizations=member_of)


US_PROJECTS = (
    _project(region="us", number=201, name="Web Shop", of=UMBRELLA, recent=840),
    _project(region="us", number=202, name="Mobile App", of=UMBRELLA, recent=460),
    _project(region="us", number=203, name="Back Office", of=UMBRELLA, recent=0),
    _project(
        region="us",
        number=12345,
        name="Acme Production",
        of=ACME,
        recent=15420,
        token=KEYS.project_token.value,
    ),
)
US_USERS = {
    "ann": _user(number=42, name="Ann", email="ann@acme.example", member_of=(ACME,)),
    "bea": _user(number=43, name="Bea", email="bea@retail.example", member_of=(UMBRELLA,)),
    "dana": _user(number=44, name="Dana", email="dana@acme.example", member_of=(ACME, UMBRELLA)),
    "hugo": _user(number=45, name="Hugo", email="hugo@hollow.example", member_of=(HOLLOW,)),
}
# The ids 201 and 12345 are other customers' projects in the other region.
EU_PROJECTS = (
    _project(region="eu", number=201, name="Nordwind Blog", of=NORDWIND, recent=95),
    _project(region="eu", number=12345, name="Nordwind Shop", of=NORDWIND, recent=312),
)
EU_USERS = {
    "nora": _user(number=7, name="Nora", email="nora@nordwind.example", member_of=(NORDWIND,)),
}


def real_time() -> datetime:
    return datetime.now(UTC)


def new_region(
    name: RegionName,
    *,
    world: World | None = None,
    clock: Callable[[], datetime] = real_time,
) -> Region:
    """The region as it is before any change.

    Args:
        name: us or eu.
        world: what Acme's project 12345, in us, is filled with; by default a small history, as
            all others are.
        clock: gives the time, with a time zone.
    """
    users = EU_USERS if name == "eu" else US_USERS
    projects = [
        replace(project, world=world) if world and project.organization == ACME else project
        for project in (EU_PROJECTS if name == "eu" else US_PROJECTS)
    ]
    data = {project.id: _data_of(project.world, clock=clock) for project in projects}
    return Region(name=name, projects=tuple(projects), users=users, data=data)


def _data_of(world: World, *, clock: Callable[[], datetime]) -> ProjectData:
    load = partial(_load, world, clock)
    return ProjectData(load=load, zone=world.timezone, clock=clock)


def _load(world: World, clock: Callable[[], datetime], store: Store) -> None:
    world.load(store, now=clock())
