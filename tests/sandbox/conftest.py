"""Callers that speak HTTP to the stand-in, as it is today and as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from integrations_posthog.sandbox import KEYS, Key, RegionServer, Sandbox
from integrations_posthog.sandbox.answers import Answer, Request
from integrations_posthog.sandbox.api import Api

LAST_30_DAYS = "select count() from events where timestamp >= now() - interval 30 day"


def refusal(kind: str, code: str, detail: str) -> dict[str, str | None]:
    return {"type": kind, "code": code, "detail": detail, "attr": None}


def denied(detail: str) -> dict[str, str | None]:
    return refusal("authentication_error", "permission_denied", detail)


class Caller:
    """Calls a region with a key. Redirects are not followed."""

    def __init__(self, region: RegionServer) -> None:
        self.region = region
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, method: str, path: str, *, key: Key | None = KEYS.full, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key.value}"} if key else {}
        headers |= more.pop("headers", {})
        return self.session.request(
            method,
            self.region.url + path,
            headers=headers,
            allow_redirects=False,
            timeout=more.pop("timeout", 10),
            **more,
        )

    def get(self, path: str, *, key: Key | None = KEYS.full, **more: Any) -> Any:
        return self.send("GET", path, key=key, **more)

    def query(
        self,
        text: str = LAST_30_DAYS,
        *,
        key: Key | None = KEYS.full,
        project: object = 12345,
        values: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Any:
        asked = {"kind": "HogQLQuery", "query": text} | ({"values": values} if values else {})
        path = f"/api/projects/{project}/query/"
        return self.send("POST", path, key=key, json={"query": asked, **fields})


def ask(
    api: Api,
    *,
    now: datetime,
    text: str = LAST_30_DAYS,
    values: dict[str, Any] | None = None,
) -> Answer:
    """The answer to a query at some moment, without the network."""
    query = {"kind": "HogQLQuery", "query": text, "values": values or {}}
    request = Request(
        method="POST",
        path="/api/projects/12345/query/",
        origin="http://posthog.example",
        authorization=f"Bearer {KEYS.full.value}",
        body=json.dumps({"query": query}).encode(),
    )
    return api.answer(request=request, now=now)


@pytest.fixture
def us(posthog: Sandbox) -> Iterator[Caller]:
    caller = Caller(posthog.us)
    with caller.session:
        yield caller


@pytest.fixture
def eu(posthog: Sandbox) -> Iterator[Caller]:
    caller = Caller(posthog.eu)
    with caller.session:
        yield caller


@pytest.fixture(params=["1.30", "2023"])
def old(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """An instance of each older age in turn."""
    with Sandbox(legacy=request.param) as sandbox:
        caller = Caller(sandbox.us)
        with caller.session:
            yield caller
