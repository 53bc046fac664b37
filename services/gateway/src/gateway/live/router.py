"""Routing of items to messaging processes, and the streams to those processes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2 import (
    Container,
    ReadableContainersRequest,
    ReadMembersRequest,
    ReadMembersResponse,
)
from plexus_access.objects import CONVERSATION
from plexuskit.clock import Clock
from plexuskit.config import TlsSection
from plexuskit.containers import read_containers
from plexuskit.errors import DependencyDown
from plexuskit.grpc import CallerSigner, channel
from plexuskit.service import Health, Runtime

from gateway.live.append_stream import ANSWER_SECONDS, AppendStream, OnStored
from gateway.live.doubts import Answer
from gateway.live.endpoints import parse, resolve
from gateway.live.rendezvous import choose
from gateway.live.subscriptions import ranges_of

log = structlog.get_logger()

MESSAGING: Final = "messaging"
CHECK: Final = "messaging_streams"
_MAX_REMEMBERED: Final = 100_000
_EXPIRE_EVERY: Final = 0.5


class Router:
    """Streams to every process of messaging; a conversation's items go to one of them."""

    def __init__(
        self,
        peers: str,
        *,
        signer: CallerSigner,
        tls: TlsSection | None,
        clock: Clock,
        health: Health,
        every: float,
        on_stored: OnStored,
    ) -> None:
        """Set up the streams to messaging.

        Args:
            peers: `host:port[,host:port]`; each name may resolve to several processes.
            signer: the gateway's own key.
            tls: the gateway's certificate; None speaks in plain text.
            clock: time, for overdue items.
            health: gets a check for display.
            every: seconds between two look-ups of the names.
            on_stored: called with messages that the processes have just stored.
        """
        self._targets = parse(peers)
        self._signer = signer
        self._tls = tls
        self._clock = clock
        self._health = health
        self._every = every
        self._on_stored = on_stored
        self._append_streams: dict[str, AppendStream] = {}
        self._tasks: dict[AppendStream, asyncio.Task[None]] = {}
        # Uplinks to addresses that are gone, with the time at which they are cut off.
        self._leaving: dict[AppendStream, float] = {}
        self._chosen: dict[str, AppendStream] = {}
        self._fail: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def running(self, runtime: Runtime) -> AsyncIterator["Router"]:
        """Keep the streams open for the duration of the block; do not wait for the first."""
        async with (
            runtime.kept("live.endpoints", self._watch),
            runtime.kept("live.overdue", self._expire),
        ):
            self._fail = lambda: runtime.stop(code=1)
            try:
                yield self
            finally:
                await self._end(list(self._tasks))

    def pick(self, key: str) -> AppendStream | None:
        """Return the process that receives a conversation's items; None if none is reachable."""
        append_stream = self._chosen.get(key)
        if append_stream is None or not append_stream.up:
            up = {name: each for name, each in self._append_streams.items() if each.up}
            if not up:
                return None
            append_stream = up[choose(key, up)]
            if len(self._chosen) >= _MAX_REMEMBERED:
                self._chosen.clear()
            self._chosen[key] = append_stream
        return append_stream

    async def readable(self, tenant_id: str, person_id: str) -> Sequence[Container]:
        """Query the conversations that a person may read now.

        Raises:
            DependencyDown: no process of messaging answers.
        """
        append_stream = self.pick(person_id)
        if append_stream is None:
            raise DependencyDown(dependency=MESSAGING, cause="unreachable")
        answer = await read_containers(
            append_stream.readable,
            ReadableContainersRequest(tenant_id=tenant_id, person_id=person_id),
            owner=MESSAGING,
        )
        return answer.containers

    async def members(self, conversation_id: str) -> Answer:
        """Query the current members of a conversation, with their visible ranges.

        Raises:
            DependencyDown: no process of messaging answers.
            RemoteFailure: it fails, or does not know the question.
        """
        append_stream = self.pick(conversation_id)
        if append_stream is None:
            raise DependencyDown(dependency=MESSAGING, cause="unreachable")
        parts = await append_stream.members(
            ReadMembersRequest(kind=CONVERSATION, id=conversation_id)
        )
        first = parts[0] if parts else ReadMembersResponse()
        return Answer(
            tenant_id=first.tenant_id,
            version=first.version,
            everything=first.everything,
            pair=tuple(first.pair),
            members={
                member.person_id: ranges_of(member.intervals)
                for part in parts
                for member in part.members
            },
        )

    async def _watch(self) -> None:
        """Keep one uplink per address, until cancelled."""
        while True:
            try:
                found = await resolve(self._targets)
            except OSError as error:
                log.warning("live.unresolved", error=str(error))
            else:
                for endpoint in found - self._append_streams.keys():
                    self._connect(endpoint)
                for endpoint in self._append_streams.keys() - found:
                    self._retire(endpoint)
            await asyncio.sleep(self._every)

    def _connect(self, endpoint: str) -> None:
        append_stream = AppendStream(
            endpoint,
            clock=self._clock,
            on_change=self._choose_again,
            on_stored=self._on_stored,
        )
        self._append_streams[endpoint] = append_stream
        self._tasks[append_stream] = asyncio.create_task(
            self._keep(append_stream), name=f"uplink {endpoint}"
        )
        self._choose_again()

    async def _keep(self, append_stream: AppendStream) -> None:
        async with channel(
            append_stream.endpoint,
            audience=MESSAGING,
            signer=self._signer,
            service=self._signer.service,
            tls=self._tls,
            clock=self._clock,
        ) as opened:
            try:
                await append_stream.run(opened)
            except Exception:
                # Otherwise nothing would be sent this way any more, without a visible error.
                log.exception("uplink.died", endpoint=append_stream.endpoint)
                self._fail()

    def _retire(self, endpoint: str) -> None:
        """Send nothing new to an address that is gone; items in transit may complete."""
        append_stream = self._append_streams.pop(endpoint)
        self._leaving[append_stream] = self._clock.monotonic() + ANSWER_SECONDS
        self._choose_again()

    def _choose_again(self) -> None:
        self._chosen.clear()
        down = [
            f"{each.endpoint}: {each.problem}"
            for each in self._append_streams.values()
            if not each.up
        ]
        ok = bool(self._append_streams) and not down
        self._health.set(
            CHECK,
            ok=ok,
            required=False,
            detail="" if ok else "; ".join(sorted(down)) or "no address is known",
            remedy="Look at messaging's log at these addresses; streams are opened again.",
        )

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY)
            now = self._clock.monotonic()
            for append_stream in self._tasks:
                append_stream.expire(now)
            done = [each for each, until in self._leaving.items() if each.idle or until <= now]
            for append_stream in done:
                del self._leaving[append_stream]
            await self._end(done)

    async def _end(self, append_streams: Sequence[AppendStream]) -> None:
        tasks = [self._tasks.pop(append_stream) for append_stream in append_streams]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
