"""Shape e: idle streams, and the cost of one at the gateway."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Final

import grpc

from plexus_bench.figures import Figures
from plexus_bench.limits import need
from plexus_bench.platform.streams import open_stream, own_channel, welcomed
from plexus_bench.platform.system import SECOND, PlexusSystem
from plexus_bench.probe import Probe, resident
from plexus_bench.run import machine
from plexus_bench.together import gathered

KIB_PER_MIB: Final = 1024
STREAMS_PER_SHARED_CONNECTION: Final = 100
# A full period of heartbeats: every stream has been written to once.
SETTLED_SECONDS: Final = 22.0
OPENED_AT_ONCE: Final = 64
OTHER_FILES: Final = 1000
# The first streams include one-time costs, so they are opened and closed before the measurement.
FIRST: Final = 100


async def idle(system: PlexusSystem, *, name: str, streams: int, per_connection: int) -> Figures:
    """Open authenticated streams at a separate gateway and measure its memory.

    The people are in no conversation. Memory per stream is the growth of the gateway's resident
    memory, after every stream has had a heartbeat, by the number of streams.

    Args:
        system: A running Plexus; one more gateway is added for the measurement.
        name: Name of the shape.
        streams: Number of streams, each of another person.
        per_connection: Streams per connection.

    Raises:
        TooFewFiles: A process may not have that many connections.
    """
    need(streams // per_connection + OTHER_FILES)
    previous = machine()
    people = await system.people(streams + FIRST)
    async with system.platform.another("gateway") as gateway:
        address = system.platform.address_of(SECOND)
        async with _opened(system, people[:FIRST], address, per_connection=per_connection):
            pass
        empty = resident(gateway.pid)
        began = perf_counter()
        async with _opened(system, people[FIRST:], address, per_connection=per_connection):
            seconds = perf_counter() - began
            opened = resident(gateway.pid)
            probe = Probe({**system.processes(), SECOND: gateway.pid})
            probe.begin()
            await asyncio.sleep(SETTLED_SECONDS)
            probe.end()
            memory = probe.memory()
    settled = memory[SECOND].after
    return Figures(
        system=system.name,
        durability=system.durability,
        shape=name,
        meaning=f"{streams:,} idle streams, {per_connection} on a connection",
        machine=previous,
        seconds=probe.seconds,
        memory=memory,
        facts={
            "gateway KiB per stream": (settled - empty) * KIB_PER_MIB / streams,
            "gateway KiB per stream, just opened": (opened - empty) * KIB_PER_MIB / streams,
            "gateway MiB without streams": empty,
            "streams opened per second": streams / seconds,
            "gateway CPU-s per second, idle": probe.cpu[SECOND] / probe.seconds,
        },
        notes=system.notes,
    )


@asynccontextmanager
async def _opened(
    system: PlexusSystem, people: Sequence[str], address: str, *, per_connection: int
) -> AsyncIterator[None]:
    """Keep a stream open for each of these people, and read its frames."""
    channels = [own_channel(address) for _ in range(0, len(people), per_connection)]
    readers: list[asyncio.Task[None]] = []

    async def connect(place: int) -> None:
        channel = channels[place // per_connection]
        call = open_stream(channel, system.token_of(people[place]))
        await welcomed(call, system.decoder)
        readers.append(asyncio.create_task(_read(call)))

    try:
        await gathered(connect, range(len(people)), at_once=OPENED_AT_ONCE)
        yield
        ended = [reader for reader in readers if reader.done()]
        if ended:
            raise RuntimeError(f"{len(ended)} streams have ended by themselves")
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await gathered(grpc.aio.Channel.close, channels)


async def _read(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass
