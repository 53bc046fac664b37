"""Counting attempts at a password before it is looked at, so that parallel guesses gain nothing."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Refusal

from directory.accounts.domain import passwords
from directory.accounts.domain.spread import count_spread, network_hash
from directory.store import Store

_MAX_SWAPS: Final = 20
_WHEN_CROWDED: Final = timedelta(seconds=1)


async def count_attempt(
    store: Store, key: str, *, refusal: type[Refusal], now: datetime
) -> timedelta | None:
    """Count an attempt as failed; out: how long the key is locked if it does fail, or None.

    Raises:
        Refusal: of the given type, with `retry_after`, while the key is locked.
    """
    for _ in range(_MAX_SWAPS):
        previous = await store.attempts.find(key)
        locked = passwords.locked_for(previous, now=now)
        if locked is not None:
            raise refusal(retry_after=locked)
        after = passwords.count(previous, now=now)
        if await store.attempts.swap(key, previous=previous, after=after, now=now):
            return passwords.locked_for(after, now=now)
    # Twenty others were faster: a person at a keyboard never meets this, a guessing machine may
    # wait.
    raise refusal(retry_after=_WHEN_CROWDED)


async def refuse_while_guarded(
    store: Store, key: str, *, refusal: type[Refusal], now: datetime
) -> None:
    """Refuse while failures from many networks have locked a handle for all but known devices.

    Raises:
        Refusal: of the given type, with `retry_after`.
    """
    spread = await store.spread.find(key)
    locked = passwords.locked_for(spread.together if spread else None, now=now)
    if locked is not None:
        raise refusal(retry_after=locked)


async def count_from_network(
    store: Store, key: str, *, network: str, refusal: type[Refusal], now: datetime
) -> timedelta | None:
    """Count an attempt as failed for the handle; out: how long many networks are locked together.

    Raises:
        Refusal: of the given type, with `retry_after`, while they are.
    """
    for _ in range(_MAX_SWAPS):
        previous = await store.spread.find(key)
        locked = passwords.locked_for(previous.together if previous else None, now=now)
        if locked is not None:
            raise refusal(retry_after=locked)
        after = count_spread(previous, network=network, now=now)
        if await store.spread.swap(key, previous=previous, after=after, now=now):
            return passwords.locked_for(after.together, now=now)
    raise refusal(retry_after=_WHEN_CROWDED)


async def forgive_network(store: Store, key: str, *, network: str) -> None:
    """Take a network off those that failed at a handle, after a success from there."""
    await store.spread.forgive(key, network=network_hash(network))
