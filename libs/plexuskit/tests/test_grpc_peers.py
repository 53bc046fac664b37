"""Addresses of other services as gRPC takes them."""

import pytest
from plexuskit.grpc import target


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ("messaging:7070", "messaging:7070"),
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("127.0.0.1:1, 127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("localhost:1,10.0.0.2:1", "ipv4:127.0.0.1:1,10.0.0.2:1"),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
    ],
)
def test_addresses_of_owners_become_targets(addresses, expected):
    assert target(addresses) == expected


@pytest.mark.parametrize("addresses", ["a:1,b:1", "127.0.0.1:1,[::1]:1", "10.0.0.1,10.0.0.2"])
def test_lists_that_grpc_cannot_use_are_refused(addresses):
    with pytest.raises(ValueError, match="a list holds"):
        target(addresses)
