"""``make demo``: a workspace, connected to a PostHog, with everything to try it out."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import HttpRequest

from beton.models import Membership, Workspace
from integrations_posthog.errors import PostHogIntegrationError
from integrations_posthog.management.keys import read_key
from integrations_posthog.management.output import error_text, report_lines
from integrations_posthog.management.workspaces import service_for
from integrations_posthog.sandbox import KEYS, Sandbox, first_free_port

LOOPBACK = "127.0.0.1"
USER = "demo"


class Command(BaseCommand):
    help = "Connect a demo workspace to a stand-in PostHog, or to the real one, and serve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--real", action="store_true", help="ask the real PostHog")
        parser.add_argument("--no-serve", action="store_true", help="end after printing")
        parser.add_argument("--port", type=int, default=8000, help="or the next free one")

    def handle(self, *, real: bool, no_serve: bool, port: int, **_: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo makes an admin user; it runs with DJANGO_DEBUG=true only.")
        call_command("migrate", verbosity=0)
        free_port = first_free_port(port)
        if real:
            return self._run(key=read_key(None), port=free_port, serve=not no_serve)
        us_port = first_free_port(8010, taken=frozenset((free_port,)))
        eu_port = first_free_port(us_port + 1, taken=frozenset((free_port,)))
        with Sandbox(us_port=us_port, eu_port=eu_port) as sandbox:
            self._use(sandbox)
            self._run(key=KEYS.full.value, port=free_port, serve=not no_serve, sandbox=sandbox)
        return None

    def _use(self, sandbox: Sandbox) -> None:
        """Make the stand-in this process's PostHog Cloud."""
        regions = [sandbox.us.url, sandbox.eu.url]
        settings.INTEGRATIONS_POSTHOG_HOST = "https://app.posthog.com"
        settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions

    def _run(self, *, key: str, port: int, serve: bool, sandbox: Sandbox | None = None) -> None:
        user, password = _demo_user()
        workspace = _demo_workspace(user)
        # By name: the stand-in of an earlier demo, which the key would go back to, is gone.
        self._connect(workspace, key, host=sandbox.us.url if sandbox else None)
        origin = f"http://{LOOPBACK}:{port}"
        if sandbox is not None:
            self._print_stand_in(sandbox)
        self._print_ways_in(origin, user=user, password=password)
        if not serve:
            self._heading("Nothing is served now; the same without --no-serve serves all of it")
            return
        self._heading("Serving, until Ctrl-C")
        self.stdout.flush()  # Or a pipe would keep all of the above until the end.
        call_command("runserver", f"{LOOPBACK}:{port}", use_reloader=False, skip_checks=True)

    def _connect(self, workspace: Workspace, key: str, *, host: str | None) -> None:
        self._heading(f"Connecting the workspace {workspace} to PostHog")
        service = service_for(workspace)
        try:
            report = service.validate_and_store_config(api_key=key, host=host).report
        except PostHogIntegrationError as exc:
            self._print_report(exc.report)
            raise CommandError(error_text(exc)) from exc
        self._print_report(report)
        self._heading("Status")
        self.stdout.write(json.dumps(service.get_config_status().as_plain_data(), indent=2))

    def _print_report(self, report: list[dict[str, str]]) -> None:
        for line in report_lines(report, style=self.style):
            self.stdout.write(line)

    def _print_ways_in(self, origin: str, *, user: User, password: str) -> None:
        self._heading("Try the API")
        self.stdout.write(
            f"  curl {origin}/api/posthog/status \\\n"
            f'    -H "Cookie: {settings.SESSION_COOKIE_NAME}={_session_of(user)}"'
        )
        self._heading("Open")
        for label, path in (
            ("Settings page", "/settings/posthog/"),
            ("Admin", "/admin/"),
            ("API documentation", "/api/docs"),
        ):
            self.stdout.write(f"  {label:<19}{origin}{path}")
        self.stdout.write(f"  {'Log in as':<19}{user.get_username()} / {password}")

    def _print_stand_in(self, sandbox: Sandbox) -> None:
        us, eu = sandbox.us.url, sandbox.eu.url
        self._heading("Keys of the stand-in PostHog to try")
        for key in KEYS:
            self.stdout.write(f"  {key.value}  {key.about}")
        self._heading("For other commands of manage.py, while the demo serves")
        self.stdout.write(
            f"  export POSTHOG_CLOUD_REGIONS={us},{eu} POSTHOG_TRUSTED_ORIGINS={us},{eu}"
        )

    def _heading(self, text: str) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{text}"))


def _demo_user() -> tuple[User, str]:
    """An admin with a new password, told once."""
    user, _ = User.objects.update_or_create(
        username=USER, defaults={"is_staff": True, "is_superuser": True, "is_active": True}
    )
    password = secrets.token_urlsafe(9)
    user.set_password(password)
    user.save()
    return user, password


def _demo_workspace(user: User) -> Workspace:
    workspace, _ = Workspace.objects.get_or_create(slug="acme", defaults={"name": "Acme"})
    Membership.objects.update_or_create(
        user=user, workspace=workspace, defaults={"role": Membership.Role.OWNER}
    )
    return workspace


def _session_of(user: User) -> str:
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    return str(request.session.session_key)
