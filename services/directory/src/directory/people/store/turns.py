"""The order of an organisation's changes: changes of one's own delay no administrator (GW-13)."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, TypeVar

from plexuskit.lines import Lines
from plexuskit.mongo import Database, Transaction

from directory.shared.domain.ids import TenantId

T = TypeVar("T")
Work = Callable[[Transaction], Awaitable[T]]
# Changes at once wait for one another by trying again.
_ATTEMPTS: Final = 60
# Of the pause after a change of one's own; a transaction lives for 3 seconds at most.
_MAX_PAUSE: Final = 1.0


class Turns:
    """Turns of one process; those of other processes are conflicts of transactions."""

    def __init__(self, db: Database) -> None:
        """Take the database whose transactions are run."""
        self._db = db
        self._lines = Lines()
        self._undisturbed: defaultdict[TenantId, asyncio.Event] = defaultdict(_happened)

    async def alone(self, tenant_id: TenantId, work: Work[T], *, caller: Hashable) -> T:
        """Run a change of the organisation; each caller has one place in the tenant's line."""
        async with self._lines.turn(("caller", tenant_id, caller), ("organisation", tenant_id)):
            return await self._repeated(tenant_id, work)

    async def own(self, tenant_id: TenantId, work: Work[T], *, caller: Hashable) -> T:
        """Run a change of one's own that rules read; all of these have one place together."""
        async with self._lines.turn(("caller", tenant_id, caller), ("own", tenant_id)):
            async with self._lines.turn(("organisation", tenant_id)):
                began = asyncio.get_running_loop().time()
                result = await self._repeated(tenant_id, work)
                took = asyncio.get_running_loop().time() - began
            # Other processes try again until the organisation is free: it is half of the time.
            await asyncio.sleep(min(took, _MAX_PAUSE))
            return result

    async def beside(
        self, tenant_id: TenantId, person_id: str, work: Work[T], *, caller: Hashable
    ) -> T:
        """Run a change of a person beside those of others and those of the organisation."""

        async def when_undisturbed(tx: Transaction) -> T:
            await self._undisturbed[tenant_id].wait()
            return await work(tx)

        async with self._lines.turn(("caller", tenant_id, caller), ("person", person_id)):
            return await self._db.transact(when_undisturbed, attempts=_ATTEMPTS)

    async def _repeated(self, tenant_id: TenantId, work: Work[T]) -> T:
        undisturbed, attempts = self._undisturbed[tenant_id], 0

        async def attempt(tx: Transaction) -> T:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                # People who change themselves all the time do not conflict a second time.
                undisturbed.clear()
            return await work(tx)

        try:
            return await self._db.transact(attempt, attempts=_ATTEMPTS)
        finally:
            undisturbed.set()


def _happened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
