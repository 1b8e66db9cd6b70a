"""What a host project does with the installed app. ``tests/test_other_host.py`` runs this file.

Ann leads the team Umbrella, Ben has a seat in it, Eve leads another team and sees only hers.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient
from shop.models import Seat, Team

import integrations_posthog
from integrations_posthog.checks import require_usable_settings
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.sandbox import KEYS, Sandbox

VALIDATE, STATUS, DISCONNECT = (
    f"/api/posthog/{call}" for call in ("validate", "status", "disconnect")
)
PASSWORD = "correct horse battery staple"

pytestmark = pytest.mark.django_db
# In a transaction around the test, DRF would take a failed request for one that rolls back.
committing = pytest.mark.django_db(transaction=True)


def user_with_seat(name: str, team: Team, *, leads: bool) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    Seat.objects.create(user=user, team=team, leads=leads)
    return user


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@pytest.fixture
def umbrella() -> Team:
    return Team.objects.create(title="Umbrella")


@pytest.fixture
def ann(umbrella: Team) -> User:
    return user_with_seat("ann", umbrella, leads=True)


@pytest.fixture
def ben(umbrella: Team) -> User:
    return user_with_seat("ben", umbrella, leads=False)


@pytest.fixture
def eve() -> User:
    return user_with_seat("eve", Team.objects.create(title="Tyrell"), leads=True)


@pytest.fixture(scope="session")
def running_posthog() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def posthog(running_posthog: Sandbox, settings: Settings) -> Iterator[Sandbox]:
    regions = [running_posthog.us.url, running_posthog.eu.url]
    settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
    settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions
    yield running_posthog
    running_posthog.us.reset()


@pytest.fixture
def api(ann: User) -> APIClient:
    """Ann, with her password in each request."""
    return basic_client(ann)


def basic_client(user: User) -> APIClient:
    credentials = base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {credentials}")
    return client


def validate(client: APIClient, key: str = KEYS.full.value, **body: Any) -> Any:
    return client.post(VALIDATE, {"api_key": key} | body, format="json")


def output_of(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=io.StringIO(), no_color=True)
    return out.getvalue()


class TestInstallation:
    def test_the_app_comes_from_its_wheel_and_the_checkout_is_out_of_reach(self) -> None:
        installed = Path(os.environ["SHOP_TARGET"]) / "integrations_posthog"
        assert Path(integrations_posthog.__file__).parent == installed
        assert find_spec("beton") is None
        assert find_spec("tests") is None

    def test_the_history_and_the_connection_point_at_the_hosts_numbers(
        self, umbrella: Team
    ) -> None:
        for model in (PosthogWorkspaceConfig, PosthogConnectionEvent):
            column = model._meta.get_field("workspace").column
            with connection.cursor() as cursor:
                table = connection.introspection.get_table_description(cursor, model._meta.db_table)
            [fact] = [fact for fact in table if fact.name == column]
            kind = connection.introspection.get_field_type(fact.type_code, fact)
            assert kind == "IntegerField"


class TestApi:
    def test_a_good_key_connects_the_team(self, api: APIClient, posthog: Sandbox) -> None:
        response = validate(api)
        assert response.status_code == 200, response.json()
        assert response.json()["workspace_name"] == "Acme Corp"
        assert response.json()["projects"] == [{"id": "12345", "name": "Acme Production"}]

    def test_the_status_tells_times_in_utc_whatever_the_hosts_time_zone(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        validate(api)
        status = api.get(STATUS).json()
        validated_at = PosthogWorkspaceConfig.objects.get().validated_at
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["validated_at"])
        assert status["validated_at"] == f"{validated_at:%Y-%m-%dT%H:%M:%SZ}"
        assert status["is_active"] is True

    def test_disconnecting_keeps_what_is_stored(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        response = api.post(DISCONNECT)
        assert response.json() == {"message": "PostHog integration disconnected successfully"}
        status = api.get(STATUS).json()
        assert (status["is_configured"], status["is_active"]) == (True, False)

    def test_who_is_not_logged_in_is_not_authenticated(self) -> None:
        response = APIClient().get(STATUS)
        assert response.status_code == 401
        assert response.json()["error_type"] == "not_authenticated"

    @committing
    def test_a_session_of_the_host_needs_its_csrf_token(self, ann: User, posthog: Sandbox) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(ann)
        refused = validate(client)
        assert (refused.status_code, refused.json()["error_type"]) == (403, "permission_denied")
        client.get("/settings/posthog/")
        client.credentials(HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value)
        assert validate(client).status_code == 200

    @committing
    def test_a_failure_is_in_the_history_though_the_host_rolls_back_failed_requests(
        self, api: APIClient, posthog: Sandbox
    ) -> None:
        assert validate(api, KEYS.revoked.value).status_code == 401
        event = PosthogConnectionEvent.objects.get()
        assert (event.action, event.outcome, event.error_type) == (
            "connect",
            "failed",
            "unauthorized",
        )

    @committing
    def test_the_limit_counts_each_team_for_itself(
        self, api: APIClient, eve: User, settings: Settings
    ) -> None:
        settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1/m"
        assert validate(api, "malformed").status_code == 400
        assert validate(api, "malformed").status_code == 429
        assert validate(basic_client(eve), "malformed").status_code == 400

    def test_who_does_not_lead_may_only_read(self, ben: User) -> None:
        assert basic_client(ben).get(STATUS).status_code == 200
        assert validate(basic_client(ben)).status_code == 403

    def test_each_sees_the_own_team_only(self, api: APIClient, eve: User, posthog: Sandbox) -> None:
        validate(api)
        assert basic_client(eve).get(STATUS).json()["is_configured"] is False

    def test_the_browsable_api_shows_a_form(self, api: APIClient) -> None:
        page = api.get(VALIDATE, headers={"accept": "text/html"})
        assert 'name="api_key"' in page.content.decode()


class TestStorage:
    def test_a_team_has_one_connection(self, api: APIClient, posthog: Sandbox) -> None:
        validate(api)
        validate(api, KEYS.several.value)
        config = PosthogWorkspaceConfig.objects.get()
        config.pk = "another"
        with pytest.raises(IntegrityError), transaction.atomic():
            config.save(force_insert=True)

    def test_it_goes_with_its_team_by_the_database(
        self, api: APIClient, ann: User, umbrella: Team, posthog: Sandbox
    ) -> None:
        validate(api)
        ann.delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM shop_team WHERE id = %s", [umbrella.pk])
        assert not PosthogWorkspaceConfig.objects.exists()
        assert not PosthogConnectionEvent.objects.exists()


class TestPage:
    @pytest.fixture
    def browser(self, ann: User) -> Client:
        client = Client()
        client.force_login(ann)
        return client

    def test_it_shows_itself_in_the_apps_own_frame(self, browser: Client) -> None:
        page = browser.get("/settings/posthog/")
        assert page.status_code == 200
        frames = [template.name for template in page.templates]
        assert "integrations_posthog/base.html" in frames
        assert "Umbrella" in page.content.decode()

    def test_its_assets_are_there(self, browser: Client) -> None:
        html = browser.get("/settings/posthog/").content.decode()
        assets = re.findall(r'(?:src|href)="/static/([^"]+)"', html)
        assert {Path(asset).suffix for asset in assets} == {".css", ".js"}
        for asset in assets:
            call_command("findstatic", asset, stdout=io.StringIO(), verbosity=0)

    def test_it_connects_with_and_without_htmx(self, browser: Client, posthog: Sandbox) -> None:
        form = {"api_key": KEYS.full.value}
        plain = browser.post("/settings/posthog/connect", form, follow=True)
        assert "Acme Corp" in plain.content.decode()
        swapped = browser.post("/settings/posthog/recheck", headers={"HX-Request": "true"})
        assert swapped.status_code == 200
        assert "<html" not in swapped.content.decode()

    def test_who_is_not_logged_in_goes_to_the_hosts_log_in_page(self) -> None:
        response = Client().get("/settings/posthog/")
        assert response.headers["Location"] == "/admin/login/?next=/settings/posthog/"


class TestAdmin:
    @pytest.fixture
    def support(self, admin_client: Client, api: APIClient, posthog: Sandbox) -> Client:
        validate(api)
        return admin_client

    @pytest.mark.parametrize("search", ["", "Acme", "12345", "{team}", "nobody", "9" * 40])
    @pytest.mark.parametrize("model", ["posthogworkspaceconfig", "posthogconnectionevent"])
    def test_the_lists_show_and_search(
        self, support: Client, umbrella: Team, model: str, search: str
    ) -> None:
        query = search.format(team=umbrella.pk)
        page = support.get(f"/admin/integrations_posthog/{model}/", {"q": query})
        assert page.status_code == 200
        found = query in {"", "12345", str(umbrella.pk)} or (
            query == "Acme" and model == "posthogworkspaceconfig"
        )
        assert (page.context["cl"].result_count == 1) is found

    def test_a_connection_and_an_event_show_without_the_key(self, support: Client) -> None:
        for row in (PosthogWorkspaceConfig.objects.get(), PosthogConnectionEvent.objects.get()):
            model = row._meta.model_name
            page = support.get(f"/admin/integrations_posthog/{model}/{row.pk}/change/")
            assert page.status_code == 200
            assert "Umbrella" in page.content.decode()
            assert KEYS.full.value not in page.content.decode()

    def test_the_actions_recheck_and_disconnect(self, support: Client) -> None:
        config = PosthogWorkspaceConfig.objects.get()
        chosen = {"_selected_action": [config.pk]}
        path = "/admin/integrations_posthog/posthogworkspaceconfig/"
        support.post(path, {"action": "recheck"} | chosen)
        support.post(path, {"action": "disconnect", "confirmed": "yes"} | chosen)
        acts = PosthogConnectionEvent.objects.newest_first().values_list("action", flat=True)
        assert list(acts) == ["disconnect", "recheck", "connect"]


class TestCommands:
    def test_connect_status_and_check_take_the_teams_number(
        self, umbrella: Team, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        team = f"--workspace={umbrella.pk}"
        monkeypatch.setenv("POSTHOG_API_KEY", KEYS.full.value)
        assert "Connected to Acme Corp." in output_of("posthog_connect", team)
        status = json.loads(output_of("posthog_status", team, "--json"))
        assert status["workspace_name"] == "Acme Corp"
        assert status["validated_at"].endswith("Z")
        assert "The connection works." in output_of("posthog_check", team)
        assert "Umbrella" in output_of("posthog_check", "--all")

    def test_a_check_that_fails_ends_with_an_error(
        self, api: APIClient, umbrella: Team, posthog: Sandbox
    ) -> None:
        validate(api)
        posthog.us.revoke(KEYS.full)
        with pytest.raises(CommandError, match="1 of the checks failed"):
            output_of("posthog_check", "--all")

    @pytest.mark.parametrize("name", ["0", "nobody", "9" * 40])
    def test_a_team_that_is_not_there_is_named(self, name: str) -> None:
        with pytest.raises(CommandError, match=f"no workspace .*'{name}'"):
            output_of("posthog_status", f"--workspace={name}")

    def test_rotating_makes_the_old_encryption_key_dispensable(
        self, api: APIClient, posthog: Sandbox, settings: Settings
    ) -> None:
        validate(api)
        fresh = Fernet.generate_key().decode()
        old = settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [fresh, *old]
        assert "Encrypted anew: 1." in output_of("posthog_rotate_keys")
        settings.INTEGRATIONS_POSTHOG_ENCRYPTION_KEYS = [fresh]
        assert PosthogWorkspaceConfig.objects.get().posthog_api_key.open() == KEYS.full.value


@pytest.mark.parametrize(
    ("setting", "value", "number"),
    [
        ("ENCRYPTION_KEYS", [], "E001"),
        ("ENCRYPTION_KEYS", ["no Fernet key"], "E001"),
        ("WORKSPACE_MODEL", "shop.Nothing", "E002"),
        ("WORKSPACE_ACCESS", "shop.access.nothing", "E003"),
        ("TRUSTED_ORIGINS", ["posthog.acme.com"], "E004"),
        ("CLOUD_REGIONS", [], "E005"),
        ("CLOUD_REGIONS", ["https://posthog.acme.com"], "E005"),
        ("CA_BUNDLE", "/nowhere.pem", "E006"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_and_says_what_to_do(
    settings: Settings, setting: str, value: object, number: str
) -> None:
    setattr(settings, f"INTEGRATIONS_POSTHOG_{setting}", value)
    with pytest.raises(SystemCheckError) as failure:
        call_command("check")
    assert f"integrations_posthog.{number}" in str(failure.value)
    assert f"INTEGRATIONS_POSTHOG_{setting}" in str(failure.value)
    assert "HINT: " in str(failure.value)
    with pytest.raises(Exception, match=number):
        require_usable_settings()
