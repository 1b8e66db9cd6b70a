"""No socket opens to an address that is not allowed, whatever is pasted and whatever DNS says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from integrations_posthog.client.hosts import Network
from integrations_posthog.client.transport import Transport
from integrations_posthog.errors import ApiError, ConnectionFailed, InvalidHost
from integrations_posthog.services.check import ConnectionCheck

KEY = "phx_" + "a" * 47
NETWORK = Network(
    cloud_regions=("https://us.posthog.com", "https://eu.posthog.com"), trusted_origins=frozenset()
)
CORPUS = (Path(__file__).parent / "ssrf_corpus.txt").read_text(encoding="utf-8").splitlines()
AS_HTTPS = [
    line.replace(line.lstrip().partition(":")[0] + ":", "https:", 1)
    for line in CORPUS
    if not line.startswith("//")
]
FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "192.88.99.1",
    "224.0.0.1",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2001::80ff:fffe",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fec0::1",
]
PUBLIC = "93.184.216.34"

Names = Callable[..., None]


def check(host: str) -> None:
    ConnectionCheck(api_key=KEY, host=host, project_id=None, network=NETWORK).run()


def test_the_corpus_is_whole() -> None:
    assert len(CORPUS) > 90
    assert all(line.startswith("https:") for line in AS_HTTPS if not line.startswith(" "))


@pytest.mark.parametrize("line", CORPUS + AS_HTTPS)
def test_every_line_of_the_corpus_is_refused(
    line: str, names: Names, sockets_opened: list[str]
) -> None:
    names(["127.0.0.1"])
    with pytest.raises(InvalidHost):
        check(line)
    assert sockets_opened == []


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_innocent_name_that_leads_inside_is_refused(
    address: str, names: Names, sockets_opened: list[str]
) -> None:
    names([address])
    with pytest.raises(InvalidHost):
        check("https://posthog.acme.com")
    assert sockets_opened == []


@pytest.mark.parametrize("answer", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC]])
def test_of_several_addresses_only_an_allowed_one_is_connected_to(
    answer: list[str], names: Names, connects: list[str]
) -> None:
    names(answer)
    with pytest.raises((ConnectionFailed, InvalidHost)):
        check("https://posthog.acme.com")
    assert set(connects) <= {PUBLIC}


def test_a_second_answer_that_differs_is_judged_anew(names: Names, connects: list[str]) -> None:
    names([PUBLIC], ["127.0.0.1"])
    with pytest.raises(InvalidHost):
        check("https://posthog.acme.com")
    assert connects == [PUBLIC]


def test_the_name_is_looked_up_once_for_each_connection(names: Names, connects: list[str]) -> None:
    """What was judged is what is connected to: not a second look-up of the same name."""
    names([PUBLIC], [PUBLIC], ["127.0.0.1"])
    with pytest.raises(ConnectionFailed):
        check("https://posthog.acme.com")
    assert connects == [PUBLIC] * 2


def test_plain_http_has_no_way_out(names: Names, sockets_opened: list[str]) -> None:
    names([PUBLIC])
    transport = Transport(api_key=KEY, network=NETWORK, seconds=5, spare_requests=0)
    with pytest.raises(ApiError):
        transport.get("http://posthog.acme.com/")
    assert sockets_opened == []


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of connections that were about to be made; none is, since one is public."""
    asked: list[str] = []

    def refuse(address: tuple[str, int], *_: object, **__: object) -> None:
        asked.append(address[0])
        raise OSError("no route to host")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refuse)
    return asked
