"""Files of an installation's MongoDB and Kafka: passwords of every user, settings of the servers.

`deploy/compose/make_keys.py` writes them, `deploy/compose/provision_servers.py` creates the users.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from plexuskit.kafka.grants import OPERATOR, user_of

from plexus_local.certificates import CertificateAuthority, replace_file
from plexus_local.servers.accounts import KafkaAccounts, MongoAccounts
from plexus_local.servers.kafka import SETTINGS, guarded

KAFKA_HOST: Final = "kafka"
KAFKA_UID: Final = 1000
"""User id of the image `apache/kafka`."""
MONGO_UID: Final = 999
"""User id of the image `mongo`."""
CONFIGURATION: Final = "/mnt/shared/config"
"""Folder in which the image `apache/kafka` reads `server.properties`."""
_LIFE: Final = timedelta(days=3650)
_CA: Final = "kafka-ca.crt"


def make_passwords(folder: Path, *, services: Sequence[str]) -> None:
    """Create the missing passwords, and write each one to its user's file with mode 0600.

    To change a password, replace its file in `provisioning`, run this again, then
    `provision_servers.py`, then restart the user's processes.
    """
    kafka = KafkaAccounts.kept(folder / "provisioning/kafka")
    mongo = MongoAccounts.kept(folder / "provisioning/mongo", services=services)
    for service in services:
        own = folder / service
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(own / "kafka-password", kafka.users[user_of(service)].encode())
        replace_file(own / "mongo-password", mongo.services[user_of(service)].encode())
    operator = folder / "operator"
    operator.mkdir(mode=0o700, exist_ok=True)
    replace_file(operator / "kafka-password", kafka.users[OPERATOR].encode())
    replace_file(operator / "mongo-password", mongo.operator.encode())


def make(folder: Path) -> None:
    """Write the settings and certificates of compose's servers, and set their owners.

    The certificate of Kafka is created once, for ten years, for its name on the compose network;
    remove `DIR/kafka` to replace it. Needs the passwords, and root to change owners.
    """
    accounts = KafkaAccounts.kept(folder / "provisioning/kafka")
    kafka = folder / "kafka"
    kafka.mkdir(mode=0o700, exist_ok=True)
    if not (kafka / "broker.pem").is_file():
        authority = CertificateAuthority("Plexus Kafka CA", life=_LIFE)
        pair = authority.issue_public(KAFKA_HOST)
        replace_file(kafka / _CA, authority.pem)
        replace_file(kafka / "broker.pem", pair.key + pair.cert)
    properties = "".join(f"{k}={v}\n" for k, v in kafka_properties(accounts).items())
    replace_file(kafka / "server.properties", properties.encode())

    readers = {path.parent for path in folder.glob("*/kafka-password")}
    for reader in {*readers, folder / "provisioning"}:
        replace_file(reader / _CA, (kafka / _CA).read_bytes())

    mongo = folder / "mongo"
    mongo.mkdir(mode=0o700, exist_ok=True)
    key = MongoAccounts.kept(folder / "provisioning/mongo", services=()).key_file
    replace_file(mongo / key.name, key.read_bytes())
    if os.geteuid() == 0:
        for path, uid in ((kafka, KAFKA_UID), (mongo, MONGO_UID)):
            for each in (path, *path.iterdir()):
                os.chown(each, uid, uid)


def kafka_properties(accounts: KafkaAccounts, *, folder: str = CONFIGURATION) -> dict[str, str]:
    """Return the settings of the broker of compose: users over TLS, the controller on loopback.

    Args:
        accounts: The passwords.
        folder: Folder of the broker's certificate.
    """
    return {
        **SETTINGS,
        **guarded(accounts, clients="SASL_SSL"),
        "controller.quorum.voters": "1@127.0.0.1:9093",
        "listeners": "CLIENT://:9092,CONTROLLER://127.0.0.1:9093",
        "advertised.listeners": f"CLIENT://{KAFKA_HOST}:9092",
        "log.dirs": "/var/lib/kafka/data",
        "listener.name.client.ssl.keystore.type": "PEM",
        "listener.name.client.ssl.keystore.location": f"{folder}/broker.pem",
        "listener.name.client.ssl.truststore.type": "PEM",
        "listener.name.client.ssl.truststore.location": f"{folder}/{_CA}",
    }
