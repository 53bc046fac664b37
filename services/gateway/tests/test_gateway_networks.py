"""Address that a call without a person counts for, also behind proxies (GW-6)."""

import ipaddress

import pytest
from gateway.config import LimitsSection
from gateway.limits import Networks
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

PROXIES = Networks([ipaddress.ip_network("10.8.0.0/16"), ipaddress.ip_network("2001:db8:9::/48")])
NOBODY = Networks([])

words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Z"]), max_size=60)
addresses = st.ip_addresses().map(str)
headers = st.lists(st.one_of(words, addresses, st.just("10.8.0.1, 10.8.0.2")), max_size=4)


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:192.0.2.7:5000", "192.0.2.7/32"),
        ("192.0.2.7:5000", "192.0.2.7/32"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::/64"),
        ("2001:db8::ffff:1:5000", "2001:db8::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:5000", "192.0.2.7/32"),
        ("unix:/tmp/socket", "unix:/tmp/socket"),
    ],
)
def test_gw_06_a_stranger_is_its_network(peer: str, network: str) -> None:
    assert NOBODY.of(peer) == network


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        (["203.0.113.5"], "203.0.113.5/32"),
        (["203.0.113.5:4711"], "203.0.113.5/32"),
        (["2001:db8::1"], "2001:db8::/64"),
        (["[2001:db8::1]:4711"], "2001:db8::/64"),
        # Another proxy of ours between.
        (["203.0.113.5, 10.8.3.3"], "203.0.113.5/32"),
        (["203.0.113.5", "10.8.3.3"], "203.0.113.5/32"),
        (["203.0.113.5, 2001:db8:9::7"], "203.0.113.5/32"),
        # Entries that the client had written itself.
        (["198.51.100.1, 203.0.113.5"], "203.0.113.5/32"),
        (["10.8.0.9, 203.0.113.5, 10.8.3.3"], "203.0.113.5/32"),
        # A proxy that does not know: as far as it is known.
        (["203.0.113.5, unknown"], "10.8.0.1/32"),
        (["203.0.113.5, unknown, 10.8.3.3"], "10.8.3.3/32"),
        ([""], "10.8.0.1/32"),
        ([], "10.8.0.1/32"),
    ],
)
def test_gw_06_behind_a_trusted_proxy_the_client_is_the_last_that_it_tells_of(
    forwarded: list[str], network: str
) -> None:
    assert PROXIES.of("ipv4:10.8.0.1:5000", forwarded) == network


@given(headers)
def test_gw_06_who_is_no_trusted_proxy_is_counted_by_its_own_address(forwarded: list[str]) -> None:
    assert PROXIES.of("203.0.113.5:5000", forwarded) == "203.0.113.5/32"
    assert NOBODY.of("10.8.0.1:5000", forwarded) == "10.8.0.1/32"


@given(headers, st.sampled_from(["203.0.113.5", "203.0.113.5, 10.8.3.3"]))
def test_gw_06_nothing_that_a_client_writes_changes_what_it_counts_for(
    forwarded: list[str], told: str
) -> None:
    """A proxy adds to the header of its client, or a header of its own after it."""
    added = [*forwarded[:-1], f"{forwarded[-1]}, {told}"] if forwarded else [told]
    assert PROXIES.of("10.8.0.1:5000", added) == "203.0.113.5/32"
    assert PROXIES.of("10.8.0.1:5000", [*forwarded, told]) == "203.0.113.5/32"


def test_gw_06_a_setting_that_is_no_network_is_refused() -> None:
    kept = LimitsSection(trusted_proxies=["10.8.0.0/16", "192.0.2.1", "2001:db8::/32"])
    assert [str(each) for each in kept.trusted_proxies] == [
        "10.8.0.0/16",
        "192.0.2.1/32",
        "2001:db8::/32",
    ]
    with pytest.raises(ValidationError):
        LimitsSection(trusted_proxies=["ingress.example.com"])
