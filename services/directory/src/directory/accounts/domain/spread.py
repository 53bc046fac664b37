"""Guesses at one handle from many networks: together they get the attempts of one (GW-13)."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from directory.accounts.domain import passwords
from directory.accounts.domain.passwords import Attempts

# As many networks may fail within a day before they count together: one stranger has fewer.
MAX_NETWORKS: Final = 10
EVERYWHERE: Final = "everywhere"
"""The source that failures from all networks are counted under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Failures at a handle over all sources except known devices.

    Counted whether the handle exists or not. Forgotten 24 hours after the last one.

    Attributes:
        networks: hashes of the networks that failed, at most MAX_NETWORKS.
        together: failures since that number was reached; None before.
        counted: number of changes.
    """

    networks: frozenset[str] = frozenset()
    together: Attempts | None = None
    counted: int = 0


def network_hash(network: str) -> str:
    """Hash a network: it is compared only."""
    return hashlib.sha256(network.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_guarded(spread: Spread | None) -> bool:
    """Return whether enough networks have failed that all of them count together."""
    return spread is not None and len(spread.networks) >= MAX_NETWORKS


def count_spread(spread: Spread | None, *, network: str, now: datetime) -> Spread:
    """Count an attempt as failed before its password is checked.

    Up to MAX_NETWORKS this only records the network, whose own count limits it. Beyond, all share
    one count with the same delays: n networks do not get n times as many guesses.
    """
    current = spread or Spread()
    counted = current.counted + 1
    if not is_guarded(current):
        return replace(
            current, networks=current.networks | {network_hash(network)}, counted=counted
        )
    return replace(current, together=passwords.count(current.together, now=now), counted=counted)
