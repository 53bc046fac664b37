"""The same servers as containers, for a machine with a Docker engine."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]
from plexus_local.servers.accounts import KafkaAccounts
from plexus_local.servers.errors import ServerNotStarted
from plexus_local.servers.kafka import SETTINGS, guarded, speaks_kafka
from plexus_local.servers.mongo import PARAMETERS, become_primary, direct_url, pings
from plexus_local.servers.opensearch import is_healthy
from plexus_local.servers.ports import free_port
from testcontainers.community.mongodb import MongoDbContainer
from testcontainers.community.opensearch import OpenSearchContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

MONGO = "mongo:8.0"
KAFKA = "apache/kafka:4.3.0"
OPENSEARCH = "opensearchproject/opensearch:3.8.0"


def engine_answers() -> bool:
    """Return within two seconds whether a Docker engine answers; a client alone does not count."""
    host = docker.utils.parse_host(os.environ.get("DOCKER_HOST"))
    # Looked at first, because the client leaks the socket of a connection that fails.
    if not _listens(host):
        return False
    with suppress(DockerException):
        # Asks the engine for its version.
        docker.from_env(timeout=2).close()
        return True
    return False


def _listens(host: str) -> bool:
    """Return whether a process listens at a Docker address; only local sockets are tried."""
    _, unix, path = host.partition("unix://")
    if not unix:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.settimeout(2)
        probe.connect("/" + path.lstrip("/"))
        return True
    return False


class ReplicaSetMember(MongoDbContainer):
    """MongoDB without users: with users, its image needs a key file for a replica set."""

    def _configure(self) -> None:
        """Create no user."""


@contextmanager
def mongo() -> Iterator[str]:
    """Run MongoDB in a container and yield its address."""
    parameters = " ".join(f"--setParameter {parameter}" for parameter in PARAMETERS)
    command = f"mongod --replSet rs0 --bind_ip_all {parameters}"
    with ReplicaSetMember(MONGO).with_command(command) as container:
        url = direct_url(container.get_container_host_ip(), int(container.get_exposed_port(27017)))
        _await(lambda: pings(url), name="mongo", seconds=60)
        become_primary(url, member="localhost:27017", within=30)
        yield url


@contextmanager
def kafka(accounts: KafkaAccounts) -> Iterator[str]:
    """Run Kafka in a container and yield its bootstrap address.

    The broker advertises its own address to clients, so the outside port is chosen first and is the
    same inside. `KafkaContainer` would run the image of another distribution, with a listener
    without users.
    """
    port, host = free_port(), DockerClient().host()
    container = DockerContainer(KAFKA).with_bind_ports(port, port)
    for variable, value in kafka_environment(accounts, host=host, port=port).items():
        container.with_env(variable, value)
    with container:
        _await(lambda: speaks_kafka(port, host=host), name="kafka", seconds=90)
        yield f"{host}:{port}"


def kafka_environment(accounts: KafkaAccounts, *, host: str, port: int) -> Mapping[str, str]:
    """Return the settings of the broker as its image reads them from the environment."""
    settings = {
        **SETTINGS,
        **guarded(accounts),
        "controller.quorum.voters": "1@localhost:9094",
        "listeners": f"CLIENT://:{port},CONTROLLER://localhost:9094",
        "advertised.listeners": f"CLIENT://{host}:{port}",
    }
    return {kafka_variable(key): value for key, value in settings.items()}


def kafka_variable(key: str) -> str:
    """Return the variable by which the image `apache/kafka` takes a setting.

    It reads `_` as a dot, `__` as an underscore and `___` as a dash.
    """
    return f"KAFKA_{key.replace('_', '__').replace('-', '___').replace('.', '_').upper()}"


@contextmanager
def opensearch() -> Iterator[str]:
    """Run OpenSearch with the analysers for Chinese in a container and yield its address."""
    install = "bin/opensearch-plugin install --batch analysis-icu analysis-smartcn"
    container = (
        OpenSearchContainer(OPENSEARCH)
        .with_env("DISABLE_INSTALL_DEMO_CONFIG", "true")
        .with_env("OPENSEARCH_JAVA_OPTS", "-Xmx768m -XX:+UseSerialGC")
        .with_command(["bash", "-c", f"{install} && exec ./opensearch-docker-entrypoint.sh"])
    )
    with container:
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(9200))
        _await(lambda: is_healthy(port, host=host), name="opensearch", seconds=180)
        yield f"http://{host}:{port}"


def _await(condition: Callable[[], bool], *, name: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            reason = f"its container did not answer within {seconds:.0f} s"
            raise ServerNotStarted(name=name, reason=reason)
        time.sleep(0.2)
