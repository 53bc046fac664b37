#!/usr/bin/env python
"""Provisioning of the users of MongoDB and Kafka, Kafka's access rules and the topics.

    provision_servers.py DIR [--mongo URL] [--kafka ADDRESS]

Idempotent: missing objects are created, passwords and rights are updated, and rules that the
    catalogue no longer grants are removed. `DIR` is the folder `provisioning` that `make_keys.py`
    has written. Needs plexuskit, which every image of Plexus contains.

MongoDB is a replica set whose members authenticate with `DIR/mongo/replica-set-key`; with
`--member` it is initiated if necessary. Kafka's administrator is `--kafka-admin` (`admin`), who
signs in with the password in `DIR/kafka/admin` by `--kafka-mechanism` (`PLAIN`), over TLS if
`DIR/kafka-ca.crt` exists.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from plexus_local.servers.accounts import KafkaAccounts, MongoAccounts
from plexus_local.servers.mongo import as_member, become_primary, make_users
from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.kafka.authorize import authorize
from plexuskit.kafka.grants import PROVISIONING, services_of

WITHIN = 60.0


def main() -> None:
    """Provision the servers that the arguments name."""
    parser = argparse.ArgumentParser(description="Make the users of MongoDB and Kafka.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mongo", help="address of the primary, mongodb://HOST:PORT/?…")
    parser.add_argument("--member", help="initiate a set of one with this HOST:PORT")
    parser.add_argument("--kafka", help="bootstrap address")
    parser.add_argument("--kafka-admin", default="admin")
    parser.add_argument("--kafka-mechanism", default="PLAIN", choices=["PLAIN", "SCRAM-SHA-512"])
    parser.add_argument("--topic-prefix", default="")
    parser.add_argument("--replication", type=int, default=1)
    chosen = parser.parse_args()

    if chosen.mongo:
        provision_mongo(chosen.folder, url=chosen.mongo, member=chosen.member)
    if chosen.kafka:
        asyncio.run(provision_kafka(chosen))


def provision_mongo(folder: Path, *, url: str, member: str | None) -> None:
    """Initiate the replica set if requested, and create a user for each service."""
    accounts = MongoAccounts.kept(folder / "mongo", services=services_of())
    internal = as_member(url, accounts)
    if member:
        become_primary(internal, member=member, within=WITHIN)
    make_users(internal, accounts)
    say(f"MongoDB knows {', '.join(accounts.services)}")


async def provision_kafka(chosen: argparse.Namespace) -> None:
    """Create a user for each service, the access rules of the catalogue, and its topics."""
    accounts = KafkaAccounts.kept(chosen.folder / "kafka")
    authority = chosen.folder / "kafka-ca.crt"
    base = KafkaSection(
        url=chosen.kafka,
        topic_prefix=chosen.topic_prefix,
        ca_file=authority if authority.is_file() else None,
    )
    administrator = {
        "user": chosen.kafka_admin,
        "mechanism": chosen.kafka_mechanism,
        "password": accounts.admin,
    }
    report = await authorize(
        KafkaSection.model_validate(base.model_dump() | administrator), accounts.users
    )
    say(f"Kafka: {len(report.added)} rules added, {len(report.removed)} removed")
    for rule in report.foreign:
        say(f"Kafka: a rule that Plexus does not know: {rule}")

    provisioning = {"user": PROVISIONING, "password": accounts.users[PROVISIONING]}
    section = KafkaSection.model_validate(base.model_dump() | provisioning)
    topics = await provision(section, replication=chosen.replication)
    say(f"Kafka: {len(topics.created)} topics created")
    for difference in topics.differing:
        say(f"Kafka: a topic differs from the catalogue: {difference}")


def say(line: str) -> None:
    """Write a line to the log of the job."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
