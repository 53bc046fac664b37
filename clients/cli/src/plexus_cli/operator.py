"""Settings for operators only: addresses of the servers behind Plexus, and their users.

From `PLEXUS_MONGO_URL`, `PLEXUS_KAFKA_URL`, `PLEXUS_OPENSEARCH_URL`, `PLEXUS_GATEWAY_GRPC` and
`PLEXUS_BOOTSTRAP_SECRET`; where these are not set, from the local run (`.plexus/run/state.json` in
this folder or one above it). The operator's passwords are in `PLEXUS_MONGO_PASSWORD_FILE`, unless
that address names a user, and in `PLEXUS_KAFKA_PASSWORD_FILE` (of `PLEXUS_KAFKA_USER`);
`PLEXUS_KAFKA_CA_FILE` is the authority of Kafka's certificates.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plexus_sdk import Refused

from plexus_cli.language import tr

if TYPE_CHECKING:
    from plexuskit.config import KafkaSection, MongoSection

# Duplicates `plexuskit.kafka.grants`, whose import would load Kafka's client for every command.
OPERATOR = "plexus-operator"
SERVICES = ("directory", "messaging", "tasks", "notify", "audit")


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of the servers; empty if unknown."""

    mongo: str = field(repr=False)
    kafka: str
    opensearch: str
    gateway: str
    secret: str
    topic_prefix: str
    index_prefix: str
    database_prefix: str
    mongo_password: Path | None = None
    kafka_password: Path | None = None
    kafka_user: str = OPERATOR
    kafka_ca: Path | None = None

    def kafka_section(self) -> "KafkaSection":
        """Return Kafka's address, with the operator's user if there is one.

        Raises:
            Refused: the address is unknown.
        """
        from plexuskit.config import KafkaSection  # noqa: PLC0415 - slow to load

        return KafkaSection(
            url=known(self.kafka, "PLEXUS_KAFKA_URL"),
            topic_prefix=self.topic_prefix,
            user=self.kafka_user if self.kafka_password else "",
            password_file=self.kafka_password,
            ca_file=self.kafka_ca,
        )

    def mongo_section(self, service: str) -> "MongoSection":
        """Return the database of a service, with the operator's user if there is one.

        Raises:
            Refused: the address is unknown.
        """
        from plexuskit.config import MongoSection  # noqa: PLC0415 - slow to load

        return MongoSection(
            url=known(self.mongo, "PLEXUS_MONGO_URL"),
            database=self.database_prefix + service,
            user=OPERATOR if self.mongo_password else "",
            password_file=self.mongo_password,
        )


def servers() -> Servers:
    """Determine the servers from the environment, then from the local run."""
    local = _local_run()
    secret_file = local.get("bootstrap secret", "")
    secret = os.environ.get("PLEXUS_BOOTSTRAP_SECRET", "")
    if not secret and secret_file and Path(secret_file).is_file():
        secret = Path(secret_file).read_text().strip()
    return Servers(
        mongo=os.environ.get("PLEXUS_MONGO_URL") or local.get("mongo", ""),
        kafka=os.environ.get("PLEXUS_KAFKA_URL") or local.get("kafka", ""),
        opensearch=os.environ.get("PLEXUS_OPENSEARCH_URL") or local.get("opensearch", ""),
        gateway=os.environ.get("PLEXUS_GATEWAY_GRPC") or local.get("gateway (gRPC)", ""),
        secret=secret,
        topic_prefix=os.environ.get("PLEXUS_TOPIC_PREFIX", ""),
        index_prefix=os.environ.get("PLEXUS_INDEX_PREFIX", "plexus-"),
        database_prefix=os.environ.get("PLEXUS_DATABASE_PREFIX", "plexus_"),
        mongo_password=_password(local, "mongo"),
        kafka_password=_password(local, "kafka"),
        kafka_user=os.environ.get("PLEXUS_KAFKA_USER", OPERATOR),
        kafka_ca=_path(os.environ.get("PLEXUS_KAFKA_CA_FILE")),
    )


def _password(local: dict[str, Any], server: str) -> Path | None:
    """Return the file with the operator's password: from the environment, or of the local run."""
    prefix = f"PLEXUS_{server.upper()}"
    given = _path(os.environ.get(f"{prefix}_PASSWORD_FILE"))
    if given is not None or f"{prefix}_URL" in os.environ:
        return given
    return _path(local.get(f"{server} password"))


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def known(address: str, variable: str) -> str:
    """Return a required address.

    Raises:
        Refused: it is unknown.
    """
    if not address:
        raise Refused(
            tr(
                "Set {variable}, or run this where Plexus was started with `make up`.",
                variable=variable,
            )
        )
    return address


def _local_run() -> dict[str, Any]:
    start = Path(os.environ.get("PLEXUS_HOME") or Path.cwd())
    for folder in (start, *start.parents):
        state = folder / ".plexus/run/state.json"
        if state.is_file():
            addresses = json.loads(state.read_text()).get("addresses", {})
            return addresses if isinstance(addresses, dict) else {}
    return {}
