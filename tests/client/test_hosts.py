"""From what a person pasted to the origins that are asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_posthog.client.hosts import (
    Network,
    candidate_origins,
    canonical_origin,
    is_alias,
    is_cloud,
)
from integrations_posthog.errors import InvalidHost

REGIONS = ("https://us.posthog.com", "https://eu.posthog.com")
NETWORK = Network(
    cloud_regions=REGIONS,
    trusted_origins=frozenset({"http://127.0.0.1:8010", "https://posthog.internal:8443"}),
)


@pytest.mark.parametrize(
    "pasted",
    [
        "https://app.posthog.com",
        "https://app.posthog.com/project/1/insights?x=1#y",
        "https://us.i.posthog.com",
        "https://eu.i.posthog.com/",
        " https://APP.posthog.com\n",
        "https://app.posthog.com:443",
        "https://app.posthog.com.",
    ],
)
def test_the_aliases_of_posthog_cloud_stand_for_all_regions(pasted: str) -> None:
    assert candidate_origins(pasted, network=NETWORK) == REGIONS


def test_a_region_is_no_alias_even_where_it_is_the_only_one() -> None:
    assert is_alias("https://app.posthog.com")
    assert not is_alias("https://eu.posthog.com")


@pytest.mark.parametrize(
    ("pasted", "origin"),
    [
        ("https://eu.posthog.com/project/12/settings", "https://eu.posthog.com"),
        ("https://US.PostHog.com", "https://us.posthog.com"),
        ("https://posthog.acme.com:443/login?next=/", "https://posthog.acme.com"),
        ("https://us.posthog.com.evil.example/", "https://us.posthog.com.evil.example"),
        ("https://foobari.posthog.com", "https://foobari.posthog.com"),
        ("https://notapp.posthog.com", "https://notapp.posthog.com"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
        ("https://93.184.216.34/", "https://93.184.216.34"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]"),
        ("http://127.0.0.1:8010/project/1", "http://127.0.0.1:8010"),
        ("https://POSTHOG.internal:8443/", "https://posthog.internal:8443"),
    ],
)
def test_any_other_address_stands_for_its_own_origin_alone(pasted: str, origin: str) -> None:
    assert candidate_origins(pasted, network=NETWORK) == (origin,)


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "posthog.acme.com",
        "not a url",
        "https://",
        "https:///path",
        "https:posthog.acme.com",
        "//posthog.acme.com",
        "ftp://posthog.acme.com",
        "javascript:alert(1)",
        "https://user:pass@posthog.acme.com",
        "https://posthog.acme.com:99999",
        "https://posthog.acme.com:x",
        "https://-posthog.acme.com",
        "https://phx_" + "a" * 47 + "/",
        "https://posthog..com",
        "https://münchen.example",
        "https://posthog.acme.com\x00.evil.example",
        "https://127.1",
        "https://0x7f000001",
        "https://1.2.3.256",
        "https://[::1%25eth0]",
        "https://[v1.foo]",
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 200 + "com",
        "https://\ud800.com",
    ],
)
def test_what_is_no_plain_https_url_is_refused(pasted: str) -> None:
    with pytest.raises(InvalidHost):
        candidate_origins(pasted, network=NETWORK)


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("http://posthog.acme.com", "https://"),
        ("https://posthog.acme.com:8443", "443"),
        ("http://127.0.0.1:8011", "https://"),
        ("https://127.0.0.1", "public internet"),
        ("https://[::ffff:10.0.0.1]", "public internet"),
        ("https://169.254.169.254/latest/meta-data", "public internet"),
    ],
)
def test_the_refusal_says_why(pasted: str, says: str) -> None:
    with pytest.raises(InvalidHost) as refusal:
        candidate_origins(pasted, network=NETWORK)
    assert refusal.value.hint is not None
    assert says in refusal.value.hint


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://us.posthog.com", True),
        ("https://posthog.com", True),
        ("https://notposthog.com", False),
        ("https://posthog.com.evil.example", False),
    ],
)
def test_posthogs_own_domain_is_told_from_its_look_alikes(origin: str, expected: bool) -> None:
    assert is_cloud(origin) is expected


@given(st.text(max_size=200) | st.text(max_size=60).map("https://{}".format))
def test_any_text_gives_an_origin_or_a_refusal(text: str) -> None:
    try:
        origin = canonical_origin(text)
    except InvalidHost:
        return
    assert canonical_origin(origin) == origin
    assert origin.isascii()
    assert len(origin) <= 255
