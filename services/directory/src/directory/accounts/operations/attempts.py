"""Counting of password attempts before the check, so that parallel guesses gain nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Refusal

from directory.accounts.domain import passwords
from directory.accounts.domain.sign_in_attempts import Origin, network_source
from directory.accounts.domain.spread import EVERYWHERE, count_spread, network_hash
from directory.accounts.store import Store

_MAX_SWAPS: Final = 20
_WHEN_CROWDED: Final = timedelta(seconds=1)


async def count_attempt(
    store: Store, key: str, *, refusal: type[Refusal], now: datetime
) -> timedelta | None:
    """Count an attempt as failed; out: the lock of the key if it does fail, or None.

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
    """Count an attempt as failed for the handle; out: the common lock of many networks.

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
    """Remove a network from those that failed at a handle, after a success from there."""
    await store.spread.forgive(key, network=network_hash(network))


class Counting:
    """An attempt as it is counted: for its source, and for all sources unless a device is known."""

    def __init__(
        self,
        store: Store,
        key: Callable[..., str],
        *,
        source: str,
        origin: Origin,
        refusal: type[Refusal],
    ) -> None:
        """Prepare the count of an attempt.

        Args:
            store: holds the counts.
            key: makes the key of a `source`: of a handle, or of a person's second factor.
            source: a known device, or a network.
            origin: origin of the attempt.
            refusal: raised after too many failures.
        """
        self._store = store
        self._network = origin.network
        self._refusal = refusal
        self.key = key(source=source)
        self._spread = key(source=EVERYWHERE) if source == network_source(origin) else ""

    async def count(self, *, now: datetime) -> timedelta | None:
        """Count the attempt as failed; out: the lock of its source if it does fail.

        Raises:
            Refusal: it is locked already; nothing is counted then.
        """
        refusal = self._refusal
        if self._spread:
            await refuse_while_guarded(self._store, self._spread, refusal=refusal, now=now)
        locked = await count_attempt(self._store, self.key, refusal=refusal, now=now)
        if not self._spread:
            return locked
        together = await count_from_network(
            self._store, self._spread, network=self._network, refusal=refusal, now=now
        )
        return max((each for each in (locked, together) if each is not None), default=None)

    async def succeed(self) -> None:
        """Forget the failures of the source: the password or code was right."""
        await self._store.attempts.forget(self.key)
        if self._spread:
            await forgive_network(self._store, self._spread, network=self._network)
