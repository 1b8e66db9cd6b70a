"""A planted key is found nowhere but behind the ciphertext."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils.log import AdminEmailHandler
from pytest_django import Settings
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.encryption import KEY_PATTERN, mask, redact
from integrations_posthog.models import PosthogConnectionEvent, PosthogWorkspaceConfig
from integrations_posthog.redaction import RedactingReporterFilter
from integrations_posthog.sandbox import KEYS, Sandbox
from integrations_posthog.services import check as check_module
from integrations_posthog.services.validator import PostHogValidatorService
from integrations_posthog.wiring import operator_network

PLANTED = KEYS.full.value
REFUSED = "phx_" + "CanaryCanary" * 4
NO_KEY = "CanaryThatIsNoKeyOfPostHogs"
SECRETS = [PLANTED[8:-8], REFUSED[8:-8], NO_KEY]

pytestmark = pytest.mark.django_db

ClientOf = Callable[[User], APIClient]


def assert_clean(text: str | bytes, surface: str) -> None:
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    assert shown, f"{surface} showed nothing at all"
    for secret in SECRETS:
        assert secret not in shown, f"{surface} shows a key"


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Everything that is logged, by whichever library, at DEBUG."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in ("urllib3", "requests", "requests_hardened", "django", "integrations_posthog"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)
    for name in ("urllib3", "requests", "requests_hardened", "django", "integrations_posthog"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def admin(acme: Workspace) -> Client:
    User.objects.create_superuser("root", "root@example.com", "x")
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


@pytest.fixture(autouse=True)
def _unlimited(settings: Settings) -> None:
    settings.INTEGRATIONS_POSTHOG_VALIDATION_RATE = "1000/m"


class TestAnswers:
    @pytest.mark.parametrize(
        ("accept", "fault"),
        [
            *(
                ("application/json", fault)
                for fault in ("none", "401", "404", "429", "500", "drop")
            ),
            *(("text/html", fault) for fault in ("none", "401", "500")),
        ],
    )
    def test_the_api(
        self,
        alice: User,
        session_client: ClientOf,
        posthog: Sandbox,
        logs: io.StringIO,
        accept: str,
        fault: str,
    ) -> None:
        if fault != "none":
            posthog.us.fail(fault)
        api = session_client(alice)
        for body in (
            {"api_key": PLANTED},
            {"api_key": REFUSED},
            {"api_key": NO_KEY},
            {"api_key": PLANTED, "host": f"https://{NO_KEY}"},
            {"api_key": PLANTED, "host": REFUSED, "project_id": REFUSED},
            {"api_key": [REFUSED]},
            {REFUSED: REFUSED},
        ):
            for kind in ("json", "multipart"):
                if kind == "json" or all(isinstance(value, str) for value in body.values()):
                    response = api.post(
                        "/api/posthog/validate", body, format=kind, headers={"accept": accept}
                    )
                    assert_clean(response.content, "the API")
        assert_clean(api.get("/api/posthog/status", headers={"accept": accept}).content, "status")
        assert_clean(logs.getvalue(), "the log")

    @pytest.mark.parametrize("fault", ["none", "401", "500", "drop"])
    @pytest.mark.parametrize("htmx", [True, False])
    def test_the_page(
        self, alice: User, posthog: Sandbox, logs: io.StringIO, fault: str, htmx: bool
    ) -> None:
        client = Client(headers={"HX-Request": "true"} if htmx else {})
        client.force_login(alice)
        if fault != "none":
            posthog.us.fail(fault)
        for form in (
            {"api_key": PLANTED},
            {"api_key": REFUSED},
            {"api_key": NO_KEY, "where": "other", "host": REFUSED},
            {"api_key": PLANTED, "where": REFUSED},
        ):
            response = client.post("/settings/posthog/connect", form, follow=True)
            assert_clean(response.content, "the page")
        for path in ("", "disconnect"):
            assert_clean(client.get(f"/settings/posthog/{path}").content, "the page")
        assert_clean(logs.getvalue(), "the log")

    def test_the_admin(self, admin: Client, connected: PosthogWorkspaceConfig) -> None:
        base = "/admin/integrations_posthog"
        for path in (
            f"{base}/posthogworkspaceconfig/",
            f"{base}/posthogworkspaceconfig/{connected.pk}/change/",
            f"{base}/posthogconnectionevent/",
            f"{base}/posthogworkspaceconfig/?q={PLANTED[:6]}",
        ):
            response = admin.get(path, follow=True)
            assert response.status_code == 200
            assert_clean(response.content, path)
            assert connected.posthog_api_key.token not in response.content.decode()

    def test_the_openapi_document(self, client: Client, connected: object) -> None:
        assert_clean(client.get("/api/schema").content, "OpenAPI")


class TestErrorReports:
    @pytest.fixture(autouse=True)
    def _broken(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        """PostHog is asked, and after that something of ours breaks, deep inside."""
        settings.ADMINS = [("Root", "root@example.com")]
        settings.LOGGING_CONFIG = None

        def broken(self: PostHogValidatorService, *args: object, **kwargs: Any) -> None:
            api_key_in_a_local = f"Bearer {kwargs.get('api_key', PLANTED)}"
            check = check_module.ConnectionCheck(
                api_key=kwargs.get("api_key", PLANTED),
                host="https://app.posthog.com",
                project_id=None,
                network=operator_network(),
            )
            raise RuntimeError(f"disk on fire{api_key_in_a_local[:0]}{str(check)[:0]}")

        monkeypatch.setattr(PostHogValidatorService, "validate_and_store_config", broken)

    @pytest.mark.parametrize("debug", [True, False])
    def test_the_technical_page(self, alice: User, settings: Settings, debug: bool) -> None:
        settings.DEBUG = debug
        client = Client(raise_request_exception=False)
        client.force_login(alice)
        response = client.post("/settings/posthog/connect", {"api_key": PLANTED})
        assert response.status_code == 500
        if debug:
            assert b"RuntimeError" in response.content
            assert b"broken" in response.content
        assert_clean(response.content, "the technical page")

    @pytest.mark.parametrize(
        ("path", "host"),
        [("/settings/posthog", "testserver"), ("/settings/posthog/connect", "evil.example")],
        ids=["a slash is missing", "a host that is not ours"],
    )
    def test_the_technical_page_of_what_no_view_has_seen(
        self, alice: User, settings: Settings, path: str, host: str
    ) -> None:
        settings.DEBUG = True
        settings.ALLOWED_HOSTS = ["testserver"]
        client = Client(raise_request_exception=False)
        client.force_login(alice)
        response = client.post(path, {"api_key": PLANTED}, headers={"host": host})
        assert response.status_code in (400, 500)
        assert_clean(response.content, "the technical page")

    @pytest.mark.parametrize("path", ["/settings/posthog/connect", "/api/posthog/validate"])
    def test_the_mail_to_the_admins_and_the_log(
        self, alice: User, logs: io.StringIO, path: str
    ) -> None:
        mailer = AdminEmailHandler(include_html=True)
        mailer.setLevel(logging.ERROR)
        logging.getLogger().addHandler(mailer)
        try:
            client = Client(raise_request_exception=False)
            client.force_login(alice)
            assert client.post(path, {"api_key": PLANTED}).status_code == 500
        finally:
            logging.getLogger().removeHandler(mailer)
        assert mail.outbox
        for message in mail.outbox:
            assert_clean(message.body + str(message.message()), "the e-mail")
        assert_clean(logs.getvalue(), "the log")


class TestCommands:
    def test_connect_status_check_and_rotate(
        self,
        acme: Workspace,
        posthog: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
        logs: io.StringIO,
    ) -> None:
        for key in (REFUSED, NO_KEY, PLANTED):
            monkeypatch.setenv("POSTHOG_API_KEY", key)
            out = io.StringIO()
            try:
                call_command("posthog_connect", workspace=acme.slug, stdout=out, stderr=out)
            except CommandError as exc:
                out.write(str(exc))
            assert_clean(out.getvalue(), "posthog_connect")
        for command, options in (
            ("posthog_status", {"workspace": acme.slug}),
            ("posthog_status", {"workspace": acme.slug, "json": True}),
            ("posthog_check", {"workspace": acme.slug}),
            ("posthog_check", {"all": True}),
            ("posthog_rotate_keys", {}),
        ):
            out = io.StringIO()
            call_command(command, stdout=out, stderr=out, **options)
            assert_clean(out.getvalue(), command)
        assert_clean(logs.getvalue(), "the log")

    def test_a_key_is_no_option_of_any_command(self) -> None:
        for command in ("posthog_connect", "posthog_check", "demo"):
            with pytest.raises((CommandError, TypeError)):
                call_command(command, f"--api-key={PLANTED}")

    def test_dumpdata(self, connected: PosthogWorkspaceConfig) -> None:
        out = io.StringIO()
        call_command("dumpdata", "integrations_posthog", stdout=out)
        assert connected.posthog_api_key.token in out.getvalue()
        assert_clean(out.getvalue(), "dumpdata")


class TestAtRest:
    def test_reprs(self, connected: PosthogWorkspaceConfig) -> None:
        event = PosthogConnectionEvent.objects.get()
        shown = repr(connected) + repr(connected.__dict__) + repr(event) + repr(event.__dict__)
        assert_clean(shown, "a repr")

    def test_every_column_of_every_table(self, connected: PosthogWorkspaceConfig) -> None:
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT * FROM "{table}"')
                for row in cursor.fetchall():
                    assert_clean(repr(row), table)


@pytest.fixture
def connected(
    acme: Workspace, posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> PosthogWorkspaceConfig:
    monkeypatch.setenv("POSTHOG_API_KEY", PLANTED)
    call_command("posthog_connect", workspace=acme.slug, stdout=io.StringIO())
    return PosthogWorkspaceConfig.objects.get()


@pytest.mark.parametrize("before", range(0, 120, 7))
def test_a_report_finds_a_key_wherever_it_stands_in_a_value(before: int) -> None:
    def frame_with(value: object) -> FrameType:
        return sys._getframe()

    for value in (b"x" * before + f" {PLANTED} ".encode(), {"a": ["y " * before, PLANTED]}):
        shown = RedactingReporterFilter().get_traceback_frame_variables(None, frame_with(value))
        assert_clean(repr(shown), "a report")


def test_the_mask_and_the_redactor_leave_the_middle_out() -> None:
    assert mask(PLANTED) == f"phx_…{PLANTED[-4:]}"
    text = f"Authorization: Bearer {PLANTED}, {REFUSED}; phs_{'a' * 20}"
    assert_clean(redact(text), "the redactor")
    assert not KEY_PATTERN.search(redact(text).replace("…", ""))
