"""The settings page, without the host's help: its own frame, and no middleware for htmx."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from integrations_posthog.sandbox import KEYS, Sandbox


@pytest.fixture
def browser(ann: User) -> Client:
    client = Client()
    client.force_login(ann)
    return client


def test_it_shows_itself_in_the_apps_own_frame(browser: Client) -> None:
    page = browser.get("/settings/posthog/")
    assert page.status_code == 200
    frames = [template.name for template in page.templates]
    assert "integrations_posthog/base.html" in frames
    assert "Umbrella" in page.content.decode()


def test_its_assets_are_there(browser: Client) -> None:
    html = browser.get("/settings/posthog/").content.decode()
    assets = re.findall(r'(?:src|href)="/static/([^"]+)"', html)
    assert {Path(asset).suffix for asset in assets} == {".css", ".js"}
    for asset in assets:
        call_command("findstatic", asset, stdout=io.StringIO(), verbosity=0)


def test_it_connects_with_and_without_htmx(browser: Client, posthog: Sandbox) -> None:
    form = {"api_key": KEYS.full.value}
    plain = browser.post("/settings/posthog/connect", form, follow=True)
    assert "Acme Corp" in plain.content.decode()
    swapped = browser.post("/settings/posthog/recheck", headers={"HX-Request": "true"})
    assert swapped.status_code == 200
    assert "<html" not in swapped.content.decode()


def test_who_is_not_logged_in_goes_to_the_hosts_log_in_page() -> None:
    response = Client().get("/settings/posthog/")
    assert response.headers["Location"] == "/admin/login/?next=/settings/posthog/"
