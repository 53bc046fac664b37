"""Addresses that a provider's name may lead to."""

import pytest
from directory.sign_in.operations.openid.fetching import is_public


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.251",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:10.1.2.3",
        "::ffff:0:10.1.2.3",
        "::10.1.2.3",
        "64:ff9b::10.1.2.3",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::10.1.2.3",
        "64:ff9b:1:abcd::8.8.8.8",
        "2002:0a01:0203::1",
        "2002:0808:0808::1",
        "2001:0:4136:e378:8000:63bf:f5fe:fdfc",
    ],
)
def test_a_provider_in_a_private_or_translated_network_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450::1"]
)
def test_a_provider_on_the_internet_is_reached(address: str) -> None:
    assert is_public(address)
