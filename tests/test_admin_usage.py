"""What support staff sees of usage in Django's admin, and can do to it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.admin import usage as admin_usage
from integrations_posthog.models import (
    Account,
    PosthogConnectionEvent,
    PosthogWorkspaceConfig,
    SyncDay,
    SyncRun,
    UsageSource,
)
from integrations_posthog.services.usage import UsageService

from . import usage
from .connections import store_connection
from .support import APP, LIST, page_of, rows, support, text_of
from .usage import AS_OF, VERIFIED_AT, store_run, store_usage

pytestmark = pytest.mark.django_db

RUNS, DAYS, ACCOUNTS = (f"{APP}/{name}/" for name in ("syncrun", "syncday", "account"))
LISTS = (RUNS, DAYS, ACCOUNTS)
VIEW = ("view_posthogworkspaceconfig", "view_syncrun", "view_syncday", "view_account")
SYNC, PURGE = "sync_posthogworkspaceconfig", "purge_posthogworkspaceconfig"


@pytest.fixture(autouse=True)
def _launches(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = usage.LAUNCHER
    usage.launched.clear()


@pytest.fixture
def source(acme: Workspace) -> UsageSource:
    return store_usage(acme, accounts=["Initech", "Hooli"], days=5, red=[AS_OF])


def act(client: Client, action: str, *configs: PosthogWorkspaceConfig, **more: str) -> Any:
    form = {"action": action, "_selected_action": [config.pk for config in configs]}
    return client.post(LIST, form | more, follow=True)


def messages_of(response: Any) -> list[str]:
    return [f"{message.level_tag}: {message}" for message in get_messages(response.wsgi_request)]


class TestLists:
    def test_a_run_says_how_far_it_came_and_how_it_ended(self, source: UsageSource) -> None:
        failed = {"state": "failed", "finished_at": VERIFIED_AT, "error_type": "api_error"}
        store_run(source, **failed)
        [row] = rows(support(*VIEW).get(RUNS))
        assert row[:2] == ["Recent days: Failed", "Acme"]
        assert [cell in row for cell in ("30 of 90", "14118", "6", "api_error")] == [True] * 4

    def test_runs_can_be_narrowed_to_a_state_a_kind_and_an_error(self, source: UsageSource) -> None:
        store_run(source, state="failed", finished_at=VERIFIED_AT, error_type="api_error")
        store_run(source, state="done", kind="full", finished_at=VERIFIED_AT)
        sue = support(*VIEW)
        shown_by = {
            "state__exact=done": ["All days: Done"],
            "kind__exact=recent": ["Recent days: Failed"],
            "error_type=api_error": ["Recent days: Failed"],
        }
        for query, shown in shown_by.items():
            assert f'href="?{query}"' in sue.get(RUNS).content.decode()
            assert [row[0] for row in rows(sue.get(f"{RUNS}?{query}"))] == shown

    def test_days_can_be_narrowed_to_a_state_and_a_workspace(
        self, source: UsageSource, globex: Workspace
    ) -> None:
        store_usage(globex, accounts=1, days=2)
        sue = support(*VIEW)
        assert len(rows(sue.get(DAYS))) == 7
        [red] = rows(sue.get(f"{DAYS}?state__exact=red"))
        assert red[1:4] == ["Acme", "Not verified", "12"]
        assert {row[1] for row in rows(sue.get(DAYS, {"q": "globex"}))} == {"Globex"}

    @pytest.mark.parametrize("term", ["HOOL", "hooli"])
    def test_an_account_is_found_by_its_name_and_key(self, source: UsageSource, term: str) -> None:
        found = rows(support(*VIEW).get(ACCOUNTS, {"q": term}))
        assert [row[:3] for row in found] == [["Hooli", "hooli", "Acme"]]

    def test_accounts_are_found_by_their_workspace(
        self, source: UsageSource, globex: Workspace
    ) -> None:
        store_usage(globex, accounts=["Nordwind"], days=1)
        found = rows(support(*VIEW).get(ACCOUNTS, {"q": "Globex"}))
        assert [row[0] for row in found] == ["Nordwind"]

    @pytest.mark.parametrize("address", LISTS)
    def test_more_rows_take_no_more_queries(self, source: UsageSource, address: str) -> None:
        store_run(source, state="done", finished_at=VERIFIED_AT)
        sue = support(*VIEW)
        sue.get(address)
        with CaptureQueriesContext(connection) as for_few:
            few = rows(sue.get(address))
        for number in range(5):
            more = store_usage(Workspace.objects.create(name=f"W{number}"), accounts=3, days=3)
            store_run(more)
        with CaptureQueriesContext(connection) as for_many:
            many = rows(sue.get(address))
        assert len(many) > len(few)
        assert len(for_many) == len(for_few)

    def test_rows_are_counted_no_further_than_anybody_turns_pages(
        self, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(admin_usage, "_MOST_COUNTED", 3)
        with CaptureQueriesContext(connection) as queries:
            shown = support(*VIEW).get(DAYS)
        assert "3 PostHog sync days" in text_of(shown)
        counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
        assert counts
        assert all("LIMIT 3" in sql for sql in counts)


class TestPages:
    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (SyncRun, ["alice", "30 of 90", "14118"]),
            (SyncDay, ["no_account", "public_email_provider", "Verified"]),
            (Account, ["Initech", "$pageview", "Acme"]),
        ],
    )
    def test_each_shows_all_there_is_and_nothing_to_edit(
        self, source: UsageSource, model: type[Any], words: list[str]
    ) -> None:
        store_run(source)
        row = model.objects.order_by("id").last() if model is SyncDay else model.objects.first()
        address = f"{APP}/{model.__name__.lower()}/{row.pk}/change/"
        shown = support(*VIEW).get(address)
        assert [word in text_of(shown) for word in words] == [True] * len(words)
        main = shown.content.decode().partition('id="content"')[2]
        assert not re.search(r'<(input|textarea|select)(?![^>]*type="hidden")', main)

    @pytest.mark.parametrize("address", LISTS)
    def test_what_one_may_not_view_is_not_shown(self, source: UsageSource, address: str) -> None:
        assert support("view_posthogworkspaceconfig").get(address).status_code == 403

    @pytest.mark.parametrize("address", LISTS)
    @pytest.mark.parametrize("column", ["posthog_api_key", "workspace__name", "pk"])
    def test_no_address_compares_a_column_of_a_connection(
        self, source: UsageSource, address: str, column: str
    ) -> None:
        lookup = f"source__connection__{column}__startswith"
        assert support(*VIEW).get(address, {lookup: "x"}).status_code == 400


class TestSyncNow:
    def test_it_starts_a_run_in_the_name_of_the_support(self, acme: Workspace) -> None:
        config = store_connection(acme)
        told = messages_of(act(support(*VIEW, SYNC), "sync_now", config))
        run = SyncRun.objects.get()
        assert told == ["success: Acme: a sync has started."]
        assert (run.actor_name, usage.launched) == ("sue (support)", [run.pk])

    def test_where_it_cannot_start_that_is_told_and_the_others_do(
        self, source: UsageSource, globex: Workspace
    ) -> None:
        store_run(source)
        other = store_connection(globex)
        told = messages_of(act(support(*VIEW, SYNC), "sync_now", source.connection, other))
        assert sorted(told) == [
            "success: Globex: a sync has started.",
            "warning: Acme: A sync is running already.",
        ]

    def test_the_eleventh_is_too_many_and_none_is_started(self, db: None) -> None:
        configs = [
            store_connection(Workspace.objects.create(name=f"W{number:02}")) for number in range(11)
        ]
        told = messages_of(act(support(*VIEW, SYNC), "sync_now", *configs))
        assert told == ["error: Select at most 10 connections at a time. Nothing was started."]
        assert not SyncRun.objects.exists()


class TestRemoveUsage:
    def test_it_asks_first_and_then_removes_that_of_the_selected_alone(
        self, source: UsageSource, globex: Workspace
    ) -> None:
        other = store_usage(globex, accounts=1, days=1)
        sue = support(*VIEW, PURGE)
        asked = act(sue, "remove_usage", source.connection)
        assert "Yes, remove all usage" in asked.content.decode()
        assert "Acme" in text_of(asked)
        assert UsageSource.objects.count() == 2

        fields = re.findall(
            r'<input type="hidden" name="([a-z_]+)" value="([^"]+)"', asked.content.decode()
        )
        form = {name: value for name, value in fields if name != "csrfmiddlewaretoken"}
        done = sue.post(LIST, form, follow=True)
        assert messages_of(done) == ["success: Acme: usage removed."]
        assert UsageSource.objects.get() == other
        event = PosthogConnectionEvent.objects.get()
        assert (event.action, event.actor_name) == ("purge", "sue (support)")


class TestPermissions:
    @pytest.mark.parametrize(
        ("permissions", "offered"),
        [((), []), ((SYNC,), ["sync_now"]), ((PURGE,), ["remove_usage"])],
        ids=["view", "sync", "purge"],
    )
    def test_each_action_has_one_of_its_own(
        self, source: UsageSource, permissions: list[str], offered: list[str]
    ) -> None:
        sue = support(*VIEW, *permissions)
        page = sue.get(page_of(source.connection)).content.decode()
        listed = sue.get(LIST).content.decode()
        assert re.findall(r'name="action" value="(\w+)"', page) == offered
        assert re.findall(r'<option value="(\w+)">', listed) == offered

        act(sue, "sync_now", source.connection)
        assert SyncRun.objects.exists() == (offered == ["sync_now"])
        act(sue, "remove_usage", source.connection, confirmed="yes")
        assert UsageSource.objects.exists() == (offered != ["remove_usage"])

    def test_a_permission_that_was_lost_meanwhile_counts(
        self, source: UsageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sue = support(*VIEW, PURGE)
        real = UsageService.purge

        def lose_rights(service: UsageService, **kwargs: Any) -> None:
            User.objects.get(username="sue").user_permissions.clear()
            real(service, **kwargs)

        monkeypatch.setattr(UsageService, "purge", lose_rights)
        act(sue, "remove_usage", source.connection, confirmed="yes")
        assert UsageSource.objects.exists()
