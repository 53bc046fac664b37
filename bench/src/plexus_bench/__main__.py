"""`python -m plexus_bench [--shapes a50,b] [--seconds 10] [--json FILE]`."""

import argparse
import asyncio
import gc
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import uvloop
from plexus_local.servers.home import home

from plexus_bench.figures import Figures
from plexus_bench.limits import raise_open_files
from plexus_bench.platform import PlexusSystem
from plexus_bench.platform.failover import failover
from plexus_bench.platform.idle import STREAMS_PER_SHARED_CONNECTION, idle
from plexus_bench.report import Report
from plexus_bench.run import Timing, measure
from plexus_bench.shapes import SHAPES

VIOLATED: Final = 1
# With all processes on, two shapes show the cost of the others; each shape takes its time.
WITH_ALL: Final = ("a50", "b")
# Ten thousand sessions are millions of long-lived objects: scanning them for cycles would take more
# of the driver's time than driving does.
OBJECTS_BETWEEN_COLLECTIONS: Final = 200_000
# Runs on a fresh system before any measurement.
FIRST: Final = "a50"
# Shapes for Plexus only: they inspect its processes.
OWN: Final = ("e_own", "e_shared", "f")
# The same with two gateways, where senders and listeners use different ones.
APART: Final = {f"{name}_apart": SHAPES[name] for name in ("a50", "c10", "c100")}
NAMES: Final = (*SHAPES, *APART, *OWN)


def main() -> int:
    """Run the selected measurements; return 1 if the checker has found a violation."""
    options = _options()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 100, 100)
    files = raise_open_files()
    report = Report()
    report.say(f"up to {files:,} open files in one process")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure_all(options, report))
    report.table()
    if options.json:
        report.write(options.json)
    for violation in report.violations:
        report.say(f"VIOLATION {violation}")
    return VIOLATED if report.violations else 0


async def _measure_all(options: argparse.Namespace, report: Report) -> None:
    timing = Timing(warm_up=options.warm_up, measured=options.seconds)
    for profile, shapes in (("chat", options.shapes), ("all", options.all_shapes)):
        if shapes:
            directory = home() / ".plexus" / "bench" / f"{profile}-{secrets.token_hex(4)}"
            system = PlexusSystem(directory=directory, profile=profile)
            await system.start()
            try:
                await _warm_up(system, seconds=options.settle, report=report)
                for name in shapes:
                    report.add(await _row(system, name, timing, streams=options.streams))
            finally:
                await system.stop()


async def _warm_up(system: PlexusSystem, *, seconds: float, report: Report) -> None:
    """Load a fresh system for a while, so that its virtual machines compile the hot paths."""
    if seconds:
        row = await measure(system, SHAPES[FIRST], Timing(warm_up=0.0, measured=seconds))
        if row.violations:
            report.add(row)


async def _row(system: PlexusSystem, name: str, timing: Timing, *, streams: int) -> Figures:
    match name:
        case "e_own":
            return await idle(system, name=name, streams=streams, per_connection=1)
        case "e_shared":
            shared = STREAMS_PER_SHARED_CONNECTION
            return await idle(system, name=name, streams=streams, per_connection=shared)
        case "f":
            return await failover(system, timing, streams=streams)
        case _ if name in APART:
            async with system.two_gateways():
                row = await measure(system, APART[name], timing)
            return replace(row, shape=name, meaning=f"{row.meaning}, at two gateways")
        case _:
            return await measure(system, SHAPES[name], timing)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m plexus_bench", description=__doc__)
    every = list(NAMES)
    parser.add_argument("--shapes", type=_names, default=every, help=f"of {', '.join(every)}")
    parser.add_argument(
        "--all-shapes",
        type=_names,
        help=f"with search, notify and tasks on; {', '.join(WITH_ALL)} of --shapes unless given",
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="measured, of each shape")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds before that")
    parser.add_argument(
        "--settle", type=float, default=8.0, help=f"seconds of {FIRST} that a new system runs first"
    )
    parser.add_argument("--streams", type=int, default=10_000, help="of e_own, e_shared and f")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    if options.all_shapes is None:
        options.all_shapes = [name for name in options.shapes if name in WITH_ALL]
    return options


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such shape: {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
