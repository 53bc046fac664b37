"""Password hashes: argon2id in separate threads, with a configured maximum at once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from directory.accounts.domain.passwords import comparable
from directory.accounts.domain.sign_in_attempts import is_device
from directory.accounts.operations.lines import Line, Source
from directory.config import PasswordsSection

T = TypeVar("T")


@dataclass(slots=True)
class _Turn:
    """Current turn at a key, and the number of holders and waiters."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    holders: int = 0


class Hashing:
    """Makes and checks password hashes; 50 to 100 ms and 64 MiB each at the default cost."""

    def __init__(
        self, section: PasswordsSection, *, threads: ThreadPoolExecutor, decoy: str
    ) -> None:
        self._hasher = _hasher(section)
        self._threads = threads
        self._threads_of_section = self._free = section.threads
        self._line = Line(maximum=section.max_waiting, max_of_source=section.max_waiting_of_source)
        self._company_networks = section.company_networks
        self._decoy = decoy
        self._turns: dict[str, _Turn] = {}

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Serialise checks with the same key.

        Attempts are counted as failed until they succeed, so devices of one person that sign in
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

    @property
    def running(self) -> int:
        """Threads at work."""
        return self._threads_of_section - self._free

    @property
    def waiting(self) -> int:
        """Callers who wait for a thread."""
        return len(self._line)

    def source(self, counted_by: str, *, network: str) -> Source:
        """Return the source of a sign-in by the key of its attempts.

        Args:
            counted_by: a device that has signed in before, or the network; see `sign_in_attempts`.
            network: of the caller.
        """
        company = not is_device(counted_by) and self._is_company(network)
        return Source(counted_by, known=company or is_device(counted_by), company=company)

    async def make(self, password: str, *, source: Source) -> str:
        """Hash a normalised password with a fresh salt.

        Raises:
            PasswordChecksBusy: too many wait already.
        """
        return await self.run(lambda: self._hasher.hash(password), source=source)

    async def matches(self, password_hash: str | None, password: str, *, source: Source) -> bool:
        """Check a password as it was typed; without a hash the work is the same, the answer no.

        Raises:
            PasswordChecksBusy: too many wait already.
        """
        typed = comparable(password)
        checked = self._decoy if password_hash is None else password_hash
        equal = await self.run(lambda: self._verify(checked, typed), source=source)
        return equal and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made with a cost other than the current one."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except VerifyMismatchError:
            return False

    async def run(self, work: Callable[[], T], *, source: Source) -> T:
        """Do work in a thread when it is its source's turn; not for a caller who has gone by then.

        Raises:
            PasswordChecksBusy: too many wait already.
        """
        await self._begin(source)
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # The thread continues when the caller disconnects: it is free only when it is done.
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    async def _begin(self, source: Source) -> None:
        if self._free:
            self._free -= 1
            return
        place = self._line.join(source)
        try:
            await place.turn
        except asyncio.CancelledError:
            if place.turn.cancelled():
                self._line.leave(place)
            elif place.turn.exception() is None:
                # Its turn came in the moment in which the caller went away.
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Pass a thread to the next waiter, or keep it free."""
        while (place := self._line.next()) is not None:
            if not place.turn.done():
                place.turn.set_result(None)
                return
        self._free += 1

    def _done(self, future: "asyncio.Future[T]") -> None:
        self._pass_on()
        if not future.cancelled():
            # Marks the result as retrieved even if no one waits for it any more.
            future.exception()

    def _is_company(self, network: str) -> bool:
        try:
            own = ip_network(network)
        except ValueError:
            return False
        return any(own.network_address in each for each in self._company_networks)


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
