"""Shape f: a gateway is killed under load, and all its clients reconnect to the other one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from plexus_testkit.process import Proc

from plexus_bench.figures import Figures, failures_of, latency
from plexus_bench.limits import need
from plexus_bench.platform.idle import OPENED_AT_ONCE, OTHER_FILES
from plexus_bench.platform.roaming import JITTER_SECONDS, RoamingSession
from plexus_bench.platform.system import SECOND, PlexusSystem
from plexus_bench.probe import Probe, load_average
from plexus_bench.run import Timing, checked, machine
from plexus_bench.shapes import Company, Load
from plexus_bench.tally import Tally
from plexus_bench.together import gathered, until

ROOM: Final = 50
RATE: Final = 50.0
BACK_WITHIN: Final = 180.0


async def failover(system: PlexusSystem, timing: Timing, *, streams: int) -> Figures:
    """Kill one of two gateways and wait until every client has reconnected.

    The people are in rooms of 50, one sender in each, together 50 msg/s; half of the members of
    each room and half of the senders use the gateway that is killed (SIGKILL).

    Args:
        system: A running Plexus; the gateway to kill is added to it.
        timing: Duration of the run before the kill and after the last reconnection.
        streams: Number of people, each with one stream on its own connection.

    Raises:
        TooFewFiles: A process may not have that many connections.
    """
    need(streams + OTHER_FILES)
    previous, tally = machine(), Tally()
    async with (
        system.platform.another("gateway") as doomed,
        _assembled(system, tally, streams=streams) as (company, sessions),
    ):
        load = Load(company, rate=RATE)
        probe = Probe({**system.processes(), SECOND: doomed.pid})
        probe.begin()
        load.start()
        await asyncio.sleep(timing.measured)
        peak = max(memory.peak for memory in probe.memory().values())
        away = [session for place, session in enumerate(sessions) if _goes(place)]
        outage = await _outage(system, doomed, away, tally=tally)
        await asyncio.sleep(timing.measured)
        await load.stop()
        memory = outage.probe.memory()
        found = outage.problems + await checked(system, company)
    return Figures(
        system=system.name,
        durability=system.durability,
        shape="f",
        meaning=f"{streams:,} streams, one of two gateways killed at {RATE:.0f} msg/s",
        machine=previous,
        seconds=tally.window.seconds,
        messages_per_second=tally.acknowledgements / tally.window.seconds,
        deliveries_per_second=len(tally.delivery_seconds) / tally.window.seconds,
        acknowledgement=latency(tally.ack_seconds),
        delivery=latency(tally.delivery_seconds),
        memory=memory,
        failures=failures_of(tally),
        violations=found,
        facts={
            **outage.facts,
            "messages sent in the run": len(tally.due),
            "largest process, MiB": max(peak, *(each.peak for each in memory.values())),
        },
        notes=system.notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outage:
    """Time from the kill until every client has reconnected, or until the timeout."""

    problems: list[str]
    probe: Probe
    facts: dict[str, float]


async def _outage(
    system: PlexusSystem, doomed: Proc, away: Sequence[RoamingSession], *, tally: Tally
) -> _Outage:
    """Kill the gateway and wait until its clients have reconnected; that time is the window."""
    probe = Probe(system.processes())
    probe.begin()
    tally.window.open()
    killed = perf_counter()
    await asyncio.to_thread(doomed.kill)
    problems = await _all_back(away)
    tally.window.close()
    probe.end()
    returned = sorted(each.returned - killed for each in away if each.returned is not None)
    facts = {
        "streams that came back": float(len(returned)),
        "seconds of jitter at most": JITTER_SECONDS,
        "gateway CPU-s per second until then": probe.cpu["gateway"] / probe.seconds,
        "driver CPU-s per second until then": probe.driver_cpu / probe.seconds,
        "load average then": load_average(),
    }
    if returned:
        facts |= {
            "seconds until half were back": returned[len(returned) // 2],
            "seconds until everyone was back": returned[-1],
        }
    return _Outage(problems=problems, probe=probe, facts=facts)


def _goes(place: int) -> bool:
    """Return whether a person uses the doomed gateway: half of each room, every second sender."""
    room, seat = divmod(place, ROOM)
    return (room + seat) % 2 == 1


async def _all_back(away: Sequence[RoamingSession]) -> list[str]:
    """Wait until every session has reconnected; return the problems of those that have not."""
    if await until(lambda: all(each.returned is not None for each in away), within=BACK_WITHIN):
        return []
    missing = sum(1 for each in away if each.returned is None)
    return [f"{missing} streams were not back within {BACK_WITHIN:.0f} s"]


@asynccontextmanager
async def _assembled(
    system: PlexusSystem, tally: Tally, *, streams: int
) -> AsyncIterator[tuple[Company, Sequence[RoamingSession]]]:
    """Put people into rooms and connect every second one to the doomed gateway."""
    company, platform = Company(tally), system.platform
    stays, goes = platform.grpc_address, platform.address_of(SECOND)
    people = await system.people(streams)
    rooms = await gathered(
        system.room, [people[at : at + ROOM] for at in range(0, streams, ROOM)], at_once=8
    )
    sessions = [
        RoamingSession(person, system.token_of(person), decoder=system.decoder, refuge=stays)
        for person in people
    ]

    async def connect(place: int) -> None:
        await sessions[place].open(goes if _goes(place) else stays)

    try:
        for number, room in enumerate(rooms):
            seated = sessions[number * ROOM : (number + 1) * ROOM]
            company.seat(room, seated, talk=1)
        await gathered(connect, range(streams), at_once=OPENED_AT_ONCE)
        yield company, sessions
    finally:
        await gathered(RoamingSession.close, sessions, at_once=OPENED_AT_ONCE)
