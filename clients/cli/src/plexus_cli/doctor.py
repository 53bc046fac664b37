"""Diagnosis of an installation, with a remedy for each problem."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from plexus.topics import CONSUMERS
from plexus_sdk import CALL_SECONDS, open_channel
from plexuskit.errors import Refusal
from plexuskit.kafka import check_topics, lag, read_held
from plexuskit.mongo import connect

from plexus_cli.operator import SERVICES, Servers

CLOCK_SECONDS = 2.0
CHECK_SECONDS = 20.0
LAG_RECORDS = 10_000
OLDEST_MONGO, OLDEST_OPENSEARCH = (6, 0), (3, 0)
PLUGINS = ("analysis-icu", "analysis-smartcn")
ANALYZERS = ("icu_analyzer", "smartcn")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    subject: str
    ok: bool
    seen: str
    remedy: str = ""


Check = Callable[[Servers], Awaitable[list[Finding]]]


async def examine(servers: Servers) -> list[Finding]:
    """Run every check; one that fails becomes a finding, and the others continue."""
    checks: dict[str, Check] = {
        "mongo": mongo,
        "kafka": kafka,
        "opensearch": opensearch,
        "gateway": gateway,
    }
    results = await asyncio.gather(
        *(_guarded(name, check, servers) for name, check in checks.items())
    )
    return [finding for group in results for finding in group]


async def _guarded(name: str, check: Check, servers: Servers) -> list[Finding]:
    if not getattr(servers, name):
        variable = f"PLEXUS_{name.upper()}_URL" if name != "gateway" else "PLEXUS_GATEWAY_GRPC"
        return [Finding(name, ok=False, seen="address unknown", remedy=f"Set {variable}.")]
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(servers)
    except (Refusal, OSError, TimeoutError, aiohttp.ClientError) as error:
        what = error.message() if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
        remedy = f"Start it, or correct its address ({getattr(servers, name)})."
        return [Finding(name, ok=False, seen=f"not reachable: {what}", remedy=remedy)]


async def mongo(servers: Servers) -> list[Finding]:
    """Check version, replica set, parameters, clock, and the schema of every collection."""
    findings: list[Finding] = []
    for service in SERVICES:
        async with connect(servers.mongo_section(service)) as db:
            if not findings:
                findings += await _mongo_server(db)
            names = await db.collection_names()
            findings.append(
                Finding(
                    f"mongo database {db.name}",
                    ok=bool(names),
                    seen=f"{len(names)} collections",
                    remedy="" if names else f"Run `python -m {service} --provision`.",
                )
            )
    return findings


async def _mongo_server(db: Any) -> list[Finding]:
    facts = await db.server_facts()
    version = tuple(int(part) for part in facts.version.split(".")[:2])
    findings = [
        Finding(
            "mongo version",
            ok=version >= OLDEST_MONGO,
            seen=facts.version,
            remedy="" if version >= OLDEST_MONGO else "Upgrade to MongoDB 8.",
        ),
        Finding(
            "mongo replica set",
            ok=bool(facts.replica_set),
            seen=facts.replica_set or "none",
            remedy="" if facts.replica_set else "Start mongod with --replSet and initiate the set.",
        ),
        _clock("mongo clock", facts.local_time.timestamp()),
    ]
    try:
        await db.check_parameters()
    except Exception as error:  # noqa: BLE001 - its words are the finding
        findings.append(
            Finding("mongo parameters", ok=False, seen=str(error), remedy="See the line itself.")
        )
    else:
        findings.append(
            Finding(
                "mongo parameters", ok=True, seen="transactionLifetimeLimitSeconds is 3 or less"
            )
        )
    return findings


def _clock(subject: str, server_seconds: float) -> Finding:
    skew = abs(server_seconds - time.time())
    return Finding(
        subject,
        ok=skew <= CLOCK_SECONDS,
        seen=f"{skew:.2f} s away from this machine's",
        remedy="" if skew <= CLOCK_SECONDS else "Synchronise the clocks (NTP, chrony).",
    )


async def kafka(servers: Servers) -> list[Finding]:
    """Check topics and their settings against the catalogue; report lag and dead letters."""
    section = servers.kafka_section()
    report = await check_topics(section)
    findings = [
        Finding(
            f"topic {name}",
            ok=False,
            seen="missing",
            remedy="Run `make up`, or provision the topics of the catalogue.",
        )
        for name in report.missing
    ]
    findings += [
        Finding(
            f"topic {difference.topic}",
            ok=False,
            seen=f"{difference.setting} is {difference.found}, not {difference.wanted}",
            remedy="Make a new topic and move over; partitions are never raised in place."
            if difference.setting == "partitions"
            else "Set it with kafka-configs.",
        )
        for difference in report.differing
    ]
    if not findings:
        findings.append(
            Finding("topics", ok=True, seen=f"{len(report.existing)} as in the catalogue")
        )
    for consumer in (consumer for consumer in CONSUMERS if consumer.dlq):
        findings += [
            Finding(
                f"group {consumer.group}",
                ok=False,
                seen=f"held at {held.topic} {held.partition} offset {held.offset} {held.words}",
                remedy="Restore what the reason names. If the record itself is at fault: plexus "
                f'admin dlq skip {held.topic} {held.partition} {held.offset} --reason "…"',
            )
            for held in await read_held(section, consumer)
        ]
        found = await lag(section, consumer)
        behind = sum(found.behind.values())
        findings.append(
            Finding(
                f"group {consumer.group}",
                ok=behind < LAG_RECORDS and not found.letters,
                seen=f"{behind} records behind, {found.letters} dead letters",
                remedy=f"Look at `plexus admin dlq list {consumer.group}` and the service's log."
                if found.letters
                else "",
            )
        )
    return findings


async def opensearch(servers: Servers) -> list[Finding]:
    """Check version, health, the two analyzers, and the indexes."""
    async with aiohttp.ClientSession(base_url=servers.opensearch.rstrip("/") + "/") as http:
        info = await _json(http, "")
        version = info["version"]["number"]
        recent = tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_OPENSEARCH
        health = (await _json(http, "_cluster/health"))["status"]
        findings = [
            Finding(
                "opensearch version",
                ok=recent,
                seen=version,
                remedy="" if recent else "Upgrade to 3.x.",
            ),
            Finding(
                "opensearch health",
                ok=health != "red",
                seen=health,
                remedy="" if health != "red" else "Look at _cluster/allocation/explain.",
            ),
        ]
        for analyzer, plugin in zip(ANALYZERS, PLUGINS, strict=True):
            request = {"analyzer": analyzer, "text": "上海"}
            async with http.post("_analyze", json=request) as response:
                works = response.status == 200  # noqa: PLR2004 - OK
            findings.append(
                Finding(
                    f"opensearch {plugin}",
                    ok=works,
                    seen="works" if works else "missing",
                    remedy="" if works else f"Install the plugin {plugin} on every node.",
                )
            )
        aliases = await _json(http, f"_cat/aliases/{servers.index_prefix}*?format=json")
        findings.append(
            Finding(
                "opensearch indexes",
                ok=bool(aliases),
                seen=f"{len(aliases)} aliases",
                remedy="" if aliases else "Run `python -m search --provision`.",
            )
        )
    return findings


async def _json(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as response:
        response.raise_for_status()
        return await response.json()


async def gateway(servers: Servers) -> list[Finding]:
    """Check that the gateway reports itself as serving."""
    async with open_channel(servers.gateway) as channel:
        try:
            answer = await HealthStub(channel).Check(HealthCheckRequest(), timeout=CALL_SECONDS)
            ok = answer.status == HealthCheckResponse.SERVING
        except grpc.aio.AioRpcError:
            ok = False
    return [
        Finding(
            "gateway",
            ok=ok,
            seen="serving" if ok else "not serving",
            remedy="" if ok else "Look at its log and at /readyz.",
        )
    ]
