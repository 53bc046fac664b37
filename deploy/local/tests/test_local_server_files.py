"""Files of compose's servers: the passwords of each user, and a real broker with those settings."""

import asyncio
from pathlib import Path

import pytest
from plexus.topics import TASKS_TASK_V1
from plexus_local import server_files
from plexus_local.servers import ports
from plexus_local.servers.accounts import KafkaAccounts
from plexus_local.servers.kafka import SETTINGS, NativeKafka, guarded
from plexus_testkit.containers import kafka_environment, kafka_variable
from plexuskit.config import KafkaSection
from plexuskit.kafka import KafkaUnavailable, check_topics, producer, provision
from plexuskit.kafka.grants import OPERATOR, PROVISIONING, services_of, user_of

SERVICES = services_of()


class Composed(NativeKafka):
    """The broker of compose on the test's ports and folders."""

    def __init__(self, *, data: Path, log: Path, files: Path) -> None:
        super().__init__(
            data=data, log=log, accounts=KafkaAccounts.kept(files / "provisioning/kafka")
        )
        self._files = files

    def _settings(self) -> dict[str, str]:
        properties = (self._files / "kafka/server.properties").read_text()
        written = dict(line.split("=", 1) for line in properties.splitlines())
        here = {
            key: value.replace(server_files.CONFIGURATION, str(self._files / "kafka"))
            for key, value in written.items()
        }
        controller = f"127.0.0.1:{self.controller_port}"
        return here | {
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"CLIENT://127.0.0.1:{self.port},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{self.port}",
            "log.dirs": str(self.data / "log"),
        }

    def answers(self) -> bool:
        """Return whether the port is open: it answers TLS only."""
        return ports.answers(self.port)

    @property
    def administering(self) -> KafkaSection:
        return self.over_tls("admin", self._files / "provisioning/kafka/admin", mechanism="PLAIN")

    def over_tls(
        self, user: str, password_file: Path, *, mechanism: str = "SCRAM-SHA-512"
    ) -> KafkaSection:
        return KafkaSection.model_validate(
            {
                "url": self.url,
                "user": user,
                "password_file": password_file,
                "mechanism": mechanism,
                "ca_file": self._files / "tasks/kafka-ca.crt",
            }
        )


@pytest.mark.long
@pytest.mark.rule("GW-12")
async def test_composes_broker_asks_for_users_over_tls_and_obeys_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_files, "KAFKA_HOST", "127.0.0.1")
    monkeypatch.setattr("os.chown", lambda *_: None)
    files = tmp_path / "keys"
    server_files.make_passwords(files, services=SERVICES)
    server_files.make(files)
    server = Composed(data=tmp_path / "data", log=tmp_path / "kafka.log", files=files)
    server.start()
    try:
        provisioning = server.over_tls(PROVISIONING, files / f"provisioning/kafka/{PROVISIONING}")
        await provision(provisioning, [TASKS_TASK_V1], [])
        own = server.over_tls(user_of("tasks"), files / "tasks/kafka-password")
        other = server.over_tls(user_of("search"), files / "search/kafka-password")

        async with producer(own) as out:
            await out.send_batch([(TASKS_TASK_V1.name, "key", b"fact", {})])
        async with producer(other) as out:
            with pytest.raises(KafkaUnavailable):
                await out.send_batch([(TASKS_TASK_V1.name, "key", b"forged", {})])
        plain = {"user": own.user, "password_file": own.password_file}
        for stranger in (
            KafkaSection(url=server.url),
            KafkaSection.model_validate({"url": server.url, **plain}),
            KafkaSection(url=server.url, ca_file=own.ca_file),
        ):
            with pytest.raises(KafkaUnavailable):
                async with asyncio.timeout(60):
                    await check_topics(stranger)
    finally:
        server.stop()


def test_every_user_finds_its_own_password_and_no_other(tmp_path: Path) -> None:
    server_files.make_passwords(tmp_path, services=SERVICES)

    every = KafkaAccounts.kept(tmp_path / "provisioning/kafka")
    for service in SERVICES:
        own = tmp_path / service
        assert sorted(path.name for path in own.iterdir()) == ["kafka-password", "mongo-password"]
        assert (own / "kafka-password").read_text() == every.users[user_of(service)]
    operator = (tmp_path / "operator/kafka-password").read_text()
    assert operator == every.users[OPERATOR]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*-password")} == {0o600}


def test_passwords_are_made_once_and_a_replaced_one_reaches_its_user(tmp_path: Path) -> None:
    server_files.make_passwords(tmp_path, services=SERVICES)
    first = (tmp_path / "search/kafka-password").read_text()
    server_files.make_passwords(tmp_path, services=SERVICES)
    assert (tmp_path / "search/kafka-password").read_text() == first

    (tmp_path / f"provisioning/kafka/{user_of('tasks')}").unlink()
    before = (tmp_path / "tasks/kafka-password").read_text()
    server_files.make_passwords(tmp_path, services=SERVICES)

    assert (tmp_path / "tasks/kafka-password").read_text() != before
    assert (tmp_path / "search/kafka-password").read_text() == first


def test_the_container_gets_every_setting_under_the_name_that_its_image_reads() -> None:
    accounts = KafkaAccounts.derived("secret")
    told = kafka_environment(accounts, host="docker", port=9092)

    assert set(map(kafka_variable, {**SETTINGS, **guarded(accounts)})) <= set(told)
    scram = "KAFKA_LISTENER_NAME_CLIENT_SCRAM___SHA___512_SASL_JAAS_CONFIG"
    assert "ScramLoginModule" in told[scram]
    assert told["KAFKA_ADVERTISED_LISTENERS"] == "CLIENT://docker:9092"
    protocols = told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]
    assert protocols == "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
