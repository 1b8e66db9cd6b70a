"""The pages of webhooks, in a browser: legible, within reach, and the same without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django import Settings

from beton.models import Workspace
from integrations_posthog.models import Webhook
from integrations_posthog.sandbox import Sandbox
from tests.receivers import Receiver
from tests.webhooks import HORIZON, store_definition, store_delivery, store_signal, store_webhook

from .conftest import Visit
from .steps import expect_heading

pytestmark = pytest.mark.browser

AUDIT = (Path(__file__).parent / "audit.js").read_text()
WEBHOOKS = "/settings/posthog/webhooks/"
LONG = "https://hooks.international.example.com/" + "a-very-long-path/" * 9
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (375, 1280)


@pytest.fixture
def receiver(posthog: Sandbox, settings: Settings) -> Iterator[Receiver]:
    """One that the operator trusts."""
    with Receiver() as receiver:
        settings.INTEGRATIONS_POSTHOG_TRUSTED_ORIGINS += [receiver.origin]
        yield receiver


@pytest.fixture
def webhook(acme: Workspace, receiver: Receiver) -> Webhook:
    """With a log that has everything there can be in one."""
    webhook = store_webhook(acme, url=receiver.url)
    definition = store_definition(acme)
    for number, (state, error) in enumerate(
        [("pending", "The receiver answered 500"), ("failed", "Late"), ("delivered", "")]
    ):
        signal = store_signal(definition, fired_on=f"2026-11-{20 + number}")
        tried = {"attempts": 3, "last_attempt_at": HORIZON, "last_error": error}
        store_delivery(webhook, signal=signal, state=state, last_status=200, **tried)
    store_delivery(webhook, state="failed", attempts=1, last_error="The receiver answered 500")
    store_webhook(acme, url=LONG, failing_since=HORIZON)
    store_webhook(acme, state="paused", pause_reason="Paused by alice.")
    return webhook


def secret_on(page: Page) -> str:
    return page.locator("code", has_text="whsec_").inner_text()


def the_list(page: Page) -> None:
    expect_heading(page, "Webhooks")


def refused(page: Page) -> None:
    page.get_by_label("Address of the receiver").fill("https://127.0.0.1/")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_be_visible()


def added(page: Page) -> None:
    page.get_by_label("Address of the receiver").fill("https://hooks.acme.com/new")
    page.get_by_role("button", name="Add").click()
    expect_heading(page, "Webhook added")
    assert secret_on(page) == Webhook.objects.latest("created_at").secret.open()


def opened(page: Page, state: str = "127.0.0.1") -> None:
    page.get_by_role("list").get_by_role("link").filter(has_text=state).click()
    expect_heading(page, "Delivery log")
    page.get_by_text("Change the address").click()


def failing(page: Page) -> None:
    opened(page, "international")


def paused(page: Page) -> None:
    opened(page, "hooks.acme.com/pql")
    expect(page.get_by_text("Paused by alice.")).to_be_visible()


def after_a_test(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Send a test").click()
    expect_heading(page, "The test was delivered")


def deleting(page: Page) -> None:
    opened(page)
    page.get_by_role("link", name="Delete…").click()
    expect_heading(page, "Delete this webhook?")


def renewing(page: Page) -> None:
    opened(page)
    page.get_by_role("link", name="New secret…").click()
    expect_heading(page, "Sign with another secret?")


STATES: list[Callable[[Page], None]] = [
    the_list,
    refused,
    added,
    opened,
    failing,
    paused,
    after_a_test,
    deleting,
    renewing,
]


@pytest.mark.parametrize("arrange", STATES)
def test_every_state_is_legible_labelled_and_within_reach(
    visit: Visit, alice: User, webhook: Webhook, arrange: Callable[[Page], None]
) -> None:
    page = visit(alice, reduced_motion="reduce")
    page.goto(WEBHOOKS)
    arrange(page)
    for scheme in SCHEMES:
        for width in WIDTHS:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(AUDIT) == [], f"{scheme}, {width}px"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_from_adding_one_to_deleting_it(
    visit: Visit, alice: User, receiver: Receiver, scripts: bool
) -> None:
    page = visit(alice, java_script_enabled=scripts)
    page.goto(WEBHOOKS)
    expect(page.get_by_text("There is none yet.")).to_be_visible()
    page.get_by_label("Address of the receiver").fill(receiver.url)
    page.get_by_role("button", name="Add").click()
    expect_heading(page, "Webhook added")
    receiver.secret = secret_on(page)
    page.goto(WEBHOOKS)
    assert receiver.secret not in page.content()

    page.get_by_role("link", name=receiver.url).click()
    page.get_by_role("button", name="Send a test").click()
    expect_heading(page, "The test was delivered")
    assert [message["type"] for message in receiver.messages] == ["signal.test"]
    expect(page.get_by_role("row", name="Test")).to_contain_text("Delivered")
    receiver.answer(500)
    page.get_by_role("button", name="Send a test").click()
    expect_heading(page, "The test was not delivered")
    expect(page.get_by_role("status").get_by_text("The receiver answered 500")).to_be_visible()

    page.get_by_role("button", name="Pause").click()
    expect_heading(page, "Paused")
    expect(page.get_by_text("Paused by alice.")).to_be_visible()
    page.get_by_role("button", name="Activate").click()
    expect_heading(page, "Active")

    page.get_by_role("link", name="New secret…").click()
    page.get_by_role("button", name="Make a new secret").click()
    expect_heading(page, "The secret was changed")
    assert secret_on(page) != receiver.secret

    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is none yet.")).to_be_visible()
    assert not Webhook.objects.exists()
