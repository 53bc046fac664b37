"""Import speed of an HR feed: `python -m plexus_bench.feed`.

Every person is one `POST /Users` over HTTP through the gateway, several at once, with a department
by its path; departments are created on first use. The stored people are counted afterwards.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import aiohttp
from plexus.directory.v1.directory_service_pb2 import GetDirectoryStatusRequest
from plexus_local.table import CHAT
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import Platform

from plexus_bench.probe import Probe
from plexus_bench.together import gathered

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
LEVELS: Final = {
    "DIRECTORY_SCIM__DEPARTMENT_PATH": "{organization}/{division}/{department}",
}
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MADE: Final = 201


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures of a run; times in seconds, CPU in seconds for all people together."""

    people: int
    departments: int
    at_once: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu: dict[str, float]
    driver_cpu: float


def department_of(number: int, *, departments: int) -> dict[str, str]:
    """Return a person's department, three levels deep, with 24 departments below each first one.

    The tree has about `departments` nodes, including the inner ones.
    """
    firsts, seconds = max(1, departments // 100), max(1, departments // 12)
    leaf = number % max(1, departments - firsts - seconds)
    second = leaf % seconds
    return {
        "organization": f"Division {second % firsts}",
        "division": f"Department {second}",
        "department": f"Team {leaf}",
    }


async def load(
    platform: Platform, *, people: int, departments: int, at_once: int
) -> tuple[float, list[float]]:
    """Post all people; return the total time and that of each, in seconds."""
    times: list[float] = []
    async with (
        platform.admin() as plexus,
        aiohttp.ClientSession(
            platform.http_address, connector=aiohttp.TCPConnector(limit=at_once)
        ) as http,
    ):
        metadata = dict(await plexus.metadata())
        headers = {
            "authorization": metadata["authorization"],
            "content-type": "application/scim+json",
        }

        async def post(number: int) -> None:
            body = json.dumps(
                {
                    "schemas": [USER, ENTERPRISE],
                    "userName": f"person.{number}@company.example",
                    "externalId": str(number),
                    "name": {"familyName": f"Family{number}", "givenName": "Given"},
                    "emails": [{"value": f"person.{number}@company.example", "type": "work"}],
                    "title": "Engineer",
                    "active": True,
                    ENTERPRISE: department_of(number, departments=departments),
                }
            ).encode()
            began = perf_counter()
            async with http.post("/scim/v2/Users", data=body, headers=headers) as answer:
                text = await answer.text()
            times.append(perf_counter() - began)
            if answer.status != MADE:
                raise RuntimeError(f"POST /Users answered {answer.status}: {text}")

        began = perf_counter()
        await gathered(post, range(people), at_once=at_once)
        return perf_counter() - began, times


async def run(*, people: int, departments: int, at_once: int, directory: Path) -> Figures:
    """Start a Plexus, load all people, and count the stored ones.

    Raises:
        RuntimeError: a response was unexpected, or not all people are stored.
    """
    with fresh(directory, entries=CHAT, settings=LEVELS) as platform:
        await platform.init()
        processes = {name: process.pid for name, process in platform.processes.items()} | {
            name: server.child.pid for name, server in platform.servers.items() if server.child
        }
        probe = Probe(processes)
        probe.begin()
        seconds, times = await load(
            platform, people=people, departments=departments, at_once=at_once
        )
        probe.end()
        async with platform.admin() as plexus:
            status = await plexus.call(
                plexus.directory.GetDirectoryStatus, GetDirectoryStatusRequest()
            )
    if status.people != people:
        raise RuntimeError(f"{status.people} people are stored, not {people}")
    times.sort()
    return Figures(
        people=status.people,
        departments=status.departments,
        at_once=at_once,
        seconds=round(seconds, 1),
        per_second=round(people / seconds, 1),
        p50_ms=round(times[len(times) // 2] * 1000, 1),
        p99_ms=round(times[len(times) * 99 // 100] * 1000, 1),
        cpu={name: round(used, 1) for name, used in probe.cpu.items()},
        driver_cpu=round(probe.driver_cpu, 1),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--departments", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=16)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="plexus-feed-") as directory:
        figures = asyncio.run(
            run(
                people=given.people,
                departments=given.departments,
                at_once=given.at_once,
                directory=Path(directory),
            )
        )
    print(json.dumps(asdict(figures), indent=2))


if __name__ == "__main__":
    main()
