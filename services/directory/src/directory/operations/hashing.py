"""Password hashes: argon2id in threads of its own, never more at once than settings say."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from directory.config import PasswordsSection
from directory.domain.passwords import comparable
from directory.domain.refusals import PasswordChecksBusy

T = TypeVar("T")
_RETRY_WHEN_BUSY: Final = timedelta(seconds=1)


@dataclass(slots=True)
class _Turn:
    """Whose turn it is at a key, and how many hold or wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    holders: int = 0


class Hashing:
    """Makes and checks password hashes; 50 to 100 ms and 64 MiB each at the default cost."""

    def __init__(
        self, section: PasswordsSection, *, threads: ThreadPoolExecutor, decoy: str
    ) -> None:
        self._hasher = _hasher(section)
        self._threads = threads
        self._most_waiting = section.threads + section.most_waiting
        self._waiting = 0
        self._decoy = decoy
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Let the holders of a key check one after the other.

        Attempts are counted as failed until they succeed, so one person's devices that sign in
        together would lock one another out.
        """
        turn = self._turns.setdefault(key, _Turn())
        turn.holders += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.holders -= 1
            if not turn.holders:
                del self._turns[key]

    async def make(self, password: str) -> str:
        """Hash a normalised password with a fresh salt.

        Raises:
            PasswordChecksBusy: too many wait already.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Check a password as it was typed; without a hash the work is the same, the answer no.

        Raises:
            PasswordChecksBusy: too many wait already.
        """
        typed = comparable(password)
        checked = self._decoy if password_hash is None else password_hash
        equal = await self._run(lambda: self._verify(checked, typed))
        return equal and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._most_waiting:
            raise PasswordChecksBusy(retry_after=_RETRY_WHEN_BUSY)
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # The thread works on when the caller goes away: the place is free only when it is done.
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, future: "asyncio.Future[T]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            # Marks the outcome as seen also when nobody waits for it any more.
            future.exception()


@asynccontextmanager
async def hashing(section: PasswordsSection) -> AsyncIterator[Hashing]:
    """Open the threads, and make the decoy that unknown handles are checked against."""
    hasher = _hasher(section)
    with ThreadPoolExecutor(section.threads, thread_name_prefix="argon2") as threads:
        loop = asyncio.get_running_loop()
        decoy = await loop.run_in_executor(threads, hasher.hash, secrets.token_bytes(32))
        yield Hashing(section, threads=threads, decoy=decoy)


def _hasher(section: PasswordsSection) -> PasswordHasher:
    return PasswordHasher(
        time_cost=section.time_cost,
        memory_cost=section.memory_kib,
        parallelism=section.parallelism,
    )
