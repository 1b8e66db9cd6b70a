"""What support staff can do to connections in Django's admin, and who of them."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services.validator import PostHogValidatorService

from .connections import connect, lose_encryption_key, service_of, store_connection
from .support import DISCONNECT, HISTORY, LIST, RECHECK, VIEW, page_of, support, text_of

pytestmark = pytest.mark.django_db


def act(client: Client, action: str, *configs: PosthogWorkspaceConfig, **more: str) -> Any:
    """Run an action on these connections, and follow to the page that it ends at."""
    form = {"action": action, "_selected_action": [config.pk for config in configs]}
    return client.post(LIST, form | more, follow=True)


def messages_of(response: Any) -> list[str]:
    return [f"{message.level_tag}: {message}" for message in get_messages(response.wsgi_request)]


def happened() -> list[tuple[str, str, str]]:
    """The history but for the first connections: who, what, and how it ended."""
    events = PosthogConnectionEvent.objects.exclude(action="connect").order_by("id")
    return list(events.values_list("actor_name", "action", "outcome"))


def connections(count: int, **columns: Any) -> list[PosthogWorkspaceConfig]:
    return [
        store_connection(Workspace.objects.create(name=f"W{number:02}"), **columns)
        for number in range(count)
    ]


class TestPermissions:
    @pytest.mark.parametrize(
        ("permissions", "offered"),
        [
            ((), []),
            ((RECHECK,), ["recheck"]),
            ((DISCONNECT,), ["disconnect"]),
            ((RECHECK, DISCONNECT), ["recheck", "disconnect"]),
        ],
        ids=["view", "recheck", "disconnect", "both"],
    )
    def test_each_action_has_one_of_its_own(
        self, acme: Workspace, posthog: Sandbox, permissions: list[str], offered: list[str]
    ) -> None:
        config = connect(acme)
        sue = support(*VIEW, *permissions)
        page = sue.get(page_of(config)).content.decode()
        listed = sue.get(LIST).content.decode()
        assert re.findall(r'name="action" value="(\w+)"', page) == offered
        assert re.findall(r'<option value="(\w+)">', listed) == offered

        for action in ("recheck", "disconnect"):
            act(sue, action, config, confirmed="yes")
        assert [action for _, action, _ in happened()] == offered

    def test_without_viewing_there_is_nothing_to_act_on(
        self, acme: Workspace, posthog: Sandbox
    ) -> None:
        config = connect(acme)
        sue = support(RECHECK, DISCONNECT)
        for path in (LIST, page_of(config), HISTORY):
            assert sue.get(path).status_code == 403
        for action in ("recheck", "disconnect"):
            assert act(sue, action, config, confirmed="yes").status_code == 403
        assert happened() == []

    def test_who_is_no_staff_does_not_get_in(self, client: Client, acme: Workspace) -> None:
        config = store_connection(acme)
        for path in (LIST, page_of(config), HISTORY):
            assert client.get(path).headers["Location"].startswith("/admin/login/")
        assert act(client, "disconnect", config, confirmed="yes").status_code == 200
        assert happened() == []


class EverybodyMay(BaseBackend):
    """Gives every permission to everybody, those who have left among them."""

    def has_perm(self, *_: object, **__: object) -> bool:
        return True


class TestLostRights:
    def test_a_permission_that_was_lost_meanwhile_counts(
        self, acme: Workspace, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sue = support(*VIEW, RECHECK)
        config = connect(acme)
        posthog.us.fail("401")
        real = PostHogValidatorService.conclude

        def lose_rights(*args: Any, **kwargs: Any) -> Any:
            User.objects.get(username="sue").user_permissions.clear()
            return real(*args, **kwargs)

        monkeypatch.setattr(PostHogValidatorService, "conclude", lose_rights)
        sue.post(LIST, {"action": "recheck", "_selected_action": [config.pk]})
        config.refresh_from_db()
        assert config.is_validated
        assert happened() == []

    @pytest.mark.parametrize("lost", ["is_active", "is_staff"])
    def test_who_is_no_staff_any_more_may_nothing_whatever_the_host_permits(
        self, acme: Workspace, monkeypatch: pytest.MonkeyPatch, settings: Settings, lost: str
    ) -> None:
        settings.AUTHENTICATION_BACKENDS = [
            *settings.AUTHENTICATION_BACKENDS,
            f"{__name__}.{EverybodyMay.__name__}",
        ]
        config = store_connection(acme)
        sue = support()
        real = PostHogValidatorService.disconnect

        def leave(service: PostHogValidatorService) -> None:
            User.objects.filter(username="sue").update(**{lost: False})
            real(service)

        monkeypatch.setattr(PostHogValidatorService, "disconnect", leave)
        form = {"action": "disconnect", "_selected_action": [config.pk], "confirmed": "yes"}
        assert sue.post(LIST, form).status_code == 302
        config.refresh_from_db()
        assert config.is_active
        assert happened() == []


class TestRecheck:
    def test_each_outcome_is_told_and_noted_with_who_asked(
        self, acme: Workspace, globex: Workspace, posthog: Sandbox
    ) -> None:
        lost = Workspace.objects.create(name="Initech")
        configs = [connect(acme), connect(globex, KEYS.several), connect(lost, KEYS.minimal)]
        posthog.us.revoke(KEYS.several)
        lose_encryption_key(configs[2])

        told = sorted(messages_of(act(support(*VIEW, RECHECK), "recheck", *configs)))

        assert told[0] == "success: Acme: PostHog accepts the key."
        assert told[1].startswith("warning: Globex: Invalid or unauthorized API key. Check in")
        assert told[2].startswith("warning: Initech: The stored API key cannot be decrypted. Con")
        assert sorted(happened()) == [
            ("sue (support)", "recheck", "failed"),
            ("sue (support)", "recheck", "failed"),
            ("sue (support)", "recheck", "ok"),
        ]
        assert PosthogWorkspaceConfig.objects.get(workspace=globex).is_validated is False

    def test_from_a_connections_page_one_comes_back_to_it(
        self, acme: Workspace, posthog: Sandbox
    ) -> None:
        config = connect(acme)
        back = act(support(*VIEW, RECHECK), "recheck", config, from_page="yes")
        assert back.redirect_chain == [(page_of(config), 302)]
        assert messages_of(back) == ["success: Acme: PostHog accepts the key."]
        assert "UTC, by sue (support)" in text_of(back)

    def test_one_that_was_deleted_meanwhile_leads_back_to_the_list(self, acme: Workspace) -> None:
        config = store_connection(acme)
        acme.delete()
        back = act(support(*VIEW, RECHECK), "recheck", config, from_page="yes")
        assert back.request["PATH_INFO"] == LIST
        assert "0 PostHog connections" in text_of(back)

    def test_a_disconnected_one_stays_disconnected(self, acme: Workspace, posthog: Sandbox) -> None:
        config = connect(acme)
        service_of(acme).disconnect()
        act(support(*VIEW, RECHECK), "recheck", config)
        assert PosthogWorkspaceConfig.objects.get().is_active is False

    def test_ten_take_about_as_long_as_one(self, posthog: Sandbox) -> None:
        configs = connections(10, posthog_host=posthog.us.url)
        posthog.us.fail("slow", seconds=1, path="personal_api_keys")
        start = time.monotonic()
        answer = act(support(*VIEW, RECHECK), "recheck", *configs)
        assert time.monotonic() - start < 7
        assert len(messages_of(answer)) == 10

    @pytest.mark.parametrize("more", [{}, {"select_across": "1"}])
    def test_the_eleventh_is_too_many_and_nothing_is_checked(
        self, posthog: Sandbox, more: dict[str, str]
    ) -> None:
        configs = connections(11, posthog_host=posthog.us.url)
        selected = configs[:1] if more else configs
        answer = act(support(*VIEW, RECHECK), "recheck", *selected, **more)
        told = "error: Select at most 10 connections at a time. Nothing was checked."
        assert messages_of(answer) == [told]
        assert happened() == []
        assert not posthog.us.requests


class TestDisconnect:
    def test_it_asks_first_and_names_what_is_disconnected(
        self, acme: Workspace, globex: Workspace, posthog: Sandbox
    ) -> None:
        configs = [connect(acme), connect(globex, KEYS.several)]
        asked = act(support(*VIEW, DISCONNECT), "disconnect", *configs)
        shown = text_of(asked)
        assert "Acme Acme Corp Acme Production (12345) phx_…Full" in shown
        assert "Globex Umbrella Retail Web Shop (201) phx_…Seve" in shown
        assert f'<a href="{LIST}" class="button cancel-link">' in asked.content.decode()
        assert happened() == []

    def test_then_it_does_it(self, acme: Workspace, globex: Workspace, posthog: Sandbox) -> None:
        config = connect(acme)
        connect(globex, KEYS.several)
        sue = support(*VIEW, DISCONNECT)
        page = act(sue, "disconnect", config).content.decode()
        fields = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]+)"', page)
        form = {name: value for name, value in fields if name != "csrfmiddlewaretoken"}

        done = sue.post(LIST, form, follow=True)

        assert messages_of(done) == ["success: Acme: disconnected."]
        assert happened() == [("sue (support)", "disconnect", "ok")]
        active = dict(PosthogWorkspaceConfig.objects.values_list("workspace__name", "is_active"))
        assert active == {"Acme": False, "Globex": True}
        assert 'value="disconnect"' not in sue.get(page_of(config)).content.decode()

    def test_one_that_is_deleted_meanwhile_does_not_keep_the_others(
        self, acme: Workspace, globex: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        configs = [store_connection(acme), store_connection(globex)]
        real = PostHogValidatorService.disconnect

        def overtaken(service: PostHogValidatorService) -> None:
            Workspace.objects.filter(pk=acme.pk).delete()
            real(service)

        monkeypatch.setattr(PostHogValidatorService, "disconnect", overtaken)
        sue = support(*VIEW, DISCONNECT)
        done = act(sue, "disconnect", *configs, confirmed="yes")
        assert sorted(messages_of(done)) == [
            "success: Globex: disconnected.",
            "warning: Acme: Project/workspace not found.",
        ]
        assert PosthogWorkspaceConfig.objects.get().is_active is False
