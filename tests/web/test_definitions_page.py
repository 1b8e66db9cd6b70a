"""The pages of the definitions: the list, the editor, and the criteria of fit."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from beton.models import Workspace
from integrations_posthog.models import (
    Account,
    FitCriteria,
    Signal,
    SignalDefinition,
    UsageEvent,
    UsageSource,
)
from tests.signals import INVITATIONS, LAST_DAY, MORE_PEOPLE, store_definition, store_signal
from tests.usage import store_usage

from .conftest import HTMX, As, text_of

DEFINITIONS = "/settings/posthog/definitions/"
NEW, PREVIEW, FIT = (f"{DEFINITIONS}{name}" for name in ("new", "preview", "fit"))
INVITES = {
    "name": "Invites colleagues",
    "weight": "30",
    "cooldown_days": "14",
    "joined": "all",
    "conditions": "1",
    "conditions-0-measure": "events",
    "conditions-0-which": "chosen",
    "conditions-0-events": ["invite sent"],
    "conditions-0-days": "14",
    "conditions-0-to": "at_least",
    "conditions-0-at_least": "3",
}


@pytest.fixture
def client(logged_in: As, alice: User) -> Client:
    """Alice's, who owns the workspace."""
    return logged_in(alice)


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech", "Hooli"], days=60)


@pytest.fixture
def definition(acme: Workspace) -> SignalDefinition:
    return store_definition(acme, name="Invites colleagues", rule={"all": [INVITATIONS]})


def page_of(definition: SignalDefinition, name: str = "") -> str:
    return f"{DEFINITIONS}{definition.pk}/{name}"


def main_of(response: Any) -> str:
    html: str = response.content.decode()
    return html.partition("<main")[2]


def post(client: Client, address: str, action: str, **changes: Any) -> Any:
    return client.post(address, INVITES | changes | {"action": action})


class TestList:
    def test_a_definition_tells_what_it_is_and_what_it_found(
        self, client: Client, source: UsageSource, definition: SignalDefinition
    ) -> None:
        account = Account.objects.earliest("id")
        store_signal(account, definition)
        store_signal(account, definition, fired_on=LAST_DAY.replace(day=1), state="acknowledged")
        text = text_of(client.get(DEFINITIONS))
        assert "1 definition" in text
        assert "Invites colleagues Active at least 3 × invite sent in 14 days" in text
        assert "Weight +40 · cool-down 14 days · version 1 · 2 signals, 1 new" in text

    def test_templates_propose_events_that_the_project_has_or_say_that_it_has_none(
        self, client: Client, source: UsageSource
    ) -> None:
        text = text_of(client.get(DEFINITIONS))
        assert "Several invitations within two weeks. With invite sent" in text
        prices = "Prices, plans or billing are looked at on several days."
        assert f"{prices} No event of the project looks like it: you choose which" in text

    def test_twenty_are_on_a_page(self, client: Client, acme: Workspace) -> None:
        for number in range(25):
            store_definition(acme, name=f"Number {number}")
        assert "1 to 20 of 25 Next" in text_of(client.get(DEFINITIONS))
        assert "Number 24" in text_of(client.get(DEFINITIONS, {"page": "2"}))

    def test_before_the_first_sync_it_says_that_events_are_not_known(self, client: Client) -> None:
        assert "Nothing is synced yet, so which events" in text_of(client.get(DEFINITIONS))


class TestStart:
    def test_a_template_fills_the_form_and_shows_whom_it_finds(
        self, client: Client, source: UsageSource
    ) -> None:
        response = client.get(NEW, {"template": "invitations"})
        html = response.content.decode()
        assert 'name="name" value="Invites colleagues"' in html
        assert '<option value="invite sent" selected>' in html
        assert "2 accounts as of 21 Nov 2026 Initech" in text_of(response)
        assert not SignalDefinition.objects.exists()

    def test_one_without_fitting_events_has_them_chosen(
        self, client: Client, source: UsageSource
    ) -> None:
        html = client.get(NEW, {"template": "pricing-interest"}).content.decode()
        assert '<option value="chosen" selected>' in html
        form = {"conditions-0-events": [], "conditions-0-which": "chosen"}
        response = post(client, NEW, "save", **form)
        assert response.status_code == 422
        assert "Choose one or more, or take all events." in text_of(response)

    @pytest.mark.parametrize("template", ["", "none"])
    def test_one_starts_from_nothing(
        self, client: Client, source: UsageSource, template: str
    ) -> None:
        text = text_of(client.get(NEW, {"template": template}))
        assert "Once all fields are filled in" in text


class TestEditor:
    def test_a_new_definition_is_saved_as_a_draft(
        self, client: Client, source: UsageSource
    ) -> None:
        response = post(client, NEW, "save")
        definition = SignalDefinition.objects.get()
        assert response["Location"] == f"{page_of(definition)}?done=created"
        version = definition.version
        assert version is not None
        assert (version.name, version.weight, version.cooldown_days) == (
            "Invites colleagues",
            30,
            14,
        )
        assert version.rule == {"all": [INVITATIONS]}
        assert (definition.state, version.actor_name) == ("draft", "alice")
        text = text_of(client.get(response["Location"]))
        assert "Saved as a draft. It finds nothing before you activate it." in text

    def test_with_htmx_the_browser_goes_to_the_saved_definition(
        self, client: Client, source: UsageSource
    ) -> None:
        response = client.post(NEW, INVITES | {"action": "save"}, headers=HTMX)
        assert response["HX-Redirect"].endswith("?done=created")

    def test_an_edit_makes_a_new_version_and_says_so_before_and_after(
        self, client: Client, source: UsageSource, definition: SignalDefinition
    ) -> None:
        assert "Saving makes version 2." in text_of(client.get(page_of(definition)))
        response = post(client, page_of(definition), "save", weight="-5")
        text = text_of(client.get(response["Location"]))
        assert "This is version 2, evaluated from now on." in text
        assert list(definition.versions.order_by("number").values_list("weight", flat=True)) == [
            40,
            -5,
        ]
        assert "Latest versions Invites colleagues, version 2, weight −5:" in text

    def test_what_it_says_comes_back_into_the_form(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        rule = {"sequence": [MORE_PEOPLE, INVITATIONS], "within_days": 9}
        page = page_of(store_definition(acme, rule=rule))
        html = client.get(page).content.decode()
        assert 'name="within_days" value="9"' in html
        assert 'name="conditions-0-rise_ratio" value="1.5"' in html
        assert 'name="conditions-1-at_least" value="3"' in html

    def test_an_event_that_did_not_happen_lately_stays_chosen(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        rule = {"all": [INVITATIONS | {"events": ["of, yore"]}]}
        html = client.get(page_of(store_definition(acme, rule=rule))).content.decode()
        assert '<option value="of, yore" selected>' in html

    def test_conditions_are_added_and_removed_and_nothing_typed_is_lost(
        self, client: Client, source: UsageSource
    ) -> None:
        more = post(client, NEW, "add", name="Typed", **{"conditions-0-more_events": "a, b"})
        html = more.content.decode()
        assert 'name="conditions" value="2"' in html
        assert 'value="Typed"' in html
        assert '<option value="b" selected>' in html
        second = {
            "conditions": "2",
            "conditions-1-measure": "active_people",
            "conditions-1-days": "7",
        }
        fewer = post(client, NEW, "remove-0", **second).content.decode()
        assert 'name="conditions" value="1"' in fewer
        assert '<option value="active_people" selected>' in fewer
        assert "Remove" not in fewer
        assert not SignalDefinition.objects.exists()

    def test_five_conditions_are_the_most(self, client: Client, source: UsageSource) -> None:
        five = {
            name.replace("-0-", f"-{at}-"): value
            for at in range(5)
            for name, value in INVITES.items()
        }
        response = client.post(NEW, five | {"conditions": "5", "action": "add"})
        assert 'name="conditions" value="5"' in response.content.decode()
        assert "Five conditions are the most" in text_of(response)

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"name": ""}, "name", "This field is required."),
            ({"name": "x" * 101}, "name", "at most 100 characters"),
            ({"weight": "101"}, "weight", "less than or equal to 100"),
            ({"cooldown_days": "-1"}, "cooldown_days", "greater than or equal to 0"),
            ({"conditions-0-days": "400"}, "conditions-0-days", "less than or equal to 365"),
            ({"conditions-0-at_least": ""}, "conditions-0-at_least", "Is a number from 0 to"),
            ({"joined": "sequence", "within_days": "7"}, "joined", "takes two conditions"),
            ({"joined": "sequence"}, "within_days", "Say within how many days"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(
        self,
        client: Client,
        source: UsageSource,
        changes: dict[str, str],
        field: str,
        words: str,
    ) -> None:
        response = post(client, NEW, "save", **changes)
        assert response.status_code == 422
        [said] = re.findall(rf'id="id_{field}-error">([^<]*)', response.content.decode())
        assert words in said
        assert "It cannot be saved like this." in text_of(response)
        assert not SignalDefinition.objects.exists()

    def test_a_preview_is_shown_and_nothing_is_saved(
        self, client: Client, source: UsageSource
    ) -> None:
        text = text_of(post(client, NEW, "preview"))
        assert "2 accounts as of 21 Nov 2026" in text
        assert not SignalDefinition.objects.exists()

    def test_there_are_only_so_many(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        for number in range(50):
            store_definition(acme, name=str(number), state="draft")
        response = post(client, NEW, "save")
        assert response.status_code == 422
        assert "A workspace has 50 definitions at most." in text_of(response)

    @pytest.mark.parametrize("definition_id", ["0", "none", "9" * 30, "-1"])
    @pytest.mark.parametrize("name", ["", "activate", "pause", "backtest"])
    def test_one_that_there_is_not_is_not_found(
        self, client: Client, source: UsageSource, definition_id: str, name: str
    ) -> None:
        address = f"{DEFINITIONS}{definition_id}/{name}"
        method = client.post if name == "activate" else client.get
        assert method(address).status_code == 404


class TestPreview:
    def test_it_is_a_fragment_with_the_first_ones_and_how_many_more(
        self, client: Client, acme: Workspace
    ) -> None:
        store_usage(acme, accounts=8, days=40)
        response = client.post(PREVIEW, INVITES, headers=HTMX)
        text = text_of(response)
        assert "<html" not in response.content.decode()
        assert "8 accounts as of 21 Nov 2026" in text
        assert re.search(r"company-0000.example [\d,]+ × invite sent in 14 days", text)
        assert "and 3 more, the most active first" in text

    def test_a_form_that_is_not_complete_finds_nothing_yet(
        self, client: Client, source: UsageSource
    ) -> None:
        text = text_of(client.post(PREVIEW, INVITES | {"conditions-0-at_least": ""}))
        assert "Once all fields are filled in" in text

    def test_too_little_history_is_said(self, client: Client, source: UsageSource) -> None:
        text = text_of(client.post(PREVIEW, INVITES | {"conditions-0-days": "300"}))
        assert "it looks back 300 days, and so many in a row are not held" in text

    def test_a_rule_that_nobody_meets_is_no_failure(
        self, client: Client, source: UsageSource
    ) -> None:
        text = text_of(client.post(PREVIEW, INVITES | {"conditions-0-at_least": "1000000"}))
        assert "0 accounts as of 21 Nov 2026 No account meets it on that day." in text


class TestState:
    def test_activating_evaluates_at_once(
        self, client: Client, acme: Workspace, source: UsageSource
    ) -> None:
        draft = store_definition(acme, state="draft", rule={"all": [INVITATIONS]})
        assert "evaluated at once for the last 28 days" in text_of(client.get(page_of(draft)))
        response = client.post(page_of(draft, "activate"))
        assert "Active. 2 signals so far." in text_of(client.get(response["Location"]))
        assert Signal.objects.count() == 2

    def test_pausing_asks_first_and_says_what_it_means(
        self, client: Client, source: UsageSource, definition: SignalDefinition
    ) -> None:
        store_signal(Account.objects.earliest("id"), definition)
        asked = text_of(client.get(page_of(definition, "pause")))
        assert "Pause Invites colleagues?" in asked
        assert "its signals do not count in the scores" in asked
        definition.refresh_from_db()
        assert definition.state == "active"
        response = client.post(page_of(definition, "pause"))
        assert "Paused. It finds nothing" in text_of(client.get(response["Location"]))
        assert not Account.objects.exclude(score=0).exists()

    def test_the_address_of_a_form_opened_by_itself_leads_to_the_list(
        self, client: Client, definition: SignalDefinition
    ) -> None:
        assert client.get(page_of(definition, "activate"))["Location"] == DEFINITIONS
        assert client.get(PREVIEW)["Location"] == DEFINITIONS


class TestWho:
    def test_a_member_reads_everything_and_is_shown_no_form(
        self, logged_in: As, carol: User, source: UsageSource, definition: SignalDefinition
    ) -> None:
        client = logged_in(carol)
        for address in (DEFINITIONS, NEW, FIT, page_of(definition), page_of(definition, "pause")):
            response = client.get(address)
            assert response.status_code == 200
            assert not re.search(r"<(form|input|button)", main_of(response))
            assert "Ask someone who manages Acme." in text_of(response)
        assert "2 accounts as of 21 Nov 2026" in text_of(client.get(page_of(definition)))

    @pytest.mark.parametrize("name", ["new", "fit", "{}/", "{}/activate", "{}/pause"])
    def test_a_member_s_form_is_refused_and_changes_nothing(
        self,
        logged_in: As,
        carol: User,
        source: UsageSource,
        definition: SignalDefinition,
        name: str,
    ) -> None:
        form = INVITES | {"action": "save", "weight": "1", "criteria": "0"}
        response = logged_in(carol).post(DEFINITIONS + name.format(definition.pk), form)
        assert response.status_code == 403
        assert "You do not have permission to do this in this workspace" in text_of(response)
        definition.refresh_from_db()
        assert (definition.state, definition.versions.count()) == ("active", 1)
        assert (SignalDefinition.objects.count(), FitCriteria.objects.count()) == (1, 0)


class TestFit:
    def test_criteria_are_saved_and_accounts_judged_by_them(
        self, client: Client, source: UsageSource
    ) -> None:
        Account.objects.filter(name="Hooli").update(properties={"employees": 90, "plan": "free"})
        form = {
            "criteria": "3",
            "criteria-0-name": "employees",
            "criteria-0-bound": "at_least",
            "criteria-0-value": "50",
            "criteria-1-name": "plan",
            "criteria-1-bound": "one_of",
            "criteria-1-value": "team, scale",
            "criteria-2-bound": "at_least",
        }
        response = client.post(FIT, form)
        assert FitCriteria.objects.get().criteria == [
            {"property": "employees", "at_least": 50},
            {"property": "plan", "one_of": ["team", "scale"]},
        ]
        assert Account.objects.get(name="Hooli").fit == 50
        page = client.get(response["Location"])
        assert "Saved. All accounts are judged by it now." in text_of(page)
        html = page.content.decode()
        assert 'name="criteria-1-value" value="team, scale"' in html
        assert '<option value="employees"></option>' in html
        assert 'name="criteria" value="4"' in html

    @pytest.mark.parametrize(
        ("name", "bound", "value", "field", "words"),
        [
            (
                "employees",
                "at_least",
                "many",
                "value",
                "Is a number from -1000000000000 to 1000000000000.",
            ),
            (
                "employees",
                "at_most",
                "",
                "value",
                "Is a number from -1000000000000 to 1000000000000.",
            ),
            ("", "at_least", "5", "name", "Is a name of 1 to 100 characters."),
            (
                "plan",
                "one_of",
                " , ",
                "value",
                "Is a list of 1 to 20 texts of 1 to 100 characters.",
            ),
            ("plan", "like", "x", "bound", "Select a valid choice."),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(
        self,
        client: Client,
        source: UsageSource,
        name: str,
        bound: str,
        value: str,
        field: str,
        words: str,
    ) -> None:
        row = {"criteria-0-name": name, "criteria-0-bound": bound, "criteria-0-value": value}
        response = client.post(FIT, row | {"criteria": "1"})
        assert response.status_code == 422
        [said] = re.findall(rf'id="id_criteria-0-{field}-error">([^<]*)', response.content.decode())
        assert words in said
        assert not FitCriteria.objects.exists()

    def test_twenty_are_the_most(self, client: Client, source: UsageSource) -> None:
        form = {"criteria": "21"}
        for at in range(21):
            form |= {f"criteria-{at}-name": "n", f"criteria-{at}-value": "1"}
            form |= {f"criteria-{at}-bound": "at_least"}
        response = client.post(FIT, form)
        assert response.status_code == 422
        assert "give a list of up to 20" in text_of(response)

    def test_a_member_reads_them_in_words(
        self, logged_in: As, carol: User, acme: Workspace, source: UsageSource
    ) -> None:
        criteria = [{"property": "plan", "one_of": ["team", "scale"]}]
        FitCriteria.objects.create(workspace=acme, criteria=criteria)
        assert "plan one of team or scale" in text_of(logged_in(carol).get(FIT))


def test_no_page_needs_inline_code_or_another_host(
    client: Client, source: UsageSource, definition: SignalDefinition
) -> None:
    signal = store_signal(Account.objects.earliest("id"), definition)
    UsageEvent.objects.filter(name="$pageview").update(name="<b>'\"&")
    pages = [
        "/settings/posthog/leads/",
        f"/settings/posthog/signals/{signal.pk}/dismiss",
        f"/settings/posthog/accounts/{signal.account.pk}/?definition={definition.pk}",
        DEFINITIONS,
        NEW,
        FIT,
        page_of(definition),
        page_of(definition, "pause"),
        page_of(definition, "backtest"),
    ]
    for address in pages:
        response = client.get(address)
        html = response.content.decode()
        assert "no-store" in response["Cache-Control"]
        assert "<b>" not in html
        assert not re.search(r"<style|<[^>]* (style|on[a-z]+|hx-on[^=]*)=", html)
        assert not re.search(r'<script(?![^>]* (src=|type="application/json"))', html)
        assert not re.search(r"<(script|link|img)[^>]* (src|href)=\"(https?:)?//", html)
