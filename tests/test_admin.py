"""What support staff sees of the connections in Django's admin. Never a key, nothing to edit."""

from __future__ import annotations

import re

import pytest
from django.core import serializers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from beton.models import Workspace
from integrations_posthog.errors import PostHogIntegrationError
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox

from .connections import connect, lose_encryption_key, service_of, store_connection
from .support import (
    DISCONNECT,
    HISTORY,
    LIST,
    RECHECK,
    VIEW,
    page_of,
    rows,
    support,
    text_of,
    workspaces,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sue() -> Client:
    """May look at everything, and do nothing."""
    return support(*VIEW)


@pytest.fixture
def all_states(posthog: Sandbox) -> dict[str, PosthogWorkspaceConfig]:
    """A connection in each state, by the name of its workspace."""
    keys = {
        "Good": KEYS.full,
        "Refused": KEYS.several,
        "Limited": KEYS.minimal,
        "Unreadable": KEYS.phc,
        "Away": KEYS.eu,
    }
    configs = {name: connect(Workspace.objects.create(name=name), keys[name]) for name in keys}
    posthog.us.revoke(KEYS.several)
    recheck_in_vain(configs["Refused"])
    posthog.us.fail("429")
    recheck_in_vain(configs["Limited"])
    lose_encryption_key(configs["Unreadable"])
    service_of(configs["Away"].workspace).disconnect()
    return configs


def recheck_in_vain(config: PosthogWorkspaceConfig) -> None:
    with pytest.raises(PostHogIntegrationError):
        service_of(config.workspace).recheck()


class TestList:
    def test_a_row_says_how_a_connection_fares(
        self, sue: Client, acme: Workspace, posthog: Sandbox
    ) -> None:
        connect(acme)
        [row] = rows(sue.get(LIST))
        state, organization, project = "Connected", "Acme Corp", "Acme Production (12345)"
        assert row[:-1] == ["Acme", state, "-", organization, project]
        assert re.fullmatch(r"\w+\.? \d+, 20\d\d, .*", row[-1])

    def test_each_state_has_a_word_and_its_error_type(
        self, sue: Client, all_states: dict[str, PosthogWorkspaceConfig]
    ) -> None:
        assert {row[0]: (row[1], row[2]) for row in rows(sue.get(LIST))} == {
            "Good": ("Connected", "-"),
            "Refused": ("Trouble", "unauthorized"),
            "Limited": ("Trouble", "rate_limited"),
            "Unreadable": ("Trouble", "-"),
            "Away": ("Disconnected", "-"),
        }

    def test_it_can_be_narrowed_to_a_state_and_an_error_type(
        self, sue: Client, all_states: dict[str, PosthogWorkspaceConfig]
    ) -> None:
        page = sue.get(LIST).content.decode()
        # Whether a key can be decrypted is not known to the database.
        shown_by = {
            "?state=working": ["Good", "Unreadable"],
            "?state=refused": ["Refused"],
            "?state=unreachable": ["Limited"],
            "?state=disconnected": ["Away"],
            "?last_error_type=rate_limited": ["Limited"],
            "?last_error_type=unauthorized": ["Refused"],
        }
        assert re.findall(r'<a href="(\?(?:state|last_error_type)=\w*)"', page) == list(shown_by)
        for link, shown in shown_by.items():
            assert workspaces(sue.get(f"{LIST}{link}")) == shown
        assert workspaces(sue.get(LIST, {"state": "unknown"})) == sorted(all_states)

    @pytest.mark.parametrize(
        "term", ["Glob", "globex", "{id}", "201", "Web Shop", "umbrella retail"]
    )
    def test_one_is_found_by_workspace_project_and_organization(
        self, sue: Client, acme: Workspace, globex: Workspace, posthog: Sandbox, term: str
    ) -> None:
        connect(acme)
        connect(globex, KEYS.several)
        found = sue.get(LIST, {"q": term.format(id=globex.pk)})
        assert workspaces(found) == ["Globex"]

    @pytest.mark.parametrize("term", ["initech", "%", "O'Hara", "phx_", "a" * 5000])
    def test_what_is_not_there_is_not_found(
        self, sue: Client, acme: Workspace, posthog: Sandbox, term: str
    ) -> None:
        connect(acme)
        assert "0 PostHog connections" in text_of(sue.get(LIST, {"q": term}))

    def test_fifty_are_on_a_page(self, sue: Client) -> None:
        for number in range(51):
            store_connection(Workspace.objects.create(name=f"W{number:02}"))
        first, second = sue.get(LIST), sue.get(LIST, {"p": 2})
        assert (len(rows(first)), len(rows(second))) == (50, 1)
        assert "51 PostHog connections" in text_of(first)

    def test_more_rows_take_no_more_queries(self, sue: Client, acme: Workspace) -> None:
        store_connection(acme)
        with CaptureQueriesContext(connection) as for_one:
            sue.get(LIST)
        for number in range(20):
            store_connection(Workspace.objects.create(name=f"W{number:02}"))
        with CaptureQueriesContext(connection) as for_many:
            assert len(rows(sue.get(LIST))) == 21
        assert len(for_many) == len(for_one)


class TestAddresses:
    """Whoever can compare a column at will can read it, piece by piece, by what is listed."""

    @pytest.mark.parametrize(
        "query",
        [
            "posthog_api_key__startswith=gAAAA",
            "posthog_api_key__regex=^g",
            "posthog_api_key=gAAAA",
            "workspace__posthog_config__posthog_api_key__startswith=gAAAA",
            "posthog_host__regex=((",
            "created_at__year=99999999999",
        ],
    )
    def test_no_column_can_be_compared_but_those_of_the_filters(
        self, sue: Client, acme: Workspace, posthog: Sandbox, query: str
    ) -> None:
        connect(acme)
        for path in (LIST, HISTORY):
            assert sue.get(f"{path}?{query}").status_code == 400


class TestPage:
    def test_it_says_what_is_connected(
        self, sue: Client, acme: Workspace, posthog: Sandbox
    ) -> None:
        shown = text_of(sue.get(page_of(connect(acme))))
        for fact in (
            "State: Connected",
            "Trouble: None",
            "Organization: Acme Corp",
            "Project: Acme Production (12345)",
            "Events count: 15420",
            "Api key hint: phx_…Full",
            "UTC, by alice Step Result Detail Key Passed phx_…Full Region Passed",
        ):
            assert fact in shown

    def test_it_says_in_words_what_is_wrong_and_what_to_do(
        self, sue: Client, all_states: dict[str, PosthogWorkspaceConfig]
    ) -> None:
        for name, says in (
            ("Refused", r"Invalid or unauthorized API key, since \d.* UTC Check in PostHog, under"),
            ("Limited", r"PostHog's rate limit exceeded, since \d.* UTC PostHog asks us to wait"),
            ("Unreadable", r"The stored API key cannot be decrypted Connect again with a fresh"),
        ):
            shown = text_of(sue.get(page_of(all_states[name])))
            assert re.search(f"State: Trouble Trouble: {says}", shown)

    def test_its_history_leads_to_all_of_it_and_to_no_others(
        self, sue: Client, acme: Workspace, globex: Workspace, posthog: Sandbox
    ) -> None:
        config = connect(acme)
        connect(globex, KEYS.several)
        for _ in range(51):
            PosthogConnectionEvent.objects.create(
                workspace=acme, actor_name="alice", action="recheck", outcome="ok"
            )
        page = sue.get(page_of(config)).content.decode()
        assert page.count("<td>Re-check</td>") == 50
        [link] = re.findall(r'<a href="([^"]+)">All 52 events', page)
        assert workspaces(sue.get(link), column=1) == ["Acme"] * 52

    def test_nothing_can_be_edited_added_or_deleted(
        self, acme: Workspace, posthog: Sandbox
    ) -> None:
        config = connect(acme)
        event = PosthogConnectionEvent.objects.get()
        sue = support(*VIEW, RECHECK, DISCONNECT)
        before = everything()
        for path in (page_of(config), f"{HISTORY}{event.pk}/change/"):
            page = sue.get(path).content.decode()
            names = set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="(\w+)"', page))
            assert names <= {"csrfmiddlewaretoken", "_selected_action", "from_page", "action"}
            assert "Delete" not in page
            assert "Save" not in page
            assert sue.post(path, {"posthog_api_key": "x", "is_active": ""}).status_code == 403
        for path in (LIST, HISTORY):
            assert f'href="{path}add/"' not in sue.get(path).content.decode()
            assert sue.get(f"{path}add/").status_code == 403
        assert sue.post(f"{LIST}{config.pk}/delete/", {"post": "yes"}).status_code == 403
        assert sue.post(f"{HISTORY}{event.pk}/delete/", {"post": "yes"}).status_code == 403
        assert everything() == before

    def test_looking_changes_nothing_and_asks_nobody(
        self, acme: Workspace, posthog: Sandbox
    ) -> None:
        config = connect(acme)
        posthog.us.reset()
        sue = support(*VIEW, RECHECK, DISCONNECT)
        before = everything()
        for action in ("recheck", "disconnect"):
            asked = {"action": action, "_selected_action": config.pk, "confirmed": "yes"}
            for path in (LIST, page_of(config), HISTORY):
                sue.get(path, asked)
        assert everything() == before
        assert not posthog.us.requests


def everything() -> str:
    """All that is stored of connections and their histories."""
    configs, events = PosthogWorkspaceConfig.objects.all(), PosthogConnectionEvent.objects.all()
    return str(serializers.serialize("json", [*configs, *events]))


class TestHistory:
    @pytest.fixture
    def _happened(self, acme: Workspace, globex: Workspace, posthog: Sandbox) -> None:
        connect(acme)
        with pytest.raises(PostHogIntegrationError):
            connect(globex, KEYS.no_query)
        service_of(acme).disconnect()

    @pytest.mark.usefixtures("_happened")
    def test_it_says_who_did_what_and_how_it_ended(self, sue: Client) -> None:
        shown = [row[1:6] for row in rows(sue.get(HISTORY))]
        assert shown == [
            ["Acme", "Disconnect", "OK", "-", "alice"],
            ["Globex", "Connect", "Failed", "unauthorized", "alice"],
            ["Acme", "Connect", "OK", "-", "alice"],
        ]

    @pytest.mark.usefixtures("_happened")
    @pytest.mark.parametrize(
        ("chosen", "shown"),
        [
            ({"action__exact": "connect"}, ["Acme", "Globex"]),
            ({"outcome__exact": "failed"}, ["Globex"]),
            ({"error_type": "unauthorized"}, ["Globex"]),
            ({"q": "globex"}, ["Globex"]),
            ({"q": "12345"}, ["Acme", "Acme"]),
            ({"q": "alice"}, ["Acme", "Acme", "Globex"]),
            ({"q": "nobody"}, []),
        ],
    )
    def test_it_can_be_narrowed_and_searched(
        self, sue: Client, chosen: dict[str, str], shown: list[str]
    ) -> None:
        assert workspaces(sue.get(HISTORY, chosen), column=1) == shown

    @pytest.mark.usefixtures("_happened")
    def test_an_event_has_its_report_and_hint(self, sue: Client) -> None:
        event = PosthogConnectionEvent.objects.get(outcome="failed")
        shown = text_of(sue.get(f"{HISTORY}{event.pk}/change/"))
        assert "Scopes Failed Missing: query:read" in shown
        assert "The key lacks query:read. Make one" in shown


def test_no_key_and_no_ciphertext_is_on_any_page(
    all_states: dict[str, PosthogWorkspaceConfig], posthog: Sandbox
) -> None:
    sue = support(*VIEW, RECHECK, DISCONNECT)
    posthog.us.heal()
    posthog.eu.heal()
    secrets = [row.posthog_api_key.token for row in PosthogWorkspaceConfig.objects.all()]
    secrets += [key.value[8:-4] for key in KEYS] + ["posthog_api_key", "gAAAA"]
    selected = {"_selected_action": [config.pk for config in all_states.values()]}
    paths = [LIST, HISTORY, *map(page_of, all_states.values())]
    paths += [f"{HISTORY}{event.pk}/change/" for event in PosthogConnectionEvent.objects.all()]
    answers = [sue.get(path) for path in paths]
    answers += [
        sue.post(LIST, selected | {"action": action}, follow=True)
        for action in ("disconnect", "recheck")
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert not [secret for secret in secrets if secret in answer.content.decode()]


def test_deleting_a_workspace_says_that_its_connection_and_history_go_too(
    admin_client: Client, acme: Workspace, globex: Workspace, posthog: Sandbox
) -> None:
    connect(acme)
    connect(globex, KEYS.several)
    path = f"/admin/beton/workspace/{acme.pk}/delete/"
    asked = text_of(admin_client.get(path))
    assert "PostHog connections: 1" in asked
    assert "PostHog connection events: 1" in asked

    admin_client.post(path, {"post": "yes"})

    assert PosthogWorkspaceConfig.objects.get().workspace == globex
    assert PosthogConnectionEvent.objects.get().workspace == globex
