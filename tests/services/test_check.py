"""One check of a key: what is asked, in which order, and what each answer of PostHog's becomes."""

from __future__ import annotations

import time

import pytest

from integrations_posthog import errors
from integrations_posthog.client.hosts import Network
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.sandbox.keys import Key
from integrations_posthog.services import check as check_module
from integrations_posthog.services.check import ConnectionCheck, Validation
from integrations_posthog.services.inputs import parse_api_key
from integrations_posthog.wiring import operator_network

CLOUD = "https://app.posthog.com"


def a_check(key: Key, *, host: str = CLOUD, project_id: str | None = None) -> ConnectionCheck:
    return ConnectionCheck(
        api_key=key.value, host=host, project_id=project_id, network=operator_network()
    )


def run(key: Key, *, host: str = CLOUD, project_id: str | None = None) -> Validation:
    return a_check(key, host=host, project_id=project_id).run()


def asked(posthog: Sandbox) -> list[str]:
    return [f"{r.method} {r.path}" for r in posthog.us.requests + posthog.eu.requests]


def states(check: ConnectionCheck) -> dict[str, str]:
    return {step.name: step.state for step in check.steps}


class TestRequests:
    def test_a_good_check_takes_four(self, posthog: Sandbox) -> None:
        run(KEYS.full)
        assert [path.partition("?")[0] for path in asked(posthog)] == [
            "GET /api/personal_api_keys/@current/",
            "GET /api/projects/",
            "POST /api/projects/12345/query/",
            "GET /api/organizations/0189acae-0000-7000-8000-00000000ac3e/",
        ]

    @pytest.mark.parametrize("key", list(KEYS), ids=lambda key: key.label)
    def test_no_key_takes_more_than_four_and_one_for_a_region_that_refused(
        self, posthog: Sandbox, key: Key
    ) -> None:
        a_check(key).outcome()
        refused_by_us = key.region == "eu" or not key.valid
        assert len(asked(posthog)) <= 4 + refused_by_us

    def test_a_key_without_a_needed_scope_is_not_tried_further(self, posthog: Sandbox) -> None:
        with pytest.raises(errors.Unauthorized):
            run(KEYS.no_query)
        assert len(asked(posthog)) == 1

    def test_the_query_is_fresh_and_named(self, posthog: Sandbox) -> None:
        run(KEYS.full)
        body = next(r.body for r in posthog.us.requests if r.method == "POST")
        assert body["refresh"] == "force_blocking"
        assert body["name"].startswith("beton")
        assert "LIMIT" in body["query"]["query"]

    @pytest.mark.parametrize("path", ["/personal_api_keys/", "/api/projects/$"])
    def test_the_name_is_dropped_when_the_budget_is_short(
        self, posthog: Sandbox, path: str
    ) -> None:
        posthog.us.fail("503", path=path, times=1)
        assert run(KEYS.full).workspace_name == "Acme Production"
        assert len(asked(posthog)) == 4

    @pytest.mark.parametrize("path", ["/personal_api_keys/", "/projects/$", "/organizations/"])
    @pytest.mark.parametrize("fault", ["503", "drop"])
    def test_trouble_takes_no_more_than_four_either(
        self, posthog: Sandbox, path: str, fault: str
    ) -> None:
        posthog.us.fail(fault, path=path)
        a_check(KEYS.full).outcome()
        assert len(asked(posthog)) <= 4


class TestRegions:
    def test_the_second_region_is_asked_when_the_first_refuses(self, posthog: Sandbox) -> None:
        found = run(KEYS.eu)
        assert found.host == posthog.eu.url
        assert found.project_name != "Acme Production"
        assert found.workspace_name not in ("", found.project_name)

    def test_a_region_that_is_named_is_asked_alone(self, posthog: Sandbox) -> None:
        with pytest.raises(errors.Unauthorized):
            run(KEYS.full, host=posthog.eu.url)
        assert not posthog.us.requests

    @pytest.mark.parametrize("fault", ["drop", "500", "429", "html"])
    def test_trouble_is_no_reason_to_ask_the_next_one(self, posthog: Sandbox, fault: str) -> None:
        posthog.us.fail(fault)
        a_check(KEYS.eu).outcome()
        assert not posthog.eu.requests

    def test_a_key_never_follows_a_redirect(self, posthog: Sandbox) -> None:
        posthog.us.fail("redirect", location=posthog.eu.url)
        with pytest.raises(errors.ApiError):
            run(KEYS.full)
        assert not posthog.eu.requests


class TestProjects:
    def test_the_lowest_id_is_taken_and_all_are_told(self, posthog: Sandbox) -> None:
        found = run(KEYS.several)
        assert found.project_id == "201"
        assert [project.id for project in found.projects] == ["201", "202", "203"]
        assert all(project.name for project in found.projects)

    def test_the_one_asked_for_is_taken(self, posthog: Sandbox) -> None:
        assert run(KEYS.several, project_id="203").project_id == "203"

    def test_one_out_of_reach_is_not_found(self, posthog: Sandbox) -> None:
        with pytest.raises(errors.NotFound):
            run(KEYS.several, project_id="12345")

    def test_a_restricted_key_gets_its_project_and_its_owners_organization(
        self, posthog: Sandbox
    ) -> None:
        found = run(KEYS.one_project)
        assert found.project_id == "202"
        assert found.workspace_name == "Umbrella Retail"
        assert [project.id for project in found.projects] == ["202"]

    def test_a_restricted_key_cannot_take_another(self, posthog: Sandbox) -> None:
        with pytest.raises(errors.NotFound):
            run(KEYS.one_project, project_id="201")

    def test_a_key_of_one_organization_gets_its_projects(self, posthog: Sandbox) -> None:
        assert run(KEYS.organization).project_id == "12345"

    def test_a_key_without_the_scope_for_it_gets_the_projects_name(self, posthog: Sandbox) -> None:
        assert run(KEYS.minimal).workspace_name == "Acme Production"
        assert len(asked(posthog)) == 3

    def test_no_project_at_all_is_not_found(self, posthog: Sandbox) -> None:
        with pytest.raises(errors.NotFound):
            run(KEYS.no_project)


class TestOlderInstances:
    @pytest.fixture(params=["1.30", "2023"])
    def version(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_they_work_without_introspection_and_scopes(self, version: str) -> None:
        with Sandbox(legacy=version) as old:  # type: ignore[arg-type]
            check = self._check(old)
            found = check.run()
            assert len(old.us.requests) <= 4
        assert found.project_id == "12345"
        assert found.workspace_name == "Acme Corp"
        assert states(check)["key"] == "passed"
        assert states(check)["scopes"] == "unknown"

    def test_one_without_queries_connects_without_a_count(self) -> None:
        with Sandbox(legacy="1.30") as old:
            found = self._check(old).run()
        assert found.events_count is None
        assert found.hint is not None
        assert "too old" in found.hint

    def test_one_of_2023_counts(self) -> None:
        with Sandbox(legacy="2023") as old:
            assert self._check(old).run().events_count == 15420

    def test_an_unknown_key_is_unauthorized(self, version: str) -> None:
        with Sandbox(legacy=version) as old:  # type: ignore[arg-type]
            check = self._check(old, key=KEYS.revoked)
            with pytest.raises(errors.Unauthorized):
                check.run()
        assert states(check)["key"] == "failed"

    @staticmethod
    def _check(old: Sandbox, *, key: Key = KEYS.full) -> ConnectionCheck:
        network = Network(cloud_regions=(), trusted_origins=frozenset({old.us.url}))
        return ConnectionCheck(api_key=key.value, host=old.us.url, project_id=None, network=network)


EVERYWHERE = [
    ("401", errors.Unauthorized),
    ("402", errors.ApiError),
    ("403_organization", errors.Unauthorized),
    ("403_keys_disabled", errors.Unauthorized),
    ("429", errors.PostHogRateLimited),
    ("429_concurrency", errors.PostHogRateLimited),
    ("429_budget", errors.PostHogRateLimited),
    ("500", errors.ApiError),
    ("500_html", errors.ApiError),
    ("502", errors.ApiError),
    ("503", errors.ApiError),
    ("503_database", errors.ApiError),
    ("html", errors.ApiError),
    ("truncated", errors.ApiError),
    ("wrong_shape", errors.ApiError),
    ("missing_fields", errors.ApiError),
    ("wrong_types", errors.ApiError),
    ("huge", errors.ApiError),
    ("huge_gzip", errors.ApiError),
    ("short_body", errors.ConnectionFailed),
    ("drop", errors.ConnectionFailed),
    ("redirect", errors.ApiError),
]


class TestAnswersOfPostHog:
    @pytest.mark.parametrize(("fault", "expected"), EVERYWHERE)
    @pytest.mark.parametrize("path", ["/projects/$", "/query/$"])
    def test_each_becomes_its_error(
        self,
        posthog: Sandbox,
        fault: str,
        expected: type[errors.PostHogIntegrationError],
        path: str,
    ) -> None:
        posthog.us.fail(fault, path=path)
        with pytest.raises(errors.PostHogIntegrationError) as failure:
            run(KEYS.full)
        assert isinstance(failure.value, expected)

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [pair for pair in EVERYWHERE if not pair[0].startswith("403")],
    )
    def test_on_introspection_too(
        self, posthog: Sandbox, fault: str, expected: type[errors.PostHogIntegrationError]
    ) -> None:
        posthog.us.fail(fault, path="/personal_api_keys/")
        posthog.eu.fail(fault, path="/personal_api_keys/")
        with pytest.raises(expected):
            run(KEYS.full)

    @pytest.mark.parametrize("fault", ["403_scope", "403_organization", "404"])
    def test_without_introspection_the_calls_tell(self, posthog: Sandbox, fault: str) -> None:
        posthog.us.fail(fault, path="/personal_api_keys/")
        assert run(KEYS.full).project_id == "12345"

    def test_a_scope_that_only_the_call_tells_is_named(self, posthog: Sandbox) -> None:
        posthog.us.fail("404", path="/personal_api_keys/")
        with pytest.raises(errors.Unauthorized) as failure:
            run(KEYS.no_query)
        assert failure.value.missing_scopes == ("query:read",)
        assert f"{posthog.us.url}/settings/user-api-keys" in str(failure.value.hint)

    @pytest.mark.parametrize("fault", ["403_project", "404"])
    def test_a_project_that_is_refused_is_not_found(self, posthog: Sandbox, fault: str) -> None:
        posthog.us.fail(fault, path="/query/$")
        with pytest.raises(errors.NotFound):
            run(KEYS.full)

    @pytest.mark.parametrize("fault", ["504", "512", "513"])
    def test_a_count_that_is_too_much_for_posthog_is_no_failure(
        self, posthog: Sandbox, fault: str
    ) -> None:
        posthog.us.fail(fault, path="/query/$")
        found = run(KEYS.full)
        assert found.events_count is None
        assert found.hint

    @pytest.mark.parametrize("fault", ["504", "512", "513"])
    def test_on_another_call_it_is_an_api_error(self, posthog: Sandbox, fault: str) -> None:
        posthog.us.fail(fault, path="/projects/$")
        with pytest.raises(errors.ApiError):
            run(KEYS.full)

    @pytest.mark.parametrize("fault", ["never", "trickle", "trickle_head"])
    def test_a_count_that_takes_too_long_is_no_failure(
        self, posthog: Sandbox, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(check_module, "CHECK_SECONDS", 1.0)
        posthog.us.fail(fault, path="/query/$")
        start = time.monotonic()
        found = run(KEYS.full)
        assert found.events_count is None
        assert found.workspace_name == "Acme Production"
        assert time.monotonic() - start < 5

    @pytest.mark.parametrize("fault", ["never", "trickle", "trickle_head"])
    def test_elsewhere_it_is_a_connection_error(
        self, posthog: Sandbox, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(check_module, "CHECK_SECONDS", 1.0)
        posthog.us.fail(fault)
        with pytest.raises(errors.TimedOut):
            run(KEYS.full)

    @pytest.mark.parametrize("fault", ["500", "drop", "429", "403_keys_disabled", "html"])
    def test_the_organizations_name_is_worth_no_failure(self, posthog: Sandbox, fault: str) -> None:
        posthog.us.fail(fault, path="/organizations/")
        assert run(KEYS.full).workspace_name == "Acme Production"

    def test_a_key_that_is_revoked_in_between_is_unauthorized(self, posthog: Sandbox) -> None:
        posthog.us.fail("401", path="/organizations/")
        with pytest.raises(errors.Unauthorized):
            run(KEYS.full)


class TestReport:
    def test_all_is_well(self, posthog: Sandbox) -> None:
        check = a_check(KEYS.full)
        check.run()
        assert set(states(check).values()) == {"passed"}

    def test_before_it_has_run_nothing_is_reached(self, posthog: Sandbox) -> None:
        assert set(states(a_check(KEYS.full)).values()) == {"not_reached"}

    @pytest.mark.parametrize(
        ("key", "failed", "passed"),
        [
            (KEYS.revoked, "key", set()),
            (KEYS.no_query, "scopes", {"key", "region"}),
            (KEYS.no_project, "project", {"key", "region", "scopes"}),
        ],
        ids=lambda value: getattr(value, "label", None),
    )
    def test_a_failure_stands_where_it_happened(
        self, posthog: Sandbox, key: Key, failed: str, passed: set[str]
    ) -> None:
        check = a_check(key)
        error = check.outcome()
        assert states(check)[failed] == "failed"
        assert {name for name, state in states(check).items() if state == "passed"} == passed
        assert error.report == check.report()

    @pytest.mark.parametrize(
        ("path", "failed"), [("personal", "region"), ("/projects/$", "project"), ("query", "query")]
    )
    def test_so_does_trouble_on_the_way(self, posthog: Sandbox, path: str, failed: str) -> None:
        posthog.us.fail("500", path=path)
        check = a_check(KEYS.full)
        check.outcome()
        assert states(check)[failed] == "failed"

    def test_it_does_not_show_the_key(self, posthog: Sandbox) -> None:
        check = a_check(KEYS.full)
        check.run()
        assert KEYS.full.value not in str(check.report()) + repr(check)


def test_a_refused_key_that_may_be_the_project_s_public_one_is_said_to_be_so(
    posthog: Sandbox,
) -> None:
    with pytest.raises(errors.Unauthorized) as refused:
        run(KEYS.project_token)
    assert "a project's public key, which only takes events" in str(refused.value.hint)
    with pytest.raises(errors.Unauthorized) as refused:
        run(KEYS.revoked)
    assert "public key" not in str(refused.value.hint)


def test_a_key_is_taken_without_the_white_space_around_it() -> None:
    assert parse_api_key(f"\n {KEYS.full.value}\t") == KEYS.full.value


def test_the_whole_check_ends_within_fifteen_seconds_whatever_posthog_does(
    posthog: Sandbox,
) -> None:
    posthog.us.fail("slow", seconds=4)
    start = time.monotonic()
    a_check(KEYS.full).outcome()
    assert time.monotonic() - start < 15
