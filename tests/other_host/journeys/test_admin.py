"""The admin, where workspaces have no name and no slug."""

from __future__ import annotations

import pytest
from calls import validate
from django.test import Client
from rest_framework.test import APIClient
from shop.models import Team

from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox


@pytest.fixture
def support(admin_client: Client, api: APIClient, posthog: Sandbox) -> Client:
    validate(api)
    return admin_client


@pytest.mark.parametrize("search", ["", "Acme", "12345", "{team}", "nobody", "9" * 40])
@pytest.mark.parametrize("model", ["posthogworkspaceconfig", "posthogconnectionevent"])
def test_the_lists_show_and_search(
    support: Client, umbrella: Team, model: str, search: str
) -> None:
    query = search.format(team=umbrella.pk)
    page = support.get(f"/admin/integrations_posthog/{model}/", {"q": query})
    assert page.status_code == 200
    found = query in {"", "12345", str(umbrella.pk)} or (
        query == "Acme" and model == "posthogworkspaceconfig"
    )
    assert (page.context["cl"].result_count == 1) is found


def test_a_connection_and_an_event_show_without_the_key(support: Client) -> None:
    for row in (PosthogWorkspaceConfig.objects.get(), PosthogConnectionEvent.objects.get()):
        model = row._meta.model_name
        page = support.get(f"/admin/integrations_posthog/{model}/{row.pk}/change/")
        assert page.status_code == 200
        assert "Umbrella" in page.content.decode()
        assert KEYS.full.value not in page.content.decode()


def test_the_actions_recheck_and_disconnect(support: Client) -> None:
    config = PosthogWorkspaceConfig.objects.get()
    chosen = {"_selected_action": [config.pk]}
    path = "/admin/integrations_posthog/posthogworkspaceconfig/"
    support.post(path, {"action": "recheck"} | chosen)
    support.post(path, {"action": "disconnect", "confirmed": "yes"} | chosen)
    acts = PosthogConnectionEvent.objects.newest_first().values_list("action", flat=True)
    assert list(acts) == ["disconnect", "recheck", "connect"]
