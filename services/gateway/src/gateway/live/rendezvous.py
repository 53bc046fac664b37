"""Rendezvous hashing of conversations: all gateways choose the same endpoint independently."""

from collections.abc import Collection
from hashlib import blake2b


def choose(key: str, endpoints: Collection[str]) -> str:
    """Return the endpoint with the highest score for the key.

    When one endpoint leaves or comes, only the keys that it had or gets change their place.

    Raises:
        ValueError: there is no endpoint.
    """
    return max(endpoints, key=lambda endpoint: (_score(key, endpoint), endpoint))


def _score(key: str, endpoint: str) -> bytes:
    return blake2b(f"{endpoint}\0{key}".encode(), digest_size=8).digest()
