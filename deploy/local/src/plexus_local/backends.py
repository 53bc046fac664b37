"""MongoDB, Kafka and OpenSearch of the local run: external ones by address, or local ones.

A local server has a user for each service, with its own database and its own topics. For an
external MongoDB the address of each service names its user (`MESSAGING_MONGO__URL`); an external
Kafka gets users like a local one if its administrator is known (PLEXUS_KAFKA_ADMIN_PASSWORD_FILE).
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.kafka.authorize import authorize
from plexuskit.kafka.grants import PROVISIONING

from plexus_local.credentials import kafka_accounts, mongo_accounts
from plexus_local.environment import BackendUrls
from plexus_local.layout import Layout
from plexus_local.plan import Job, JobFailed, Process, Stage
from plexus_local.ports import Ports
from plexus_local.servers import (
    KafkaAccounts,
    NativeKafka,
    NativeMongo,
    NativeOpenSearch,
    NativeServer,
)
from plexus_local.servers.kafka import speaks_kafka
from plexus_local.servers.mongo import pings
from plexus_local.servers.opensearch import is_healthy
from plexus_local.table import services

NATIVE_PORTS = ("mongo", "kafka", "kafka.controller")


def backends(layout: Layout, ports: Ports) -> tuple[Stage, BackendUrls]:
    """Return the stage that starts the three servers, and their addresses.

    A server whose address is in the environment (PLEXUS_MONGO_URL, PLEXUS_KAFKA_URL,
    PLEXUS_OPENSEARCH_URL) is not started; the stage checks that it responds.
    """
    chosen = ports.choose(NATIVE_PORTS)
    kafka_users = kafka_accounts(layout)
    starters: dict[str, Callable[[], NativeServer]] = {
        "mongo": lambda: NativeMongo(
            data=layout.data / "mongo",
            log=layout.log("mongo"),
            port=chosen["mongo"],
            accounts=mongo_accounts(layout, services=services()),
        ),
        "kafka": lambda: NativeKafka(
            data=layout.data / "kafka",
            log=layout.log("kafka"),
            port=chosen["kafka"],
            controller_port=chosen["kafka.controller"],
            accounts=kafka_users,
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
            if name != "opensearch":
                urls[f"{name}_passwords"] = str(layout.passwords(name))
    administrator = _kafka_administrator(urls["kafka"]) if _is_given("kafka") else None
    if administrator is not None:
        jobs.append(_kafka_users(administrator, kafka_users))
        urls["kafka_passwords"] = str(layout.passwords("kafka"))
        urls["kafka_ca"] = os.environ.get("PLEXUS_KAFKA_CA_FILE", "")
    return Stage(jobs=jobs, processes=processes), BackendUrls(**urls)


def _is_given(name: str) -> bool:
    return bool(os.environ.get(f"PLEXUS_{name.upper()}_URL"))


def _kafka_administrator(url: str) -> KafkaSection | None:
    """Return the section of an external Kafka's administrator; None without a password."""
    file = os.environ.get("PLEXUS_KAFKA_ADMIN_PASSWORD_FILE")
    if not file:
        return None
    return KafkaSection.model_validate(
        {
            "url": url,
            "user": os.environ.get("PLEXUS_KAFKA_ADMIN", "admin"),
            "mechanism": os.environ.get("PLEXUS_KAFKA_ADMIN_MECHANISM", "SCRAM-SHA-512"),
            "password_file": file,
            "ca_file": os.environ.get("PLEXUS_KAFKA_CA_FILE") or None,
        }
    )


def _kafka_users(administrator: KafkaSection, accounts: KafkaAccounts) -> Job:
    """Return the job that creates the users and access rules of an external Kafka."""

    def run() -> None:
        report = asyncio.run(authorize(administrator, accounts.users))
        for rule in report.foreign:
            print(f"access rule that Plexus does not know: {rule}")

    return Job(name="kafka users", run=run)


def kafka_section(urls: BackendUrls, user: str) -> KafkaSection:
    """Return the section of a user of the run's Kafka."""
    signing_in = (
        {"user": user, "password_file": Path(urls.kafka_passwords) / user}
        if urls.kafka_passwords
        else {}
    )
    return KafkaSection.model_validate(
        {"url": urls.kafka, "ca_file": urls.kafka_ca or None, **signing_in}
    )


def topics(urls: BackendUrls) -> Job:
    """Return the job that creates the topics of the catalogue."""

    def run() -> None:
        report = asyncio.run(provision(kafka_section(urls, PROVISIONING)))
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
    """Return the job that fails with a remedy if an external server does not respond."""

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
