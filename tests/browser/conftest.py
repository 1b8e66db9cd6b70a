"""A real Chromium in front of the live server, and the stand-in PostHog behind it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from integrations_posthog.sandbox import Sandbox

CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "Chromium is not there; on Debian and Ubuntu: apt-get install chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = "/settings/posthog/"
PATIENCE = 30_000
"""How long to wait for what a page is to show, in milliseconds: also on a machine that is busy."""
REFUSED = "the server responded with a status of 422"
"""What Chromium says of a form that is answered with an error; it is no fault of the page."""


class Visit(Protocol):
    def __call__(self, user: User, *, forgiven: str = ..., **options: Any) -> Page: ...


def pytest_runtest_setup() -> None:
    """Without Chromium these tests are skipped, in one line for all; in CI they fail."""
    if CHROMIUM is None and os.environ.get("CI") == "true":
        pytest.fail(NO_CHROMIUM, pytrace=False)
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for a coroutine's.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, live_server: LiveServer, posthog: Sandbox) -> Iterator[Visit]:
    """Open the settings page as a user who is logged in.

    After the test, whatever happened in it, the browser must have met no error of the page's,
    but for messages with the text ``forgiven``, and must have asked no other host.
    ``options`` are those of Playwright's contexts.
    """
    complaints: list[str] = []
    contexts = []

    def open_page(user: User, *, forgiven: str = REFUSED, **options: Any) -> Page:
        def note_message(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and forgiven not in message.text:
                complaints.append(message.text)

        def note_request(request: Request) -> None:
            if not request.url.startswith(live_server.url):
                complaints.append(f"asked {request.url}")

        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_cookies([_session_cookie(user, live_server)])
        context.on("request", note_request)
        page = context.new_page()
        page.on("console", note_message)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(PAGE)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _session_cookie(user: User, live_server: LiveServer) -> Any:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": live_server.url}
