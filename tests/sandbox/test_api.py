"""The stand-in answers keys, projects, users and organizations as PostHog does."""

from __future__ import annotations

import pytest

from integrations_posthog.sandbox import KEYS, Key

from .conftest import Caller, denied, refusal

ACME_ID = KEYS.organization.scoped_organizations[0]
WORKING = [key for key in KEYS if key.valid and key.region == "us"]


def ids(response: object) -> list[int]:
    return [project["id"] for project in response.json()["results"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", WORKING, ids=lambda k: k.label)
def test_introspection_works_for_every_valid_key_and_tells_what_it_may(
    us: Caller, key: Key
) -> None:
    told = us.get("/api/personal_api_keys/@current/", key=key).json()
    assert told["label"] == key.label
    assert told["scopes"] == list(key.scopes)
    assert told["scoped_teams"] == list(key.scoped_teams)
    assert told["scoped_organizations"] == list(key.scoped_organizations)
    assert told["mask_value"] == f"{key.value[:4]}...{key.value[-4:]}"
    assert told["value"] is None


@pytest.mark.parametrize(
    ("key", "projects"),
    [
        (KEYS.full, [12345]),
        (KEYS.phc, [12345]),
        (KEYS.several, [203, 202, 201]),
        (KEYS.organization, [12345]),
        (KEYS.no_project, []),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_the_list_has_the_projects_that_the_key_reaches(
    us: Caller, key: Key, projects: list[int]
) -> None:
    response = us.get("/api/projects/", key=key)
    assert ids(response) == projects
    assert response.json()["count"] == len(projects)
    assert response.json()["next"] is None


def test_the_list_is_paged_with_absolute_links(us: Caller) -> None:
    first = us.get("/api/projects/?limit=2", key=KEYS.several)
    assert ids(first) == [203, 202]
    assert first.json()["next"] == f"{us.region.url}/api/projects/?limit=2&offset=2"
    second = us.session.get(
        first.json()["next"], headers={"Authorization": f"Bearer {KEYS.several.value}"}
    )
    assert ids(second) == [201]
    assert second.json()["next"] is None
    assert second.json()["previous"] == f"{us.region.url}/api/projects/?limit=2"


@pytest.mark.parametrize(
    "path",
    ["/api/projects/", "/api/organizations/@current/", f"/api/organizations/{ACME_ID}/projects/"],
)
def test_a_key_restricted_to_projects_may_not_use_other_endpoints(us: Caller, path: str) -> None:
    response = us.get(path, key=KEYS.one_project)
    assert response.status_code == 403
    detail = "API keys with scoped projects are only supported on project-based endpoints."
    assert response.json() == denied(detail)


def test_a_key_restricted_to_projects_reads_those_and_no_others(us: Caller) -> None:
    assert us.get("/api/projects/202/", key=KEYS.one_project).json()["name"] == "Mobile App"
    response = us.get("/api/projects/201/", key=KEYS.one_project)
    assert response.status_code == 403
    detail = "API key does not have access to the requested project: ID 201."
    assert response.json() == denied(detail)


def test_a_key_restricted_to_an_organization_sees_no_other_of_its_owner(us: Caller) -> None:
    key = KEYS.organization
    assert us.get("/api/projects/12345/", key=key).status_code == 200
    assert us.get("/api/projects/201/", key=key).status_code == 404
    umbrella = us.get("/api/organizations/@current/", key=KEYS.several).json()["id"]
    response = us.query(key=key, project=201)
    assert response.status_code == 403
    assert response.json() == denied(
        f"API key does not have access to the requested organization: ID {umbrella}."
    )


def test_a_project_carries_its_organization_as_an_id_without_a_name(us: Caller) -> None:
    project = us.get("/api/projects/12345/").json()
    assert (project["id"], project["name"]) == (12345, "Acme Production")
    assert project["organization"] == ACME_ID
    assert "Acme Corp" not in us.get("/api/projects/12345/").text


def test_current_is_the_owners_own_project(us: Caller) -> None:
    assert us.get("/api/projects/@current/").json()["id"] == 12345


@pytest.mark.parametrize("project", ["999", "201", "@current"])
def test_a_project_that_the_owner_cannot_see_is_not_found(us: Caller, project: str) -> None:
    response = us.get(f"/api/projects/{project}/", key=KEYS.no_project)
    assert response.status_code == 404
    assert response.json() == refusal("invalid_request", "not_found", "Not found.")


def test_a_project_id_that_is_no_number_is_a_validation_error(us: Caller) -> None:
    response = us.get("/api/projects/abc/")
    assert response.status_code == 400
    assert response.json() == refusal(
        "validation_error", "invalid_input", "Field 'id' expected a number but got 'abc'."
    )


def test_the_same_project_id_is_another_customers_in_the_other_region(
    us: Caller, eu: Caller
) -> None:
    assert us.get("/api/projects/12345/").json()["name"] == "Acme Production"
    assert eu.get("/api/projects/12345/", key=KEYS.eu).json()["name"] == "Nordwind Shop"
    assert eu.get("/api/projects/12345/").status_code == 401


@pytest.mark.parametrize(
    ("path", "key", "scope"),
    [
        ("/api/users/@me/", KEYS.minimal, "user:read"),
        ("/api/organizations/@current/", KEYS.minimal, "organization:read"),
    ],
)
def test_a_missing_scope_is_named(us: Caller, path: str, key: Key, scope: str) -> None:
    response = us.get(path, key=key)
    assert response.status_code == 403
    assert response.json() == denied(f"API key missing required scope '{scope}'")


def test_the_user_tells_organization_and_current_project_even_to_a_restricted_key(
    us: Caller,
) -> None:
    me = us.get("/api/users/@me/", key=KEYS.one_project).json()
    assert me["organization"]["name"] == "Umbrella Retail"
    assert [each["name"] for each in me["organizations"]] == ["Umbrella Retail"]
    assert me["team"]["id"] == 201


def test_a_user_without_a_project_has_no_current_one(us: Caller) -> None:
    me = us.get("/api/users/@me/", key=KEYS.no_project).json()
    assert (me["team"], me["organization"]["name"]) == (None, "Hollow Inc")


@pytest.mark.parametrize("which", ["@current", ACME_ID])
def test_an_organization_tells_its_name_and_projects(us: Caller, which: str) -> None:
    organization = us.get(f"/api/organizations/{which}/").json()
    assert organization["name"] == "Acme Corp"
    assert organization["projects"] == [
        {"id": 12345, "organization_id": ACME_ID, "name": "Acme Production"}
    ]


def test_organizations_are_listed(us: Caller) -> None:
    listed = us.get("/api/organizations/").json()
    assert [each["name"] for each in listed["results"]] == ["Acme Corp"]


def test_an_organizations_projects_are_those_the_owner_can_see(us: Caller) -> None:
    assert ids(us.get(f"/api/organizations/{ACME_ID}/projects/")) == [12345]
    assert ids(us.get(f"/api/organizations/{ACME_ID}/projects/", key=KEYS.several)) == []


def test_an_organization_of_others_is_not_found(us: Caller) -> None:
    response = us.get(f"/api/organizations/{ACME_ID}/", key=KEYS.several)
    assert (response.status_code, response.json()["detail"]) == (404, "Not found.")
    unknown = us.get("/api/organizations/00000000-0000-0000-0000-000000000000/projects/")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "Organization not found.")


def test_the_trailing_slash_is_optional_without_a_redirect(us: Caller) -> None:
    assert us.get("/api/projects").status_code == 200
    assert us.get("/api/projects/12345").status_code == 200


@pytest.mark.parametrize("key", [KEYS.full, None])
def test_an_unknown_path_has_no_endpoint_whoever_asks(us: Caller, key: Key | None) -> None:
    response = us.get("/api/nothing/here/", key=key)
    assert response.status_code == 404
    assert response.json() == refusal("invalid_request", "not_found", "Endpoint not found.")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused_in_the_envelope(us: Caller, method: str) -> None:
    response = us.send(method, "/api/projects/")
    assert response.status_code == 405
    detail = f'Method "{method}" not allowed.'
    assert response.json() == refusal("invalid_request", "method_not_allowed", detail)
