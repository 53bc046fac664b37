"""Kafka 4 as broker and controller in one process."""

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from plexuskit.testing.servers.errors import ServerNotStarted
from plexuskit.testing.servers.java import jars, java
from plexuskit.testing.servers.native import NativeServer
from plexuskit.testing.servers.ports import free_port, free_ports

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
LOGGING = """\
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
"""
API_VERSIONS = struct.pack(">hhih", 18, 0, 1, -1)


class NativeKafka(NativeServer):
    """A broker on loopback; `url` is its bootstrap address."""

    name = "kafka"

    def __init__(self, *, data: Path, log: Path, port: int = 0, controller_port: int = 0) -> None:
        super().__init__(data=data, log=log)
        self.port, self.controller_port = port or free_port(), controller_port or free_port()
        while self.controller_port == self.port:
            self.port, self.controller_port = free_ports(2)
        self.url = f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, write the configuration and format storage the first time."""
        self._java, self._libs = java(), jars("kafka")
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "log4j.properties").write_text(LOGGING)
        self._properties.write_text(
            "".join(f"{key}={value}\n" for key, value in self._settings().items())
        )
        if not (self.data / "log" / "meta.properties").is_file():
            self._format()

    def command(self) -> Sequence[str]:
        """Return the broker on the serial collector: it shares a small machine with the rest."""
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

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    def _settings(self) -> dict[str, str]:
        listener = f"PLAINTEXT://127.0.0.1:{self.port}"
        return SETTINGS | {
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"{listener},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": listener,
            "log.dirs": str(self.data / "log"),
        }

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that begins with a dash would be read as an option.
        cluster = "P" + cluster[1:] if cluster.startswith("-") else cluster
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            code = subprocess.run(  # noqa: S603 - fixed arguments
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


def speaks_kafka(port: int, *, host: str = "127.0.0.1") -> bool:
    """Ask once whether a broker processes requests at this port."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">iih", answer)[1:] == (1, 0)  # noqa: PLR2004 - size, id, error
