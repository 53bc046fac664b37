"""Kafka 4 as broker and controller in one process, with a user for every client.

Clients sign in with SCRAM, the administrator and the broker itself with passwords in the broker's
own settings (PLAIN): those work before any user exists, also on storage of an older version. Users
and access rules are created at every start, once the broker responds.
"""

import asyncio
import base64
import os
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from plexuskit.config import KafkaSection
from plexuskit.kafka.authorize import authorize

from plexus_local.servers.accounts import ADMIN, BROKER, KafkaAccounts
from plexus_local.servers.errors import ServerNotStarted
from plexus_local.servers.java import jars, java
from plexus_local.servers.native import NativeServer
from plexus_local.servers.ports import free_port, free_ports

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "num.partitions": "3",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
_LOGIN = "org.apache.kafka.common.security"


def guarded(accounts: KafkaAccounts, *, clients: str = "SASL_PLAINTEXT") -> Mapping[str, str]:
    """Return the settings by which a broker authenticates every client and enforces the rules.

    The controller's listener has users too: otherwise its anonymous callers would have the rights
    of the broker.

    Args:
        accounts: The passwords.
        clients: Security protocol of the clients' listener.
    """
    plain = f"{_LOGIN}.plain.PlainLoginModule required"
    own = f'username="{BROKER}" password="{accounts.broker}" user_{BROKER}="{accounts.broker}"'
    return {
        "listener.security.protocol.map": f"CLIENT:{clients},CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f"{_LOGIN}.scram.ScramLoginModule required;"
        ),
        "listener.name.client.plain.sasl.jaas.config": (
            f'{plain} {own} user_{ADMIN}="{accounts.admin}";'
        ),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": f"{plain} {own};",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{BROKER};User:{ADMIN}",
    }


LOGGING = """\
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
"""
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)


class NativeKafka(NativeServer):
    """Broker on loopback; `url` is its bootstrap address, `accounts` are its users."""

    name = "kafka"

    def __init__(
        self,
        *,
        data: Path,
        log: Path,
        port: int = 0,
        controller_port: int = 0,
        accounts: KafkaAccounts | None = None,
    ) -> None:
        super().__init__(data=data, log=log)
        self.accounts = accounts or KafkaAccounts.derived()
        self.port, self.controller_port = port or free_port(), controller_port or free_port()
        while self.controller_port == self.port:
            self.port, self.controller_port = free_ports(2)
        self.url = f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Download the jars, write the configuration and format new storage."""
        self._java, self._libs = java(), jars("kafka")
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.data / "log4j.properties").write_text(LOGGING)
        self._write_settings()
        if not (self.data / "log" / "meta.properties").is_file():
            self._format()

    def command(self) -> Sequence[str]:
        """Return the broker's command with the serial collector, which suits a small machine."""
        return [
            str(self._java),
            *("-Xmx384m", "-XX:+UseSerialGC"),
            f"-Dlog4j.configuration=file:{self.data / 'log4j.properties'}",
            *("-cp", f"{self._libs}/*"),
            "kafka.Kafka",
            str(self._properties),
        ]

    def answers(self) -> bool:
        """Send an ApiVersions request, which a broker answers only once it processes requests."""
        return speaks_kafka(self.port)

    def settle(self) -> None:
        """Create the users and the access rules of the catalogue."""
        authorized(self.administering, self.accounts)

    @property
    def administering(self) -> KafkaSection:
        """The section of the administrator."""
        return self.accounts.administering(self.url)

    def section(self, user: str, *, topic_prefix: str = "") -> KafkaSection:
        """Return the section of a user of the catalogue."""
        return self.accounts.section(self.url, user, topic_prefix=topic_prefix)

    def _write_settings(self) -> None:
        """Write the settings, which contain passwords, readable by their owner only."""
        content = "".join(f"{key}={value}\n" for key, value in self._settings().items())
        fresh = self._properties.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(content)
        fresh.replace(self._properties)

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    def _settings(self) -> dict[str, str]:
        listener = f"CLIENT://127.0.0.1:{self.port}"
        return {
            **SETTINGS,
            **guarded(self.accounts),
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"{listener},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": listener,
            "log.dirs": str(self.data / "log"),
        }

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that begins with a dash would be parsed as an option.
        cluster = "P" + cluster[1:] if cluster.startswith("-") else cluster
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            code = subprocess.run(
                [
                    *(str(self._java), "-cp", f"{self._libs}/*", "kafka.tools.StorageTool"),
                    *("format", "-t", cluster, "-c", str(self._properties)),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=60,
                check=False,
            ).returncode
        if code != 0:
            raise ServerNotStarted(name=self.name, reason="storage not formatted", log=self.log)


def authorized(administering: KafkaSection, accounts: KafkaAccounts) -> None:
    """Create users and access rules, also from a thread with a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(authorize(administering, accounts.users))).result()


def speaks_kafka(port: int, *, host: str = "127.0.0.1") -> bool:
    """Check once whether a broker processes requests at this port."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)  # noqa: PLR2004 - size, id, error
