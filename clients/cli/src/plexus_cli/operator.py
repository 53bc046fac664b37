"""What only an operator has: the addresses of the servers behind Plexus.

From `PLEXUS_MONGO_URL`, `PLEXUS_KAFKA_URL`, `PLEXUS_OPENSEARCH_URL`, `PLEXUS_GATEWAY_GRPC` and
`PLEXUS_BOOTSTRAP_SECRET`; where these are not set, from the local run (`.plexus/run/state.json` in
this folder or one above it).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plexus_cli.problems import Refused

SERVICES = ("directory", "messaging", "tasks", "notify", "audit")


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers are; empty when unknown."""

    mongo: str
    kafka: str
    opensearch: str
    gateway: str
    secret: str
    topic_prefix: str
    index_prefix: str
    database_prefix: str


def servers() -> Servers:
    """Find the servers; environment first, then the local run."""
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
    )


def known(address: str, variable: str) -> str:
    """Give an address that is needed.

    Raises:
        Refused: it is not known.
    """
    if not address:
        raise Refused(f"Set {variable}, or run this where Plexus was started with `make up`.")
    return address


def _local_run() -> dict[str, Any]:
    start = Path(os.environ.get("PLEXUS_HOME") or Path.cwd())
    for folder in (start, *start.parents):
        state = folder / ".plexus/run/state.json"
        if state.is_file():
            addresses = json.loads(state.read_text()).get("addresses", {})
            return addresses if isinstance(addresses, dict) else {}
    return {}
