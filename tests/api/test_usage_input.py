"""Whatever is asked about usage, however absurd, is answered or refused: nothing breaks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings
from rest_framework.test import APIClient

from beton.models import Membership, Workspace
from integrations_posthog import access
from integrations_posthog.models import Account, PosthogConnectionEvent, SyncRun, UsageSource
from integrations_posthog.services.usage import UsageService
from tests.usage import AS_OF, LAUNCHER, store_source, store_usage

BASE = "/api/posthog"
SYNC, DAYS, ACCOUNTS = f"{BASE}/sync", f"{BASE}/sync/days", f"{BASE}/accounts"
MAPPING, PURGE = f"{BASE}/account-mapping", f"{BASE}/purge"
DIGITS = "9" * 5_000
As = Callable[[User], APIClient]


@pytest.fixture
def api(carol: User, session_client: As) -> APIClient:
    """Carol's, who may only read."""
    return session_client(carol)


@pytest.fixture
def account(acme: Workspace) -> Account:
    return store_usage(acme, accounts=["Initech"], days=3).accounts.get()


def cursor(position: str, more: str = "") -> str:
    """As one that a page has made, with this for the place to go on from."""
    return quote(b64encode(f"p={quote(position)}{more}".encode()).decode())


def answered(response: Any) -> bool:
    """With what was asked for, or by saying what is wrong with it."""
    if response.status_code == 200:
        return True
    return (response.status_code, response.json()["error_type"]) == (400, "invalid_format")


NUMBERS = ["NaN", "1e999", "-1", str(2**70), "0" * 20 + "9", DIGITS, "", "²", "١", "1.5", " 1"]
TEXTS = ["%F0%9F%98%80", "%25" * 10_000, "_", "a" * 60_000, "%ED%A0%80", "%5C", "%27"]
POSITIONS = [
    *("x", "NaN", "\0", DIGITS, "1e999", "0001-01-01", "10000-01-01", "-1", "None", "²", "[]"),
]
CURSORS = [
    *map(cursor, POSITIONS),
    *(cursor("1", more) for more in ("&r=1", f"&o={10**21}", "&o=-1", "&o=1000000")),
    *("%FF", "AAAA", "cD0%3D", "%00", "A" * 9_000, "é"),
]
ORDERS = ["id", "--events_28d", "?", "source__connection__posthog_api_key", "key,name", "\0"]


@pytest.mark.parametrize("name", ["min_events_28d", "max_people_7d", "page_size"])
def test_numbers(api: APIClient, account: Account, name: str) -> None:
    for number in NUMBERS:
        assert answered(api.get(f"{ACCOUNTS}?{name}={quote(number)}")), number


def test_searches(api: APIClient, account: Account) -> None:
    for text in TEXTS:
        assert api.get(f"{ACCOUNTS}?search={text}").status_code == 200, text
    assert answered(api.get(f"{ACCOUNTS}?search=%00"))


@pytest.mark.parametrize("ordering", ["-events_28d", "key", "first_seen", "-last_seen"])
def test_cursors(api: APIClient, account: Account, ordering: str) -> None:
    for each in CURSORS:
        assert answered(api.get(f"{ACCOUNTS}?ordering={ordering}&cursor={each}")), each


def test_cursors_of_days(api: APIClient, account: Account) -> None:
    for each in CURSORS:
        assert answered(api.get(f"{DAYS}?cursor={each}")), each


@pytest.mark.parametrize("ordering", ORDERS)
def test_orders_that_there_are_not(api: APIClient, account: Account, ordering: str) -> None:
    response = api.get(f"{ACCOUNTS}?ordering={quote(ordering)}")
    assert (response.status_code, response.json()["error_type"]) == (400, "invalid_format")


@pytest.mark.parametrize(
    "asked",
    [
        *("from=0001-01-01", "to=0001-01-01", "to=0001-01-10", "to=0001-03-31", "from=9999-12-31"),
        *("to=9999-12-31", "from=9999-12-31&to=9999-12-31", "from=0001-01-01&to=0001-01-02"),
        *("from=2026-02-30", "from=&to=", "from=%00", "to=1e9", f"to={DIGITS}"),
    ],
)
def test_days_of_an_account(api: APIClient, account: Account, asked: str) -> None:
    assert answered(api.get(f"{ACCOUNTS}/{account.pk}?{asked}"))


@pytest.mark.parametrize(
    "account_id", ["0", "-1", "9" * 18, "9" * 19, DIGITS, "x", "²", "1.0", "%2e%2e"]
)
def test_accounts_that_there_are_not(api: APIClient, account: Account, account_id: str) -> None:
    assert api.get(f"{ACCOUNTS}/{account_id}").status_code == 404


DEEP = "[" * 20_000 + "]" * 20_000
BODIES = [
    *(b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"x" * 70_000, DEEP.encode()),
    *(b'{"full": NaN}', b'{"full": [1]}', b'{"full": {}}', b'{"full": ' + DIGITS.encode() + b"}"),
    *(b'{"strategy": []}', b'{"strategy": {"a": 1}, "value": 1}'),
    *(
        b'{"strategy": "person_property", "value": %s}' % value
        for value in (rb'"a`b"', rb'"\u0000"', rb'"\ud800"', rb'"a\nb"', b"[]")
    ),
    *(rb'{"confirm": "\ud800"}', b'{"confirm": null}', b'{"confirm": ["x"]}'),
]
TYPES = [
    "application/json",
    "application/json; charset=bogus",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(("method", "address"), [("POST", SYNC), ("PUT", MAPPING), ("POST", PURGE)])
def test_bodies(
    alice: User,
    account: Account,
    session_client: As,
    settings: Settings,
    method: str,
    address: str,
    kind: str,
) -> None:
    settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = LAUNCHER
    settings.INTEGRATIONS_POSTHOG_SYNC_RATE = "1000/m"
    api = session_client(alice)
    good = (202, 409) if address == SYNC else ()
    for body in BODIES:
        response = api.generic(method, address, body, content_type=kind)  # type: ignore[arg-type]
        assert response.status_code in (400, 415, *good), (body[:80], response.content)
    assert Account.objects.get() == account


@pytest.mark.parametrize("ordering", ["-events_7d", "events_28d", "-last_seen"])
def test_of_very_many_that_are_alike_none_is_lost(
    acme: Workspace, api: APIClient, ordering: str
) -> None:
    count = 1_300
    source = store_source(acme, as_of=AS_OF)
    Account.objects.bulk_create(
        Account(source=source, key=f"k{n}", name=f"k{n}", first_seen=AS_OF, last_seen=AS_OF)
        for n in range(count)
    )
    address, ids = f"{ACCOUNTS}?ordering={ordering}&page_size=200", []
    for _ in range(7):
        page = api.get(address).json()
        ids += [one["id"] for one in page["results"]]
        address = page["next"]
    assert address is None
    assert len(ids) == len(set(ids)) == count


class TestRights:
    @pytest.fixture(autouse=True)
    def _launcher(self, settings: Settings) -> None:
        settings.INTEGRATIONS_POSTHOG_SYNC_LAUNCHER = LAUNCHER

    def test_whoever_may_purge_no_more_when_it_comes_to_it_does_not(
        self,
        acme: Workspace,
        alice: User,
        account: Account,
        session_client: As,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        purge = UsageService.purge

        def late(self: UsageService, **facts: Any) -> None:
            Membership.objects.filter(user=alice).update(role=Membership.Role.ADMIN)
            purge(self, **facts)

        monkeypatch.setattr(UsageService, "purge", late)
        response = session_client(alice).post(PURGE, {"confirm": acme.slug}, format="json")
        assert (response.status_code, response.json()["error_type"]) == (403, "permission_denied")
        assert UsageSource.objects.exists()
        assert not PosthogConnectionEvent.objects.filter(outcome="ok").exists()

    @pytest.mark.parametrize("role", [Membership.Role.MEMBER, None])
    def test_nor_does_whoever_may_manage_no_more_start_a_sync_or_change_the_mapping(
        self,
        alice: User,
        account: Account,
        session_client: As,
        monkeypatch: pytest.MonkeyPatch,
        role: str | None,
    ) -> None:
        confirm = access._confirm

        def late(*args: Any, **facts: Any) -> None:
            Membership.objects.filter(user=alice).update(role=role) if role else (
                Membership.objects.all().delete()
            )
            confirm(*args, **facts)

        monkeypatch.setattr(access, "_confirm", late)
        api = session_client(alice)
        assert api.post(SYNC).status_code == 403
        assert not SyncRun.objects.exists()
        assert api.put(MAPPING, {"strategy": "group", "value": "0"}).status_code == 403
        assert UsageSource.objects.get().strategy == "email_domain"

    def test_the_eleventh_sync_in_a_minute_is_too_many_whoever_asks_and_for_whatever(
        self, acme: Workspace, alice: User, bob: User, account: Account, session_client: As
    ) -> None:
        admin, owner = session_client(bob), session_client(alice)
        for number in range(4):
            assert admin.post(SYNC).status_code in (202, 409)
            body = {"strategy": "person_property", "value": f"p{number}"}
            assert admin.put(MAPPING, body, format="json").status_code == 200
        for _ in range(2):
            purged = owner.post(PURGE, {"confirm": acme.slug}, format="json")
            assert purged.status_code == 200
        runs = SyncRun.objects.count()
        for response in (
            admin.post(SYNC),
            owner.put(MAPPING, {"strategy": "email_domain"}, format="json"),
            owner.post(PURGE, {"confirm": acme.slug}, format="json"),
        ):
            told = response.json()
            assert (response.status_code, told["error_type"]) == (429, "rate_limited")
            assert 1 <= int(response["Retry-After"]) <= 60
        assert SyncRun.objects.count() == runs
