"""MongoDB, Kafka and OpenSearch of the local run: given by address, or run here."""

import asyncio
import os
from collections.abc import Callable
from urllib.parse import urlsplit

from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.testing.servers import NativeKafka, NativeMongo, NativeOpenSearch, NativeServer
from plexuskit.testing.servers.kafka import speaks_kafka
from plexuskit.testing.servers.mongo import pings
from plexuskit.testing.servers.opensearch import is_healthy

from plexus_local.environment import BackendUrls
from plexus_local.layout import Layout
from plexus_local.plan import Job, JobFailed, Process, Stage
from plexus_local.ports import Ports

NATIVE_PORTS = ("mongo", "kafka", "kafka.controller")


def backends(layout: Layout, ports: Ports) -> tuple[Stage, BackendUrls]:
    """Return the stage that brings up the three servers, and their addresses.

    A server whose address is in the environment (PLEXUS_MONGO_URL, PLEXUS_KAFKA_URL,
    PLEXUS_OPENSEARCH_URL) is not started; the stage asks whether it answers.
    """
    chosen = ports.choose(NATIVE_PORTS)
    starters: dict[str, Callable[[], NativeServer]] = {
        "mongo": lambda: NativeMongo(
            data=layout.data / "mongo", log=layout.log("mongo"), port=chosen["mongo"]
        ),
        "kafka": lambda: NativeKafka(
            data=layout.data / "kafka",
            log=layout.log("kafka"),
            port=chosen["kafka"],
            controller_port=chosen["kafka.controller"],
        ),
        "opensearch": lambda: _opensearch(layout, ports),
    }
    urls: dict[str, str] = {}
    jobs: list[Job] = []
    processes: list[Process] = []
    for name, starter in starters.items():
        given = os.environ.get(f"PLEXUS_{name.upper()}_URL")
        if given:
            urls[name] = given
            jobs.append(_reachable(name, given))
        else:
            server = starter()
            urls[name] = server.url
            processes.append(_process(server))
    return Stage(jobs=jobs, processes=processes), BackendUrls(**urls)


def topics(kafka_url: str) -> Job:
    """Return the job that creates the topics of the catalogue."""

    def run() -> None:
        report = asyncio.run(provision(KafkaSection(url=kafka_url)))
        for difference in report.differing:
            print(f"topic differs from the catalogue: {difference}")

    return Job(name="topics", run=run)


def _opensearch(layout: Layout, ports: Ports) -> NativeOpenSearch:
    server = NativeOpenSearch(
        data=layout.data / "opensearch",
        log=layout.log("opensearch"),
        port=ports.last("opensearch"),
    )
    ports.remember("opensearch", server.port)
    return server


def _process(server: NativeServer) -> Process:
    return Process(
        name=server.name,
        command=server.command,
        ready=server.answers,
        log=server.log,
        port=urlsplit(server.url).port or urlsplit(f"//{server.url}").port,
        prepare=server.prepare,
        settle=server.settle,
        start_seconds=server.start_seconds,
        stop_seconds=30,
    )


def _reachable(name: str, url: str) -> Job:
    """Return the job that fails with a remedy when a given server does not answer."""

    def run() -> None:
        if not _answers(name, url):
            variable = f"PLEXUS_{name.upper()}_URL"
            raise JobFailed(
                f"{variable} is set, but no {name} answers there. Start it, or unset {variable} "
                "so that one is started here."
            )

    return Job(name=f"{name} (given)", run=run)


def _answers(name: str, url: str) -> bool:
    if name == "mongo":
        return pings(url)
    parts = urlsplit(url if "//" in url else f"//{url.split(',', maxsplit=1)[0]}")
    host = parts.hostname or "127.0.0.1"
    if name == "kafka":
        return speaks_kafka(parts.port or 9092, host=host)
    return is_healthy(parts.port or 9200, host=host)
