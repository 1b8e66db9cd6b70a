"""The API's calls about signals: what they answer, to whom, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.models import Account, Signal, SignalDefinition, UsageSource
from integrations_posthog.pql.examples import example_rules
from integrations_posthog.services.signals import scores
from tests.evaluations import LAST, at_least, day, define, evaluate_as_of, store_history, use
from tests.signals import store_signal

BASE = "/api/posthog"
DEFINITIONS, SIGNALS, ACCOUNTS = f"{BASE}/signal-definitions", f"{BASE}/signals", f"{BASE}/accounts"
FIT = f"{BASE}/fit-criteria"
RULE = at_least(5, events=["report viewed"])
WHEN = "2026-11-21"

As = Callable[[User], APIClient]


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    """Acme's usage: Initech viewed 7 reports on the last day and Hooli 2, after one each before."""
    source = store_history(acme)
    use(source, "Initech", {day(0): 1, LAST: 7})
    use(source, "Hooli", {day(0): 1, LAST: 2})
    return source


@pytest.fixture
def definition(acme: Workspace, source: UsageSource) -> SignalDefinition:
    """Who views five reports on a day."""
    return define(acme, RULE, name="Busy", weight=40)


@pytest.fixture
def signal(source: UsageSource, definition: SignalDefinition) -> Signal:
    """Initech's, of the last day."""
    [found] = evaluate_as_of(source, LAST)
    return found


@pytest.fixture
def alices(alice: User, session_client: As) -> APIClient:
    return session_client(alice)


@pytest.fixture
def carols(carol: User, session_client: As) -> APIClient:
    return session_client(carol)


def get(client: APIClient, address: str, **query: Any) -> Any:
    response = client.get(address, query)
    assert response.status_code == 200, response.json()
    return response.json()


def refused(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error_type"]


class TestDefinitions:
    def test_a_new_one_is_a_draft_in_its_first_version(self, alices: APIClient) -> None:
        body = {"name": "Busy", "weight": 30, "cooldown_days": 7, "rule": RULE}
        response = alices.post(DEFINITIONS, body, format="json")
        told = response.json()
        assert response.status_code == 201
        assert told == {"id": told["id"], "version": 1, "state": "draft", **body}
        assert isinstance(told["id"], str)
        assert get(alices, f"{DEFINITIONS}/{told['id']}") == told
        assert get(alices, DEFINITIONS)["results"] == [told]

    @pytest.mark.parametrize("form", example_rules())
    def test_every_form_of_a_rule_is_taken_as_it_is(self, form: str, alices: APIClient) -> None:
        rule = example_rules()[form]
        response = alices.post(DEFINITIONS, {"name": form, "rule": rule}, format="json")
        assert (response.status_code, response.json()["rule"]) == (201, rule)

    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            ({"all": []}, "all: "),
            ({"some": []}, "give exactly one of all, any, sequence"),
            ({"all": [RULE["all"][0] | {"colour": "red"}]}, "all[0].colour: is not known"),
            ({"all": [RULE["all"][0] | {"days": 366}]}, "all[0].days: "),
            ({"sequence": RULE["all"] * 2, "within_days": 0}, "within_days: "),
            ({"\ud800": 1, "all": RULE["all"]}, "\ufffd: is not known"),
            ([], "is a JSON object"),
        ],
    )
    def test_a_rule_that_cannot_be_is_refused_with_the_place(
        self, rule: Any, path: str, alices: APIClient
    ) -> None:
        body = json.dumps({"name": "x", "rule": rule})
        response = alices.post(DEFINITIONS, body, content_type="application/json")
        assert refused(response) == (400, "invalid_format")
        assert path in response.json()["hint"]
        assert not SignalDefinition.objects.exists()

    def test_a_refusal_does_not_repeat_a_key_that_was_pasted(self, alices: APIClient) -> None:
        key = "phx_" + "Canary" * 8
        rule = {"all": [RULE["all"][0] | {key: 1}]}
        response = alices.post(DEFINITIONS, {"name": "x", "rule": rule}, format="json")
        assert refused(response) == (400, "invalid_format")
        assert "CanaryCanary" not in response.content.decode()

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": "x" * 101},
            {"weight": 101},
            {"weight": -101},
            {"cooldown_days": -1},
            {"cooldown_days": 366},
            {"rule": None},
        ],
    )
    def test_other_values_that_cannot_be_are_refused_by_name(
        self, change: dict[str, Any], alices: APIClient
    ) -> None:
        body = {"name": "Busy", "rule": RULE} | change
        response = alices.post(DEFINITIONS, body, format="json")
        assert refused(response) == (400, "invalid_format")
        assert response.json()["hint"].startswith(next(iter(change)))

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_a_change_is_a_new_version_and_what_is_left_out_stays(
        self, method: str, alices: APIClient, signal: Signal
    ) -> None:
        address = f"{DEFINITIONS}/{signal.version.definition_id}"
        response = getattr(alices, method)(address, {"weight": 10}, format="json")
        told = response.json()
        assert response.status_code == 200
        assert (told["version"], told["weight"], told["name"]) == (2, 10, "Busy")
        assert get(alices, f"{SIGNALS}/{signal.pk}")["definition"]["version"] == 1

    def test_a_change_to_nothing_new_is_no_version(
        self, alices: APIClient, definition: SignalDefinition
    ) -> None:
        address = f"{DEFINITIONS}/{definition.pk}"
        response = alices.patch(address, {"rule": RULE, "weight": 40}, format="json")
        assert response.json()["version"] == 1

    def test_activating_evaluates_at_once_and_pausing_takes_the_score_back(
        self, acme: Workspace, alices: APIClient, source: UsageSource
    ) -> None:
        definition = define(acme, RULE, state="draft")
        address = f"{DEFINITIONS}/{definition.pk}"
        assert get(alices, SIGNALS)["results"] == []

        assert alices.post(f"{address}/activate").json()["state"] == "active"
        [signal] = get(alices, SIGNALS)["results"]
        [first, _] = get(alices, ACCOUNTS, ordering="-score")["results"]
        assert (signal["account"]["name"], first["name"], first["score"]) == (
            "Initech",
            "Initech",
            40.0,
        )

        assert alices.post(f"{address}/pause").json()["state"] == "paused"
        assert {one["score"] for one in get(alices, ACCOUNTS)["results"]} == {0.0}

    @pytest.mark.parametrize("definition_id", ["0", "x", "9" * 30, "-1", "²"])
    def test_what_is_no_definition_is_not_found(
        self, definition_id: str, alices: APIClient
    ) -> None:
        address = f"{DEFINITIONS}/{definition_id}"
        for response in (
            alices.get(address),
            alices.put(address, {"weight": 1}, format="json"),
            alices.post(f"{address}/pause"),
            alices.post(f"{address}/activate"),
            alices.get(f"{address}/preview"),
        ):
            assert refused(response) == (404, "not_found")

    def test_a_member_reads_and_changes_nothing(
        self, carols: APIClient, definition: SignalDefinition
    ) -> None:
        address = f"{DEFINITIONS}/{definition.pk}"
        assert get(carols, address)["name"] == "Busy"
        for response in (
            carols.post(DEFINITIONS, {"name": "x", "rule": RULE}, format="json"),
            carols.put(address, {"weight": 1}, format="json"),
            carols.patch(address, {"weight": 1}, format="json"),
            carols.post(f"{address}/pause"),
            carols.post(f"{address}/activate"),
        ):
            assert refused(response) == (403, "permission_denied")
        assert get(carols, DEFINITIONS)["results"] == [get(carols, address)]

    def test_templates_propose_events_that_the_project_has(
        self, carols: APIClient, source: UsageSource
    ) -> None:
        initech = source.accounts.get(name="Initech")
        event = source.events.create(name="invite_sent")
        initech.recent_events.create(event=event, events=3, people=1)
        told = {one["slug"]: one for one in get(carols, f"{BASE}/signal-templates")["templates"]}
        assert told["invitations"]["events"] == ["invite_sent"]
        assert told["invitations"]["rule"]["all"][0]["events"] == ["invite_sent"]
        assert told["pricing-interest"]["rule"] is None
        assert told["silence"]["rule"]["all"][0]["events"] is None


class TestPreview:
    def test_it_tells_who_and_why_and_stores_nothing(
        self, carols: APIClient, definition: SignalDefinition
    ) -> None:
        stored = get(carols, f"{DEFINITIONS}/{definition.pk}/preview")
        response = carols.post(f"{DEFINITIONS}/preview", {"rule": RULE}, format="json")
        [found] = stored["accounts"]
        assert response.json() == stored
        assert (stored["as_of"], stored["count"]) == (WHEN, 1)
        assert (found["key"], found["name"]) == ("initech.example", "Initech")
        assert found["sentence"] == "7 × report viewed in 1 day"
        assert found["evidence"]["series"] == [{"day": WHEN, "value": 7}]
        assert not Signal.objects.exists()

    def test_an_earlier_day_can_be_asked_for(
        self, carols: APIClient, definition: SignalDefinition
    ) -> None:
        told = get(carols, f"{DEFINITIONS}/{definition.pk}/preview", as_of=day(5).isoformat())
        assert told == {"as_of": day(5).isoformat(), "count": 0, "accounts": []}

    @pytest.mark.parametrize("as_of", ["2026-09-30", "2026-11-22", "yesterday"])
    def test_a_day_that_cannot_be_judged_is_refused(
        self, as_of: str, carols: APIClient, definition: SignalDefinition
    ) -> None:
        address = f"{DEFINITIONS}/{definition.pk}/preview"
        assert refused(carols.get(address, {"as_of": as_of})) == (400, "invalid_format")

    def test_before_the_first_sync_there_is_nothing_to_judge_by(
        self, acme: Workspace, carols: APIClient
    ) -> None:
        response = carols.post(f"{DEFINITIONS}/preview", {"rule": RULE}, format="json")
        assert response.json() == {"as_of": None, "count": 0, "accounts": []}

    def test_a_rule_that_cannot_be_is_refused_with_the_place(self, carols: APIClient) -> None:
        body = {"rule": {"any": [{"measure": "luck"}]}}
        response = carols.post(f"{DEFINITIONS}/preview", body, format="json")
        assert refused(response) == (400, "invalid_format")
        assert response.json()["hint"].startswith("any[0].measure: is one of events")


class TestSignals:
    def test_each_comes_with_its_receipt(
        self, carols: APIClient, definition: SignalDefinition, signal: Signal
    ) -> None:
        [told] = get(carols, SIGNALS)["results"]
        evidence = told.pop("evidence")
        assert told == {
            "id": str(signal.pk),
            "definition": {"id": str(definition.pk), "name": "Busy", "version": 1},
            "account": {
                "id": str(signal.account_id),
                "key": "initech.example",
                "name": "Initech",
            },
            "fired_on": WHEN,
            "late": False,
            "state": "new",
            "sentence": "7 × report viewed in 1 day",
            "as_of": WHEN,
            "horizon": "2026-11-22T08:00:00Z",
            "posthog_url": signal.posthog_url,
        }
        assert evidence["window"] == {"from": WHEN, "to": WHEN, "days": 1}
        assert (evidence["value"], evidence["before"], evidence["threshold"]) == (7, None, 5)
        assert get(carols, f"{SIGNALS}/{signal.pk}") == told | {"evidence": evidence}

    def test_they_come_newest_first_and_each_once_however_small_the_pages(
        self, acme: Workspace, carols: APIClient, source: UsageSource
    ) -> None:
        for number in range(3):
            use(source, f"Company {number}", {day(30): 9, day(32): 9})
        define(acme, RULE)
        evaluate_as_of(source, LAST)
        page = get(carols, SIGNALS, page_size=2)
        told = page["results"]
        while page["next"]:
            page = carols.get(page["next"]).json()
            told += page["results"]
        assert len({one["id"] for one in told}) == len(told) == 7
        days = [one["fired_on"] for one in told]
        assert days == sorted(days, reverse=True)

    @pytest.mark.parametrize("days", [1, 2, 12])
    def test_who_goes_back_sees_the_same_as_who_went_on(
        self,
        days: int,
        carols: APIClient,
        definition: SignalDefinition,
        source: UsageSource,
    ) -> None:
        for number in range(12):
            account = use(source, f"Company {number}", {day(0): 1})
            store_signal(account, definition, fired_on=day(number % days))

        def walk(page: Any, way: str) -> list[Any]:
            """The page, and those that follow it."""
            pages = [page]
            while pages[-1][way] is not None:
                pages.append(get(carols, pages[-1][way]))
            return pages

        on = walk(get(carols, SIGNALS, page_size=5), "next")
        back = walk(on[-1], "previous")
        seen, seen_again = [
            sorted(int(one["id"]) for page in pages for one in page["results"])
            for pages in (on, back)
        ]
        assert seen_again == seen
        assert len(set(seen)) == 12

    def test_they_can_be_narrowed_down(
        self, acme: Workspace, alices: APIClient, source: UsageSource, signal: Signal
    ) -> None:
        other = define(acme, at_least(2, events=["report viewed"]), name="Other")
        evaluate_as_of(source, LAST)
        alices.post(f"{SIGNALS}/{signal.pk}/acknowledge")
        initech = source.accounts.get(name="Initech")
        for query, count in (
            ({}, 3),
            ({"definition": other.pk}, 2),
            ({"account": initech.pk}, 2),
            ({"definition": other.pk, "account": initech.pk}, 1),
            ({"state": "acknowledged"}, 1),
            ({"state": "new"}, 2),
            ({"day": WHEN}, 3),
            ({"day": "2026-11-20"}, 0),
            ({"late": "true"}, 0),
            ({"late": "false"}, 3),
            ({"definition": "nonsense"}, 0),
            ({"account": "0"}, 0),
        ):
            assert len(get(alices, SIGNALS, **query)["results"]) == count, query

    @pytest.mark.parametrize(
        "query",
        [{"state": "old"}, {"day": "today"}, {"late": "perhaps"}, {"cursor": "nonsense"}],
    )
    def test_what_cannot_be_asked_is_refused(
        self, query: dict[str, str], carols: APIClient, signal: Signal
    ) -> None:
        assert refused(carols.get(SIGNALS, query)) == (400, "invalid_format")

    def test_who_acknowledges_one_keeps_its_points(
        self, alices: APIClient, signal: Signal, source: UsageSource
    ) -> None:
        told = alices.post(f"{SIGNALS}/{signal.pk}/acknowledge").json()
        assert told["state"] == "acknowledged"
        assert source.accounts.get(name="Initech").score == 40
        assert Signal.objects.get().state_actor_name == "alice"

    def test_who_dismisses_one_says_why_and_it_counts_no_more(
        self, alices: APIClient, signal: Signal, source: UsageSource
    ) -> None:
        body = {"reason": "A pilot that ends."}
        told = alices.post(f"{SIGNALS}/{signal.pk}/dismiss", body, format="json").json()
        assert told["state"] == "dismissed"
        assert source.accounts.get(name="Initech").score == 0
        assert Signal.objects.get().state_reason == "A pilot that ends."

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}])
    def test_without_a_reason_none_is_dismissed(
        self, body: dict[str, str], alices: APIClient, signal: Signal
    ) -> None:
        response = alices.post(f"{SIGNALS}/{signal.pk}/dismiss", body, format="json")
        assert refused(response) == (400, "invalid_format")
        assert Signal.objects.get().state == "new"

    @pytest.mark.parametrize("what", ["acknowledge", "dismiss"])
    def test_a_member_changes_none(self, what: str, carols: APIClient, signal: Signal) -> None:
        response = carols.post(f"{SIGNALS}/{signal.pk}/{what}", {"reason": "x"}, format="json")
        assert refused(response) == (403, "permission_denied")
        assert Signal.objects.get().state == "new"

    @pytest.mark.parametrize("signal_id", ["0", "x", "9" * 30, "²"])
    def test_what_is_no_signal_is_not_found(self, signal_id: str, alices: APIClient) -> None:
        for response in (
            alices.get(f"{SIGNALS}/{signal_id}"),
            alices.post(f"{SIGNALS}/{signal_id}/acknowledge"),
            alices.post(f"{SIGNALS}/{signal_id}/dismiss", {"reason": "x"}, format="json"),
        ):
            assert refused(response) == (404, "not_found")


class TestScores:
    def test_an_account_shows_its_score_as_a_sum_of_parts(
        self, carols: APIClient, signal: Signal
    ) -> None:
        account = get(carols, f"{ACCOUNTS}/{signal.account_id}")
        assert (account["score"], account["grade"], account["fit"]) == (40.0, "M50", None)
        assert account["score_parts"] == [
            {
                "definition": {"id": str(signal.version.definition_id), "name": "Busy"},
                "signal_id": str(signal.pk),
                "fired_on": WHEN,
                "points": 40.0,
            }
        ]

    @pytest.fixture
    def scored(self, source: UsageSource) -> list[str]:
        """Accounts with and without a score and a fit, the best of each first."""
        source.accounts.all().delete()
        facts = [(72.5, None), (72.5, 50.0), (0.1, 100.0), (0.0, None), (0.0, 0.0)]
        for number, (score, fit) in enumerate(facts):
            Account.objects.create(
                source=source,
                key=f"{number}",
                name=f"{number}",
                first_seen=day(0),
                score=score,
                fit=fit,
            )
        return [f"{number}" for number in range(len(facts))]

    @pytest.mark.parametrize(
        ("ordering", "names"),
        [
            ("-score", "01234"),
            ("score", "34201"),
            ("-fit", "21403"),
            ("fit", "41203"),
        ],
    )
    @pytest.mark.parametrize("page_size", [1, 2, 200])
    def test_pages_follow_scores_and_fits_and_who_has_none_comes_last(
        self, ordering: str, names: str, page_size: int, carols: APIClient, scored: list[str]
    ) -> None:
        page = get(carols, ACCOUNTS, ordering=ordering, page_size=page_size)
        told = page["results"]
        while page["next"]:
            page = carols.get(page["next"]).json()
            told += page["results"]
        assert "".join(one["name"] for one in told) == names

    def test_thousands_without_a_score_are_turned_through_to_the_last(
        self, carols: APIClient, source: UsageSource
    ) -> None:
        Account.objects.bulk_create(
            Account(source=source, key=f"{number}", name=f"{number}", first_seen=day(0))
            for number in range(1_300)
        )
        page = get(carols, ACCOUNTS, ordering="-score", page_size=200)
        keys = [one["key"] for one in page["results"]]
        for _ in range(10):
            if page["next"]:
                page = carols.get(page["next"]).json()
                keys += [one["key"] for one in page["results"]]
        assert page["next"] is None
        assert len(keys) == len(set(keys)) == 1_302

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"min_score": "72.5"}, "01"),
            ({"max_score": 0}, "34"),
            ({"min_score": 0.05, "max_score": 60}, "2"),
        ],
    )
    def test_scores_can_be_asked_for(
        self, query: dict[str, Any], names: str, carols: APIClient, scored: list[str]
    ) -> None:
        told = get(carols, ACCOUNTS, ordering="-score", **query)["results"]
        assert "".join(one["name"] for one in told) == names

    @pytest.mark.parametrize("number", ["many", "nan", "inf", "-1", "101", ""])
    def test_what_is_no_score_is_refused(self, number: str, carols: APIClient) -> None:
        for name in ("min_score", "max_score"):
            response = carols.get(ACCOUNTS, {name: number})
            assert refused(response) == (400, "invalid_format")


class TestWhyNot:
    def test_it_tells_what_is_missing_and_by_how_much(
        self, carols: APIClient, definition: SignalDefinition, source: UsageSource
    ) -> None:
        hooli = source.accounts.get(name="Hooli")
        told = get(carols, f"{ACCOUNTS}/{hooli.pk}/why-not", definition=definition.pk)
        assert told == {
            "definition": {"id": str(definition.pk), "name": "Busy", "version": 1},
            "account": {"id": str(hooli.pk), "key": "hooli.example", "name": "Hooli"},
            "as_of": WHEN,
            "met": False,
            "conditions": [
                {
                    "measure": "events",
                    "events": ["report viewed"],
                    "days": 1,
                    "as_of": WHEN,
                    "met": False,
                    "value": 2,
                    "before": None,
                    "needed": 5,
                    "text": "report viewed in 1 day: 2, at least 5 needed",
                }
            ],
        }

    def test_what_is_met_is_told_as_found(
        self, carols: APIClient, definition: SignalDefinition, source: UsageSource
    ) -> None:
        initech = source.accounts.get(name="Initech")
        told = get(carols, f"{ACCOUNTS}/{initech.pk}/why-not", definition=definition.pk)
        assert told["met"] is True
        assert told["conditions"][0]["text"] == "7 × report viewed in 1 day"

    def test_while_too_little_is_held_there_is_no_verdict(
        self, acme: Workspace, carols: APIClient, source: UsageSource
    ) -> None:
        definition = define(acme, at_least(1, days=300))
        account = source.accounts.first()
        assert account is not None
        told = get(carols, f"{ACCOUNTS}/{account.pk}/why-not", definition=definition.pk)
        assert (told["as_of"], told["met"], told["conditions"]) == (None, None, [])

    def test_before_an_account_was_seen_it_is_not_judged(
        self, acme: Workspace, carols: APIClient, source: UsageSource
    ) -> None:
        silence = {"measure": "events", "events": None, "days": 7}
        silence |= {"compare": {"to": "value", "at_most": 0}}  # type: ignore[dict-item]
        definition = define(acme, {"all": [silence]})
        newcomer = use(source, "Newcomer", {day(40): 1})
        address = f"{ACCOUNTS}/{newcomer.pk}/why-not"
        asked = {"definition": str(definition.pk), "as_of": day(39).isoformat()}
        response = carols.get(address, asked)
        assert refused(response) == (400, "invalid_format")
        assert day(40).isoformat() in response.json()["hint"]

    def test_definition_account_and_day_have_to_be_there(
        self, carols: APIClient, definition: SignalDefinition, source: UsageSource
    ) -> None:
        account = source.accounts.get(name="Hooli")
        address = f"{ACCOUNTS}/{account.pk}/why-not"
        future = {"definition": str(definition.pk), "as_of": "2026-11-22"}
        assert refused(carols.get(address)) == (400, "invalid_format")
        assert refused(carols.get(address, {"definition": "0"})) == (404, "not_found")
        assert refused(carols.get(address, future)) == (400, "invalid_format")
        other = f"{ACCOUNTS}/0/why-not"
        assert refused(carols.get(other, {"definition": definition.pk})) == (404, "not_found")


class TestFit:
    CRITERIA = [
        {"property": "employees", "at_least": 50},
        {"property": "plan", "one_of": ["team", "business"]},
    ]

    def test_other_criteria_change_the_fit_of_all_accounts(
        self, alices: APIClient, source: UsageSource
    ) -> None:
        accounts = source.accounts.all()
        accounts.filter(name="Initech").update(properties={"employees": 80, "plan": "free"})
        assert get(alices, FIT) == {"criteria": []}
        response = alices.put(FIT, {"criteria": self.CRITERIA}, format="json")
        assert response.json() == get(alices, FIT) == {"criteria": self.CRITERIA}
        assert {one.name: one.fit for one in accounts} == {"Initech": 50.0, "Hooli": None}
        alices.put(FIT, {"criteria": []}, format="json")
        assert accounts.get(name="Initech").fit is None

    @pytest.mark.parametrize(
        ("criterion", "path"),
        [
            ({"property": "plan"}, "criteria[0]: "),
            ({"property": "", "at_least": 1}, "criteria[0].property: "),
            ({"property": "plan", "at_least": "many"}, "criteria[0].at_least: "),
            ({"property": "plan", "at_least": 1e300}, "criteria[0].at_least: "),
            ({"property": "plan", "one_of": ["a\0b"]}, "criteria[0].one_of: "),
            ({"property": "plan", "is": 1}, "criteria[0]: "),
        ],
    )
    def test_what_cannot_be_a_criterion_is_refused_with_the_place(
        self, criterion: dict[str, Any], path: str, alices: APIClient, source: UsageSource
    ) -> None:
        response = alices.put(FIT, {"criteria": [criterion]}, format="json")
        assert refused(response) == (400, "invalid_format")
        assert response.json()["hint"].startswith(path)
        assert get(alices, FIT) == {"criteria": []}

    def test_a_member_reads_and_does_not_change_them(
        self, carols: APIClient, source: UsageSource
    ) -> None:
        assert get(carols, FIT) == {"criteria": []}
        response = carols.put(FIT, {"criteria": self.CRITERIA}, format="json")
        assert refused(response) == (403, "permission_denied")


def test_another_workspace_s_are_not_found(
    charlie: User,
    alice: User,
    globex: Workspace,
    session_client: As,
    definition: SignalDefinition,
    signal: Signal,
) -> None:
    theirs = define(globex, RULE)
    client = session_client(charlie)
    for address in (
        f"{DEFINITIONS}/{definition.pk}",
        f"{DEFINITIONS}/{definition.pk}/preview",
        f"{SIGNALS}/{signal.pk}",
        f"{ACCOUNTS}/{signal.account_id}/why-not?definition={theirs.pk}",
    ):
        assert refused(client.get(address)) == (404, "not_found")
    assert get(client, SIGNALS, definition=definition.pk)["results"] == []
    assert get(client, SIGNALS, account=signal.account_id)["results"] == []
    mine = f"{ACCOUNTS}/{signal.account_id}/why-not"
    response = session_client(alice).get(mine, {"definition": theirs.pk})
    assert refused(response) == (404, "not_found")


def test_scores_renewed_twice_stay_what_they_were(signal: Signal, source: UsageSource) -> None:
    before = list(source.accounts.order_by("pk").values_list("score", "score_parts"))
    scores.refresh(source, as_of=LAST)
    assert list(source.accounts.order_by("pk").values_list("score", "score_parts")) == before
