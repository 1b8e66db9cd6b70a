"""Which addresses a socket may be opened to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_posthog.client.addresses import is_allowed


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_global_unicast_is_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::80ff:fffe",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_leads_inside_is_not(address: str) -> None:
    assert not is_allowed(address)


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_by_the_ipv4_inside(address: object) -> None:
    assert is_allowed(f"::ffff:{address}") == is_allowed(str(address))


@given(st.ip_addresses())
def test_nothing_is_allowed_that_python_calls_private_or_multicast(address: object) -> None:
    if is_allowed(str(address)):
        assert not address.is_private  # type: ignore[attr-defined]
        assert not address.is_multicast  # type: ignore[attr-defined]
