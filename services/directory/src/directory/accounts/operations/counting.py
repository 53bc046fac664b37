"""Counting attempts by their source, and over all sources that are no known device (GW-13)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from plexuskit.errors import Refusal

from directory.accounts.domain.sign_in_attempts import Origin, network_source
from directory.accounts.domain.spread import EVERYWHERE
from directory.accounts.operations.attempts import (
    count_attempt,
    count_from_network,
    forgive_network,
    refuse_while_guarded,
)
from directory.store import Store


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
        """Take what is counted.

        Args:
            store: keeps the counts.
            key: makes the key of a `source`: of a handle, or of a person's second factor.
            source: a known device, or a network.
            origin: of the attempt.
            refusal: raised while there were too many.
        """
        self._store = store
        self._network = origin.network
        self._refusal = refusal
        self.key = key(source=source)
        self._spread = key(source=EVERYWHERE) if source == network_source(origin) else ""

    async def count(self, *, now: datetime) -> timedelta | None:
        """Count the attempt as failed; out: how long its source is locked if it does fail.

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
