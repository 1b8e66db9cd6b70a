"""A good validation: how often it asks PostHog, and how long we ourselves take."""

from __future__ import annotations

import time
from statistics import median

from rest_framework.test import APIClient
from urllib3.connection import HTTPConnection

from integrations_posthog.sandbox import KEYS

from .conftest import Table, validate
from .measuring import time_spent_in
from .processes import StandIn

WARM_UP, ROUNDS = 20, 200


def test_requests_to_posthog(owner: APIClient, standin: StandIn, table: Table) -> None:
    keys = [KEYS.full, KEYS.minimal, KEYS.one_project, KEYS.several, KEYS.organization]
    most = max(requests_for(owner, standin, key.value) for key in keys)
    after_a_refusal = requests_for(owner, standin, KEYS.eu.value)

    table.add("requests to PostHog", most, at_most=4)
    table.add("requests to PostHog, first region refused", after_a_refusal, at_most=5)


def test_own_time(owner: APIClient, standin: StandIn, table: Table) -> None:
    own: list[float] = []
    with time_spent_in(HTTPConnection, "getresponse") as waiting:
        for _ in range(WARM_UP + ROUNDS):
            waiting.clear()
            start = time.perf_counter()
            validate(owner)
            total = time.perf_counter() - start
            own.append((total - sum(waiting)) * 1000)

    # The HTTP client's work is ours; only the wait for PostHog's replies is not.
    table.add("own time in a validation, p50", median(own[WARM_UP:]), "ms", at_most=25)


def requests_for(owner: APIClient, standin: StandIn, key: str) -> int:
    standin.reset()
    validate(owner, key)
    return standin.requests_received()
