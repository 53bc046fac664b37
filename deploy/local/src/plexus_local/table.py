"""Processes of Plexus on one machine, and the order of their start."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One process of a service.

    Attributes:
        name: Name of the process.
        service: The package that `python -m` runs.
        roles: Roles of the service that it runs.
        stage: Entries of a stage start together, after those of the stages before are ready.
        serves: Names of its ports besides `ops`, as `<section>` of its settings.
    """

    name: str
    service: str
    roles: tuple[str, ...]
    stage: int
    serves: tuple[str, ...] = ("grpc",)


ENTRIES = (
    Entry(name="directory", service="directory", roles=("api", "relay", "upkeep"), stage=0),
    Entry(name="messaging-api", service="messaging", roles=("api",), stage=1),
    Entry(
        name="messaging-relay",
        service="messaging",
        roles=("relay", "consumer", "scheduler"),
        stage=1,
        serves=(),
    ),
    Entry(name="tasks", service="tasks", roles=("api", "relay", "scheduler"), stage=1),
    Entry(name="notify", service="notify", roles=("api", "relay", "consumers", "sender"), stage=1),
    Entry(name="search", service="search", roles=("api", "indexer"), stage=1),
    Entry(name="audit", service="audit", roles=("api", "recorder"), stage=1),
    Entry(name="gateway", service="gateway", roles=("api",), stage=2, serves=("grpc", "http")),
)

# The minimum set of processes that carries messages.
CHAT = tuple(entry for entry in ENTRIES if entry.service in {"directory", "messaging", "gateway"})


def services(entries: tuple[Entry, ...] = ENTRIES) -> list[str]:
    """Return the names of the services, each once."""
    return list(dict.fromkeys(entry.service for entry in entries))


def port_names(entries: tuple[Entry, ...] = ENTRIES) -> list[str]:
    """Return the names of all ports that the processes listen on: `<process>.<section>`."""
    return [f"{entry.name}.{section}" for entry in entries for section in (*entry.serves, "ops")]


def peers(ports: dict[str, int], entries: tuple[Entry, ...] = ENTRIES) -> dict[str, str]:
    """Return the gRPC addresses of each service: `{service: host:port[,host:port]}`."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        if "grpc" in entry.serves:
            address = f"127.0.0.1:{ports[f'{entry.name}.grpc']}"
            found.setdefault(entry.service, []).append(address)
    return {service: ",".join(addresses) for service, addresses in found.items()}
