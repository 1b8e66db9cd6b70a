"""Which requests each question becomes; the replies are handed in by ``responses``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from responses import matchers

from integrations_posthog import errors
from integrations_posthog.client import PostHogWorkspaceClient
from integrations_posthog.client.hosts import Network
from integrations_posthog.client.replies import KeyInfo, Project
from integrations_posthog.client.transport import Transport

ORIGIN = "https://us.posthog.com"
KEY = "phx_" + "k" * 47
ORGANIZATION = "018e0000-0000-7000-8000-000000000001"
OTHER_ORGANIZATION = "018e0000-0000-7000-8000-000000000002"
PAGE_OF_100 = matchers.query_param_matcher({"limit": "100"})
BEARER = matchers.header_matcher({"Authorization": f"Bearer {KEY}"})


def a_key(
    *scopes: str, projects: tuple[str, ...] = (), organizations: tuple[str, ...] = ()
) -> KeyInfo:
    return KeyInfo(
        scopes=frozenset(scopes or {"*"}), project_ids=projects, organization_ids=organizations
    )


def a_project(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"Project {number}", "organization": ORGANIZATION}


@pytest.fixture(autouse=True)
def wire() -> Iterator[responses.RequestsMock]:
    """The only replies there are; one that is not asked for fails the test."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client() -> PostHogWorkspaceClient:
    network = Network(cloud_regions=(ORIGIN,), trusted_origins=frozenset())
    transport = Transport(api_key=KEY, network=network, seconds=5, spare_requests=1)
    return PostHogWorkspaceClient(origin=ORIGIN, transport=transport)


def answer(wire: responses.RequestsMock, path: str, body: object, *match: Any) -> None:
    wire.get(f"{ORIGIN}{path}", json=body, match=[BEARER, *match])


class TestCredentials:
    def test_they_are_tested_by_introspection(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        body = {"scopes": ["query:read"], "scoped_teams": [], "scoped_organizations": []}
        answer(wire, "/api/personal_api_keys/@current/", body)
        assert client.validate_credentials() == a_key("query:read")

    def test_an_unknown_key_is_unauthorized(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        wire.get(f"{ORIGIN}/api/personal_api_keys/@current/", status=401, json={})
        with pytest.raises(errors.Unauthorized):
            client.validate_credentials()


class TestWorkspaceInfo:
    LIST = "/api/projects/"

    def test_one_list_tells_all_projects(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        page = {"next": None, "results": [a_project(9), a_project(7)]}
        answer(wire, self.LIST, page, PAGE_OF_100)
        info = client.get_workspace_info(key=a_key())
        assert info.project == Project(id="7", name="Project 7", organization_id=ORGANIZATION)
        assert [project.id for project in info.projects] == ["7", "9"]

    def test_a_project_beyond_the_first_page_is_asked_for_by_itself(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, self.LIST, {"next": f"{ORIGIN}/x", "results": [a_project(7)]})
        answer(wire, "/api/projects/500/", a_project(500))
        assert client.get_workspace_info(key=a_key(), project_id="500").project.id == "500"

    def test_a_try_anew_leaves_no_request_for_a_project_beyond_the_first_page(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        wire.get(f"{ORIGIN}{self.LIST}", status=503)
        answer(wire, self.LIST, {"next": f"{ORIGIN}/x", "results": [a_project(7)]})
        with pytest.raises(errors.ApiError) as failure:
            client.get_workspace_info(key=a_key(), project_id="500")
        assert failure.value.retryable
        assert len(wire.calls) == 2

    def test_a_project_beyond_the_first_page_is_not_tried_anew(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, self.LIST, {"next": f"{ORIGIN}/x", "results": [a_project(7)]})
        wire.get(f"{ORIGIN}/api/projects/500/", status=503)
        with pytest.raises(errors.ApiError):
            client.get_workspace_info(key=a_key(), project_id="500")
        assert len(wire.calls) == 2

    def test_one_that_is_not_in_a_whole_list_is_not_asked_for(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, self.LIST, {"next": None, "results": [a_project(7)]})
        with pytest.raises(errors.NotFound):
            client.get_workspace_info(key=a_key(), project_id="500")

    def test_a_restricted_key_asks_for_its_project_alone(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, "/api/projects/12/", a_project(12))
        info = client.get_workspace_info(key=a_key(projects=("9", "12")), project_id="12")
        assert info.projects == (Project(id="9"), info.project)

    def test_a_key_of_one_organization_asks_that_one(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        path = f"/api/organizations/{ORGANIZATION}/projects/"
        answer(wire, path, {"next": None, "results": [a_project(7)]})
        key = a_key(organizations=(ORGANIZATION,))
        assert client.get_workspace_info(key=key).project.id == "7"

    def test_a_key_of_several_organizations_asks_for_all(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, self.LIST, {"next": None, "results": [a_project(7)]})
        key = a_key(organizations=(ORGANIZATION, OTHER_ORGANIZATION))
        assert client.get_workspace_info(key=key).project.id == "7"


class TestEventsCount:
    URL = f"{ORIGIN}/api/projects/7/query/"

    def test_posthog_counts_them_afresh(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        wire.post(self.URL, json={"results": [[3]]}, match=[BEARER])
        assert client.get_events_count(project_id="7", key=a_key()) == 3
        sent = json.loads(wire.calls[0].request.body or b"")
        assert sent["query"]["kind"] == "HogQLQuery"
        assert sent["query"]["query"].startswith("SELECT count() FROM events")
        assert sent["refresh"] == "force_blocking"

    def test_an_older_instance_gets_no_field_that_it_does_not_know(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        wire.post(self.URL, json={"results": [[3]]})
        client.get_events_count(project_id="7", key=None)
        assert json.loads(wire.calls[0].request.body or b"").keys() == {"query"}


class TestOrganizationName:
    def test_it_is_that_of_the_organization(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        answer(wire, f"/api/organizations/{ORGANIZATION}/", {"name": "Acme Corp"})
        assert self._name(client, a_key("organization:read")) == "Acme Corp"

    def test_a_restricted_key_reads_it_from_its_owners_account(
        self, client: PostHogWorkspaceClient, wire: responses.RequestsMock
    ) -> None:
        organizations = [
            {"id": OTHER_ORGANIZATION, "name": "Other"},
            {"id": ORGANIZATION, "name": "Acme Corp"},
        ]
        answer(wire, "/api/users/@me/", {"organizations": organizations})
        key = a_key("organization:read", "user:read", projects=("7",))
        assert self._name(client, key) == "Acme Corp"

    def test_a_key_that_may_not_read_it_asks_nothing(self, client: PostHogWorkspaceClient) -> None:
        assert self._name(client, a_key("query:read")) is None

    @staticmethod
    def _name(client: PostHogWorkspaceClient, key: KeyInfo) -> str | None:
        return client.get_organization_name(organization_id=ORGANIZATION, key=key)
