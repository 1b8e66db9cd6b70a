"""``make demo``: a workspace, connected to a PostHog, with everything to try it out."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.files import locks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import HttpRequest

from beton.models import Membership, Workspace
from integrations_posthog.errors import PostHogIntegrationError, SyncRunning
from integrations_posthog.management.keys import read_key
from integrations_posthog.management.output import error_text, report_lines
from integrations_posthog.management.progress import progress, so_far
from integrations_posthog.management.workspaces import service_for, usage_service_for
from integrations_posthog.models import Account, SyncRun
from integrations_posthog.sandbox import KEYS, ProductWorld, Sandbox, first_free_port
from integrations_posthog.templatetags.posthog_usage import mapping_text
from integrations_posthog.wiring import performer

from ..demo_signals import backtest_lines, best_leads, define_signals

LOOPBACK = "127.0.0.1"
USER = "demo"
CLOUD = "https://app.posthog.com"


class Command(BaseCommand):
    help = "Connect a demo workspace to a stand-in PostHog, or to the real one, and serve."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--real", action="store_true", help="ask the real PostHog")
        parser.add_argument("--no-serve", action="store_true", help="end after printing")
        parser.add_argument("--port", type=int, default=8000, help="or the next free one")

    def handle(self, *, real: bool, no_serve: bool, port: int, **_: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("The demo makes an admin user; it runs with DJANGO_DEBUG=true only.")
        with only_demo():
            call_command("migrate", verbosity=0)
            self._connect_and_serve(real=real, port=first_free_port(port), serve=not no_serve)

    def _connect_and_serve(self, *, real: bool, port: int, serve: bool) -> None:
        # The ticks end last: with the stand-in gone, they wait for nothing any more.
        with ticks_every_minute() as start_ticks, self._posthog(real=real, port=port) as sandbox:
            key = KEYS.full.value if sandbox else read_key(None)
            self._run(key=key, port=port, sandbox=sandbox)
            if not serve:
                text = "Nothing is served now; without --no-serve it is, with a new password"
                self._heading(text)
                return
            self._heading("Serving, until Ctrl-C")
            self.stdout.flush()  # Or a pipe would keep all of the above until the end.
            start_ticks()
            call_command("runserver", f"{LOOPBACK}:{port}", use_reloader=False, skip_checks=True)

    @contextmanager
    def _posthog(self, *, real: bool, port: int) -> Iterator[Sandbox | None]:
        """The stand-in, in use; None is the real one."""
        if real:
            yield None
            return
        us_port = first_free_port(8010, taken=frozenset((port,)))
        eu_port = first_free_port(us_port + 1, taken=frozenset((port,)))
        with Sandbox(us_port=us_port, eu_port=eu_port, world=ProductWorld()) as sandbox:
            self._use(sandbox)
            yield sandbox

    def _use(self, sandbox: Sandbox) -> None:
        """Make the stand-in the PostHog Cloud of this process, and of those that it starts."""
        regions = [sandbox.us.url, sandbox.eu.url]
        settings.INTEGRATIONS_POSTHOG_HOST = CLOUD
        settings.INTEGRATIONS_POSTHOG_CLOUD_REGIONS = regions
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS = regions
        os.environ.update(_environment(sandbox), POSTHOG_HOST=CLOUD)

    def _run(self, *, key: str, port: int, sandbox: Sandbox | None) -> None:
        user, password = _demo_user()
        workspace = _demo_workspace(user)
        # By name: the stand-in of an earlier demo, which the key would go back to, is gone.
        self._connect(workspace, key, host=sandbox.us.url if sandbox else None)
        self._sync(workspace)
        self._rank(workspace)
        self._heading("Status")
        status = service_for(workspace).get_config_status()
        self.stdout.write(json.dumps(status.as_plain_data(), indent=2))
        origin = f"http://{LOOPBACK}:{port}"
        if sandbox is not None:
            self._print_stand_in(sandbox)
        self._print_ways_in(origin, user=user, password=password)

    def _connect(self, workspace: Workspace, key: str, *, host: str | None) -> None:
        self._heading(f"Connecting the workspace {workspace} to PostHog")
        service = service_for(workspace)
        try:
            # Usage of an earlier demo's stand-in, which is gone, makes way.
            replace = host is not None
            report = service.validate_and_store_config(
                api_key=key, host=host, replace=replace
            ).report
        except PostHogIntegrationError as exc:
            self._print_report(exc.report)
            raise CommandError(error_text(exc)) from exc
        self._print_report(report)

    def _sync(self, workspace: Workspace) -> None:
        self._heading("Syncing product usage")
        service = usage_service_for(workspace)
        try:
            asked = service.request_sync()
        except SyncRunning:
            self.stdout.write("  An earlier demo left one unfinished; this may take two minutes.")
            asked = SyncRun.objects.unfinished().get(source__connection__workspace=workspace)
        except PostHogIntegrationError as exc:
            raise CommandError(error_text(exc)) from exc
        with progress(self.stdout) as report:
            while (run := performer(on_progress=report).perform(asked.pk)) is None:
                if not SyncRun.objects.unfinished().filter(pk=asked.pk).exists():
                    run = SyncRun.objects.filter(pk=asked.pk).first()
                    break
                time.sleep(1)  # Until the other one's lease, or PostHog's wait, is over.
        if run is None or run.state != SyncRun.State.DONE:
            raise CommandError(f"The sync did not end well. {run.error if run else ''}".rstrip())
        mapping = service.mapping()
        self.stdout.write(f"  {so_far(run)}")
        means = mapping_text(str(mapping.strategy), mapping.value or "")
        self.stdout.write(f"  An account is: {means}")
        self._heading("The ten most active accounts of the last 7 days")
        self.stdout.write(f"  {'account':<32}{'events':>8}{'before':>8}{'change':>8}{'people':>8}")
        for account in service.accounts().order_by("-events_7d", "key")[:10]:
            self.stdout.write(f"  {_account_line(account)}")

    def _rank(self, workspace: Workspace) -> None:
        count = define_signals(workspace)
        self._heading(f"The accounts that look readiest to buy, by {count} definitions")
        for line in best_leads(workspace):
            self.stdout.write(f"  {line}")
        self._heading("How well one of these definitions foretells upgrades")
        for line in backtest_lines(workspace):
            self.stdout.write(f"  {line}")

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
            ("Leads", "/settings/posthog/leads/"),
            ("Accounts", "/settings/posthog/accounts/"),
            ("Admin", "/admin/"),
            ("API documentation", "/api/docs"),
        ):
            self.stdout.write(f"  {label:<19}{origin}{path}")
        self.stdout.write(f"  {'Log in as':<19}{user.get_username()} / {password}")

    def _print_stand_in(self, sandbox: Sandbox) -> None:
        self._heading("Keys of the stand-in PostHog to try, five a minute")
        for key in KEYS:
            self.stdout.write(f"  {key.value}  {key.about}")
        self._heading("For other commands of manage.py, while the demo serves")
        variables = " ".join(f"{name}={value}" for name, value in _environment(sandbox).items())
        self.stdout.write(f"  export {variables}")

    def _heading(self, text: str) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{text}"))


@contextmanager
def only_demo() -> Iterator[None]:
    """One demo at a time for a database: a second one would take the first one's users and keys.

    Raises:
        CommandError: there is one already.
    """
    database = str(settings.DATABASES["default"]["NAME"])
    name = f"beton-demo-{hashlib.sha256(database.encode()).hexdigest()[:16]}.lock"
    with (Path(tempfile.gettempdir()) / name).open("w") as file:
        if not locks.lock(file, locks.LOCK_EX | locks.LOCK_NB):
            raise CommandError(
                "A demo is at work on this database. Stop it with Ctrl-C, or use another one: "
                "make demo DATABASE_URL=sqlite:///second.sqlite3"
            )
        yield


def _environment(sandbox: Sandbox) -> dict[str, str]:
    """What makes the stand-in another process's PostHog Cloud."""
    regions = f"{sandbox.us.url},{sandbox.eu.url}"
    return {"POSTHOG_CLOUD_REGIONS": regions, "POSTHOG_TRUSTED_ORIGINS": regions}


def _account_line(account: Account) -> str:
    before, now = account.events_7d_before, account.events_7d
    change = f"{(now - before) / before:+.0%}" if before else "new"
    return f"{account.name[:30]:<32}{now:>8,}{before:>8,}{change:>8}{account.people_7d:>8,}"


@contextmanager
def ticks_every_minute() -> Iterator[Callable[[], None]]:
    """What cron does elsewhere, once it is told to start; the first tick reads the rest of the
    history. In the end the tick under way is waited for, but not for long: what it leaves undone,
    the next one takes up."""
    ending = Event()

    def tick() -> None:
        while not ending.is_set():
            with suppress(CommandError):  # It has been logged.
                call_command("posthog_tick")
            ending.wait(60)

    thread = Thread(target=tick, daemon=True)
    try:
        yield thread.start
    finally:
        ending.set()
        if thread.is_alive():
            thread.join(timeout=5)


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
