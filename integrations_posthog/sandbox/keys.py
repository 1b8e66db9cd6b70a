"""The keys of the stand-in: fixed, invented, one for each case that a caller has to handle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

RegionName = Literal["us", "eu"]

ACME_ORGANIZATION_ID = "0189acae-0000-7000-8000-00000000ac3e"


@dataclass(frozen=True, kw_only=True)
class Key:
    """A personal API key as PostHog stores it, and what it is here for.

    ``scopes`` are ``object:read|write`` or ``*``; an empty ``scoped_teams`` or
    ``scoped_organizations`` is no restriction. A key that is not ``valid`` is refused like any
    unknown one. Source: posthog/api/personal_api_key.py.
    """

    value: str
    label: str
    about: str
    region: RegionName
    owner: str
    scopes: tuple[str, ...] = ("*",)
    scoped_teams: tuple[int, ...] = ()
    scoped_organizations: tuple[str, ...] = ()
    valid: bool = True

    @property
    def mask(self) -> str:
        """The display form that PostHog uses: first four and last four characters."""
        return f"{self.value[:4]}...{self.value[-4:]}"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Every key of the stand-in, by its label; iterates in this order."""

    full: Key
    phc: Key
    no_query: Key
    minimal: Key
    one_project: Key
    several: Key
    organization: Key
    no_project: Key
    revoked: Key
    project_token: Key
    eu: Key

    def __iter__(self) -> Iterator[Key]:
        return (getattr(self, field.name) for field in fields(self))


KEYS = Keys(
    full=Key(
        value="phx_sandboxFullAccess0000000000000000000000000Full",
        label="full",
        about="all scopes; Acme Corp, project 12345",
        region="us",
        owner="ann",
    ),
    phc=Key(
        value="phc_sandboxPersonalKey000000000000000000000000Pers",
        label="phc",
        about="works like full; a personal key that begins with phc_",
        region="us",
        owner="ann",
    ),
    no_query=Key(
        value="phx_sandboxNoQueryRead000000000000000000000000NoQu",
        label="no_query",
        about="lacks the scope query:read",
        region="us",
        owner="ann",
        scopes=("project:read", "organization:read", "user:read", "person:read"),
    ),
    minimal=Key(
        value="phx_sandboxQueryAndProject00000000000000000000Mini",
        label="minimal",
        about="only query:read and project:read, so no organization's name",
        region="us",
        owner="ann",
        scopes=("query:read", "project:read"),
    ),
    one_project=Key(
        value="phx_sandboxOneProject0000000000000000000000000OneP",
        label="one_project",
        about="restricted to project 202 of the three of Umbrella Retail; may not list projects",
        region="us",
        owner="bea",
        scopes=("query:read", "project:read", "user:read"),
        scoped_teams=(202,),
    ),
    several=Key(
        value="phx_sandboxSeveralProjects00000000000000000000Seve",
        label="several",
        about="reaches the projects 201, 202 and 203 of Umbrella Retail",
        region="us",
        owner="bea",
        scopes=("query:read", "project:read", "organization:read"),
    ),
    organization=Key(
        value="phx_sandboxOneOrganization00000000000000000000Orga",
        label="organization",
        about="restricted to Acme Corp; its owner is a member of Umbrella Retail too",
        region="us",
        owner="dana",
        scoped_organizations=(ACME_ORGANIZATION_ID,),
    ),
    no_project=Key(
        value="phx_sandboxNoProject00000000000000000000000000NoPr",
        label="no_project",
        about="all scopes, but its owner's organization has no project",
        region="us",
        owner="hugo",
    ),
    revoked=Key(
        value="phx_sandboxRevoked0000000000000000000000000000Revo",
        label="revoked",
        about="was valid once: 401",
        region="us",
        owner="ann",
        valid=False,
    ),
    project_token=Key(
        value="phc_sandboxProjectToken00000000000000000000000Toke",
        label="project_token",
        about="the public token of project 12345, no personal key: 401",
        region="us",
        owner="ann",
        valid=False,
    ),
    eu=Key(
        value="phx_sandboxEuropeOnly0000000000000000000000000Euro",
        label="eu",
        about="EU region only; its project 12345 is Nordwind Shop, another customer's",
        region="eu",
        owner="nora",
    ),
)

BY_VALUE = {key.value: key for key in KEYS}
BY_LABEL = {key.label: key for key in KEYS}
