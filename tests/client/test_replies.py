"""What PostHog's replies mean, read from replies alone."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_posthog import errors
from integrations_posthog.client import replies
from integrations_posthog.client.replies import KeyInfo, Project
from integrations_posthog.client.transport import Reply

ORGANIZATION = "018e0000-0000-7000-8000-000000000001"


def read_project(answer: Reply) -> Project:
    return replies.read_project(answer, project_id="1")


READERS = [
    replies.read_key,
    replies.read_projects,
    read_project,
    replies.read_organization_name,
    replies.read_own_organizations,
    replies.read_count,
]


def reply(
    status: int,
    body: Any = None,
    *,
    raw: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    content = json.dumps(body).encode() if raw is None else raw
    return Reply(status=status, headers=headers or {}, body=content)


def refused(
    status: int, detail: str = "", code: str = "error", headers: dict[str, str] | None = None
) -> Reply:
    body = {"type": "x", "code": code, "detail": detail, "attr": None}
    return reply(status, body, headers=headers)


def forbidden(detail: str) -> Reply:
    return refused(403, detail, "permission_denied")


def test_a_key_tells_its_scopes_and_restrictions() -> None:
    key = replies.read_key(
        reply(
            200,
            {
                "scopes": ["query:read", "project:write"],
                "scoped_teams": [7, 5],
                "scoped_organizations": [ORGANIZATION],
            },
        )
    )
    assert key == KeyInfo(
        scopes=frozenset({"query:read", "project:write"}),
        project_ids=("5", "7"),
        organization_ids=(ORGANIZATION,),
    )


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["query:read"], True),
        (["query:write"], True),
        (["*"], True),
        ([], True),
        (["project:read"], False),
    ],
)
def test_write_implies_read_and_a_star_everything(scopes: list[str], allowed: bool) -> None:
    key = replies.read_key(
        reply(200, {"scopes": scopes, "scoped_teams": None, "scoped_organizations": None})
    )
    assert key is not None
    assert key.allows("query:read") is allowed


@pytest.mark.parametrize("status", [403, 404])
def test_an_instance_without_introspection_tells_nothing(status: int) -> None:
    assert replies.read_key(refused(status, "Endpoint not found.")) is None


def test_projects_come_lowest_id_first() -> None:
    page = replies.read_projects(
        reply(
            200,
            {
                "next": None,
                "results": [
                    {"id": 12, "name": "B", "organization": ORGANIZATION},
                    {"id": 9, "name": "A", "organization": ORGANIZATION},
                ],
            },
        )
    )
    assert [project.id for project in page.projects] == ["9", "12"]
    assert page.is_whole


def test_a_further_page_of_projects_is_noticed() -> None:
    body = {"next": "https://us.posthog.com/x", "results": [{"id": 1, "name": "A"}]}
    assert not replies.read_projects(reply(200, body)).is_whole


def test_no_project_at_all_is_not_found() -> None:
    with pytest.raises(errors.NotFound):
        replies.read_projects(reply(200, {"next": None, "results": []}))


def test_a_missing_list_of_projects_means_that_no_posthog_lives_there() -> None:
    with pytest.raises(errors.ApiError):
        replies.read_projects(refused(404, "Not found.", "not_found"))


def test_a_project_is_the_one_that_was_asked_for() -> None:
    with pytest.raises(errors.ApiError):
        replies.read_project(reply(200, {"id": 5, "name": "A"}), project_id="3")


@pytest.mark.parametrize("number", [0, -5, 10**18, 10**300, True, "7", 7.0, None])
def test_an_id_is_a_positive_integer_that_a_database_holds(number: object) -> None:
    with pytest.raises(errors.ApiError):
        replies.read_projects(reply(200, {"next": None, "results": [{"id": number, "name": "A"}]}))
    with pytest.raises(errors.ApiError):
        replies.read_key(reply(200, {"scopes": ["*"], "scoped_teams": [number or 0]}))


def test_no_list_of_projects_is_longer_than_a_page() -> None:
    results = [{"id": number, "name": "A"} for number in range(1, 500)]
    assert (
        len(replies.read_projects(reply(200, {"next": None, "results": results})).projects) == 100
    )


def test_names_are_made_fit_for_any_database() -> None:
    project = read_project(reply(200, {"id": 1, "name": "A\0\ud800" + "x" * 300}))
    assert project.name is not None
    assert project.name.startswith("A?x")
    assert len(project.name) == 255


def test_a_count_is_one_whole_number() -> None:
    assert replies.read_count(reply(200, {"results": [[15420]]})) == 15420


@pytest.mark.parametrize(
    "results",
    [None, [], [[]], [["15420"]], [[1.5]], [[True]], [[-1]], [[2**63]], [[1, 2]], [[1], [2]], {}],
)
def test_anything_else_is_no_count(results: object) -> None:
    with pytest.raises(errors.ApiError):
        replies.read_count(reply(200, {"results": results}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(401, "Personal API key found ... is invalid."), errors.Unauthorized),
        (reply(401, raw=b"<html>"), errors.Unauthorized),
        (
            forbidden("API key missing required scope 'query:read'"),
            errors.Unauthorized,
        ),
        (
            refused(
                403, "This action does not support personal API key access", "permission_denied"
            ),
            errors.Unauthorized,
        ),
        (
            forbidden("Organization 'project' does not allow using ..."),
            errors.Unauthorized,
        ),
        (
            refused(
                403,
                "API keys with scoped projects are only supported on project-based ...",
                "permission_denied",
            ),
            errors.Unauthorized,
        ),
        (
            refused(
                403,
                "API key does not have access to the requested organization: ID x.",
                "permission_denied",
            ),
            errors.Unauthorized,
        ),
        (
            refused(
                403,
                "API key does not have access to the requested project: ID 1.",
                "permission_denied",
            ),
            errors.NotFound,
        ),
        (
            forbidden("You don't have access to the project."),
            errors.NotFound,
        ),
        (reply(403, raw=b"<html>Attention Required!</html>"), errors.ApiError),
        (refused(403, "blocked", "waf_blocked"), errors.ApiError),
        (refused(404, "Project not found.", "not_found"), errors.NotFound),
        (refused(404, "Not found.", "not_found"), errors.NotFound),
        (refused(404, "Endpoint not found.", "not_found"), errors.ApiError),
        (reply(404, raw=b"nothing here"), errors.ApiError),
        (refused(429, "Request was throttled."), errors.PostHogRateLimited),
        *[
            (refused(status), errors.ApiError)
            for status in (
                201,
                202,
                204,
                301,
                302,
                400,
                402,
                405,
                418,
                500,
                502,
                503,
                504,
                512,
                513,
            )
        ],
    ],
)
def test_each_refusal_is_classified_and_what_is_not_listed_is_an_api_error(
    answer: Reply, expected: type[errors.PostHogIntegrationError]
) -> None:
    with pytest.raises(errors.PostHogIntegrationError) as refusal:
        replies.read_count(answer)
    assert type(refusal.value) is expected
    assert refusal.value.status == answer.status


def test_a_missing_scope_is_named() -> None:
    with pytest.raises(errors.Unauthorized) as refusal:
        replies.read_count(forbidden("API key missing required scope 'query:read'"))
    assert refusal.value.missing_scopes == ("query:read",)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"Retry-After": "59"}, 59), ({}, None), ({"Retry-After": "soon"}, None)],
)
def test_a_wait_is_told_only_where_posthog_told_one(
    headers: dict[str, str], expected: int | None
) -> None:
    with pytest.raises(errors.PostHogRateLimited) as refusal:
        replies.read_count(refused(429, "Request was throttled.", headers=headers))
    assert refusal.value.retry_after == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<!doctype html>",
        b'{"results": [[1]',
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b"3",
        b'{"results": 1' + b"0" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_what_is_not_the_expected_json_is_an_api_error(read: Any, raw: bytes) -> None:
    with pytest.raises(errors.ApiError):
        read(reply(200, raw=raw))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
fields = st.sampled_from(
    ["id", "name", "organization", "results", "next", "scopes", "scoped_teams", "organizations"]
)


@given(body=json_values | st.dictionaries(fields, json_values), status=st.integers(200, 599))
def test_no_reply_is_an_unexpected_error(body: object, status: int) -> None:
    for read in READERS:
        with suppress(errors.Unauthorized, errors.NotFound, errors.RateLimited, errors.ApiError):
            read(reply(status, body))


def test_a_reply_does_not_show_its_body() -> None:
    assert "secret" not in repr(reply(200, {"secret_api_token": "secret"}))


def test_ids_that_would_change_a_path_are_refused() -> None:
    with pytest.raises(errors.ApiError):
        read_project(reply(200, {"id": 1, "name": "A", "organization": "../../x"}))


def test_a_project_without_an_organization_is_still_one() -> None:
    assert read_project(reply(200, {"id": 1, "name": "A"})) == Project(id="1", name="A")
