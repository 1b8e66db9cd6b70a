"""The browsable API's pages about signals: every call has one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from beton.models import Workspace
from integrations_posthog.models import Signal
from tests.evaluations import LAST, at_least, define, evaluate_as_of, store_history, use


@pytest.fixture
def signal(acme: Workspace) -> Signal:
    source = store_history(acme)
    use(source, "Initech", {LAST: 7})
    define(acme, at_least(5))
    [signal] = evaluate_as_of(source, LAST)
    return signal


@pytest.mark.parametrize("method", ["get", "options"])
@pytest.mark.parametrize(
    "path",
    [
        "signal-definitions",
        "signal-definitions/{definition}",
        "signal-definitions/{definition}/pause",
        "signal-definitions/{definition}/preview",
        "signal-definitions/preview",
        "signal-templates",
        "signals",
        "signals/{signal}",
        "signals/{signal}/dismiss",
        "accounts/{account}/why-not?definition={definition}",
        "accounts",
        "fit-criteria",
    ],
)
def test_every_call_has_its_page(
    path: str,
    method: str,
    signal: Signal,
    alice: User,
    session_client: Callable[[User], APIClient],
) -> None:
    ids = {"signal": signal.pk, "account": signal.account_id}
    address = path.format(definition=signal.version.definition_id, **ids)
    client = session_client(alice)
    page = getattr(client, method)(f"/api/posthog/{address}", headers={"accept": "text/html"})
    assert page.status_code in (200, 405)
    assert "Django REST framework" in page.content.decode()
