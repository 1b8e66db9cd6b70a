"""A planted key is found nowhere but behind the ciphertext."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from integrations_posthog.web import views as page_views
from integrations_posthog.wiring import operator_network
from tests.evaluations import at_least, define, evaluate_as_of
from tests.receivers import Receiver
from tests.usage import AS_OF, store_run, store_usage
from tests.webhooks import store_delivery, store_webhook

PLANTED = KEYS.full.value
REFUSED = "phx_" + "CanaryCanary" * 4
NO_KEY = "CanaryThatIsNoKeyOfPostHogs"
SIGNING = "whsec_" + "CanaryOfAWebhook" * 2
SECRETS = [PLANTED[8:-8], REFUSED[8:-8], NO_KEY, SIGNING[8:-8]]

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
        store_webhook(Workspace.objects.get(), id="c1", secret=SIGNING)
        for path in ("status", "webhooks", "webhooks/c1", "webhooks/c1/deliveries"):
            response = api.get(f"/api/posthog/{path}", headers={"accept": accept})
            assert_clean(response.content, path)
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
        store_webhook(Workspace.objects.get(), id="c1", secret=SIGNING)
        hooks = ("webhooks/", *(f"webhooks/c1/{form}" for form in ("", "secret", "delete")))
        for path in ("", "disconnect", "usage/", "usage/days", "usage/purge", "accounts/", *hooks):
            assert_clean(client.get(f"/settings/posthog/{path}").content, "the page")
        assert_clean(logs.getvalue(), "the log")

    def test_the_admin(
        self, admin: Client, acme: Workspace, connected: PosthogWorkspaceConfig
    ) -> None:
        base = "/admin/integrations_posthog"
        store_delivery(store_webhook(acme, id="c1", secret=SIGNING), id="c1")
        run = store_run(store_usage(acme, days=3))
        definition = define(acme, at_least(1))
        signal = evaluate_as_of(run.source, AS_OF)[0]
        for path in (
            f"{base}/posthogworkspaceconfig/",
            f"{base}/posthogworkspaceconfig/{connected.pk}/change/",
            f"{base}/posthogconnectionevent/",
            f"{base}/posthogworkspaceconfig/?q={PLANTED[:6]}",
            f"{base}/syncrun/{run.pk}/change/",
            f"{base}/syncday/{run.source.days.latest('day').pk}/change/",
            f"{base}/account/{run.source.accounts.latest('pk').pk}/change/",
            f"{base}/signaldefinition/{definition.pk}/change/",
            f"{base}/signal/{signal.pk}/change/",
            *(f"{base}/{name}/?q=acme" for name in ("syncrun", "syncday", "account")),
            *(f"{base}/{name}/" for name in ("webhook", "webhookdelivery")),
            *(f"{base}/{name}/c1/change/" for name in ("webhook", "webhookdelivery")),
            *(f"{base}/{name}/?q=acme" for name in ("signaldefinition", "signal")),
        ):
            response = admin.get(path, follow=True)
            assert response.status_code == 200
            assert_clean(response.content, path)
            assert connected.posthog_api_key.token not in response.content.decode()

    @pytest.mark.parametrize("answer", [200, 302, 500, None])
    def test_webhooks(
        self,
        alice: User,
        acme: Workspace,
        session_client: ClientOf,
        settings: Settings,
        logs: io.StringIO,
        answer: int | None,
    ) -> None:
        """A test, and the deliveries of the tick."""
        with Receiver() as receiver:
            settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = [receiver.origin]
            webhook = store_webhook(acme, url=receiver.url, secret=SIGNING)
            store_delivery(webhook)
            if answer is None:
                receiver.kill()
            receiver.answer(answer or 200)
            response = session_client(alice).post(f"/api/posthog/webhooks/{webhook.pk}/test")
            assert_clean(response.content, "the answer to a test")
            out = io.StringIO()
            call_command("posthog_tick", stdout=out)
            assert_clean(out.getvalue(), "posthog_tick")
        assert_clean(logs.getvalue(), "the log")

    def test_the_openapi_document(self, client: Client, connected: object) -> None:
        assert_clean(client.get("/api/schema").content, "OpenAPI")


_DJANGOS_OWN = "django.views.debug.ExceptionReporter"
_WITH_KEY = f"/settings/posthog/?key={PLANTED}"


def _break_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(page_views, "connection_overview", broken)


@contextmanager
def _mailer(reporter: str | None = None) -> Iterator[None]:
    """Errors are mailed to the admins, by this reporter or else by that of the settings."""
    mailer = AdminEmailHandler(include_html=True, reporter_class=reporter)
    mailer.setLevel(logging.ERROR)
    logging.getLogger().addHandler(mailer)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(mailer)


class TestErrorReports:
    @pytest.fixture(autouse=True)
    def _broken(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        """PostHog is asked, and after that something of ours breaks, deep inside."""
        settings.ADMINS = [("Root", "root@example.com")]
        settings.LOGGING_CONFIG = None

        def broken(self: PostHogValidatorService, *args: object, **kwargs: Any) -> None:
            query_that_fails = PosthogWorkspaceConfig.objects.extra(where=["no_such_column"])
            api_key_in_a_local = f"Bearer {kwargs.get('api_key', PLANTED)}"
            check = check_module.ConnectionCheck(
                api_key=kwargs.get("api_key", PLANTED),
                host="https://app.posthog.com",
                project_id=None,
                network=operator_network(),
            )
            unused = (api_key_in_a_local, check, query_that_fails)
            raise RuntimeError(f"disk on fire{str(len(unused))[:0]}")

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
            assert b"query_that_fails" in response.content
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

    @pytest.mark.parametrize("accept", ["text/html", "text/plain"])
    def test_the_technical_page_of_a_key_in_the_address(
        self, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, accept: str
    ) -> None:
        settings.DEBUG = True
        settings.DEFAULT_EXCEPTION_REPORTER = _DJANGOS_OWN
        _break_the_page(monkeypatch)
        response = self._client(alice).get(_WITH_KEY, headers={"accept": accept})
        assert response.status_code == 500
        assert b"/settings/posthog/?key=phx_" in response.content
        assert_clean(response.content, "the technical page")

    @pytest.mark.parametrize("path", ["/settings/posthog/connect", "/api/posthog/validate"])
    @pytest.mark.parametrize("reporter", [None, _DJANGOS_OWN], ids=["ours", "Django's own"])
    def test_the_mail_to_the_admins_and_the_log(
        self, alice: User, logs: io.StringIO, path: str, reporter: str | None
    ) -> None:
        with _mailer(reporter):
            response = self._client(alice).post(
                path, {"api_key": PLANTED}, headers={"X-Note": f"with {PLANTED}"}
            )
        assert response.status_code == 500
        assert "query_that_fails" in self._mail()
        assert_clean(logs.getvalue(), "the log")

    def test_the_mail_about_a_key_in_the_address_and_a_cookie(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _break_the_page(monkeypatch)
        client = self._client(alice)
        client.cookies["note"] = PLANTED
        with _mailer():
            assert client.get(_WITH_KEY).status_code == 500
        assert "/settings/posthog/?key=phx_" in self._mail()

    @staticmethod
    def _client(user: User) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    @staticmethod
    def _mail() -> str:
        """What the mails say, plain and as HTML; it is clean."""
        said = ""
        for message in mail.outbox:
            assert isinstance(message, mail.EmailMultiAlternatives)
            said += f"{message.subject}{message.body}{message.alternatives}"
        assert_clean(said, "the e-mail")
        return said


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
            ("posthog_signals", {"workspace": acme.slug}),
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
        webhook = store_webhook(Workspace.objects.get(), secret=SIGNING)
        out = io.StringIO()
        call_command("dumpdata", "integrations_posthog", stdout=out)
        assert connected.posthog_api_key.token in out.getvalue()
        assert webhook.secret.token in out.getvalue()
        assert_clean(out.getvalue(), "dumpdata")


class TestAtRest:
    def test_reprs(self, connected: PosthogWorkspaceConfig) -> None:
        event = PosthogConnectionEvent.objects.get()
        webhook = store_webhook(connected.workspace, secret=SIGNING)
        rows = (connected, event, webhook)
        shown = "".join(repr(row) + repr(row.__dict__) for row in rows)
        assert_clean(shown, "a repr")

    def test_every_column_of_every_table(self, connected: PosthogWorkspaceConfig) -> None:
        store_webhook(Workspace.objects.get(), secret=SIGNING)
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

    for value in (
        b"x" * before + f" {PLANTED} ".encode(),
        {"a": ["y " * before, PLANTED]},
        {"a": ["y " * before, SIGNING]},
    ):
        shown = RedactingReporterFilter().get_traceback_frame_variables(None, frame_with(value))
        assert_clean(repr(shown), "a report")


def test_the_mask_and_the_redactor_leave_the_middle_out() -> None:
    assert mask(PLANTED) == f"phx_…{PLANTED[-4:]}"
    text = f"Authorization: Bearer {PLANTED}, {REFUSED}; phs_{'a' * 20}; {SIGNING}"
    assert_clean(redact(text), "the redactor")
    assert not KEY_PATTERN.search(redact(text).replace("…", ""))
