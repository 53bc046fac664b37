"""The supervisor with real servers: it starts them and restarts them with their data."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from plexus.topics import TASKS_TASK_V1
from plexus_local import commands
from plexus_local.backends import backends, kafka_section, topics
from plexus_local.journal import Status, recorded
from plexus_local.layout import Layout
from plexus_local.plan import JobFailed
from plexus_local.ports import Ports
from plexus_local.servers import KafkaAccounts, NativeKafka, NativeMongo
from plexus_local.servers.kafka import SETTINGS
from plexuskit.config import KafkaSection, MongoSection
from plexuskit.kafka import KafkaUnavailable, check_topics, producer, provision, tail
from plexuskit.kafka.grants import OPERATOR, user_of
from plexuskit.mongo import connect
from pydantic import SecretStr

SUPERVISE = """\
import sys
from pathlib import Path
from plexus_local.backends import backends, topics
from plexus_local.layout import Layout
from plexus_local.plan import Plan, Stage
from plexus_local.ports import Ports
from plexus_local.supervisor import supervise

layout = Layout(Path(sys.argv[1]))

def plan():
    servers, urls = backends(layout, Ports(layout.ports))
    return Plan(stages=[servers, Stage(jobs=[topics(urls)])], addresses=urls._asdict())

sys.exit(supervise(layout, plan=plan))
"""
GIVEN = ("PLEXUS_MONGO_URL", "PLEXUS_KAFKA_URL", "PLEXUS_OPENSEARCH_URL")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    for variable in GIVEN:
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "supervise.py").write_text(SUPERVISE)
    layout = Layout(tmp_path / ".plexus")
    yield layout
    commands.down(layout)


def _up(layout: Layout) -> dict[str, Any]:
    command = [sys.executable, str(layout.root.parent / "supervise.py"), str(layout.root)]
    assert commands.up(layout, supervise=command) == 0
    return recorded(layout)


async def test_servers_come_back_with_data_and_ports(
    layout: Layout, until: Callable[..., Any]
) -> None:
    first = _up(layout)["addresses"]
    async with connect(mongo_of("tasks", first)) as db:
        await db.collection("notes", schema_version=1).insert({"_id": "a"})
    assert (await check_topics(kafka_of(OPERATOR, first))).missing == ()

    before = recorded(layout)["parts"]["mongo"]["pid"]
    os.kill(before, signal.SIGKILL)
    until(
        lambda: (
            recorded(layout)["parts"]["mongo"]["status"] == Status.READY
            and recorded(layout)["parts"]["mongo"]["pid"] != before
        ),
        within=30,
    )
    commands.down(layout)
    second = _up(layout)["addresses"]

    assert second == first
    async with connect(mongo_of("tasks", second)) as db:
        assert await db.collection("notes", schema_version=1).count({}) == 1
    assert (await check_topics(kafka_of(OPERATOR, second))).missing == ()


def mongo_of(service: str, addresses: dict[str, str]) -> MongoSection:
    """Return the database of a service, with its user."""
    user = user_of(service)
    return MongoSection(
        url=addresses["mongo"],
        database=f"plexus_{service}",
        user=user,
        password_file=Path(addresses["mongo_passwords"]) / user,
    )


def kafka_of(user: str, addresses: dict[str, str]) -> KafkaSection:
    """Return Kafka with a user."""
    return KafkaSection(
        url=addresses["kafka"],
        user=user,
        password_file=Path(addresses["kafka_passwords"]) / user,
    )


async def written(section: KafkaSection, topic: str) -> bool:
    """Return whether a record was accepted."""
    try:
        async with producer(section) as out:
            await out.send_batch([(topic, "key", b"fact", {})])
    except KafkaUnavailable:
        return False
    return True


async def holds(section: MongoSection) -> bool:
    """Return whether a database returns its content."""
    async with connect(section) as db:
        try:
            return bool(await db.collection_names())
        except Exception:  # noqa: BLE001 - any refusal is what is looked for
            return False


def open_kafka(server: NativeKafka) -> NativeKafka:
    """Configure a server as before the introduction of users."""
    listener = f"PLAINTEXT://127.0.0.1:{server.port}"
    controller = f"127.0.0.1:{server.controller_port}"
    settings = SETTINGS | {
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"{listener},CONTROLLER://{controller}",
        "advertised.listeners": listener,
        "log.dirs": str(server.data / "log"),
    }
    server._settings = lambda: settings
    server.settle = lambda: None
    return server


@pytest.mark.long
@pytest.mark.rule("GW-12")
async def test_data_of_the_time_before_users_is_kept_and_closed(layout: Layout) -> None:
    """Data of an earlier version, without users and readable by all, is kept and protected."""
    for folder in (layout.data, layout.logs):
        folder.mkdir(parents=True, mode=0o755)
    mongo = NativeMongo(data=layout.data / "mongo", log=layout.log("mongo"))
    kafka = open_kafka(NativeKafka(data=layout.data / "kafka", log=layout.log("kafka")))
    plain = KafkaSection(url=kafka.url)
    with mongo, kafka:
        async with connect(MongoSection(url=mongo.url, database="plexus_tasks")) as db:
            await db.collection("notes", schema_version=1).insert({"_id": "a"})
        await provision(plain)
        assert await written(plain, TASKS_TASK_V1.name)

    now = _up(layout)["addresses"]

    async with connect(mongo_of("tasks", now)) as db:
        assert await db.collection("notes", schema_version=1).count({}) == 1
        await db.check_parameters()
    own, other = kafka_of(user_of("tasks"), now), kafka_of(user_of("search"), now)
    reader = kafka_of(user_of("search"), now)
    async with tail(reader, [TASKS_TASK_V1], since=datetime.fromtimestamp(0, UTC)) as records:
        (record,) = await anext(aiter(records))
        assert record.value == b"fact"
    assert await written(own, TASKS_TASK_V1.name)
    assert not await written(other, TASKS_TASK_V1.name)
    assert not await written(KafkaSection(url=now["kafka"]), TASKS_TASK_V1.name)
    assert not await holds(MongoSection(url=now["mongo"], database="plexus_tasks"))
    foreign = mongo_of("search", now).model_copy(update={"database": "plexus_tasks"})
    assert not await holds(foreign)
    assert {path.stat().st_mode & 0o777 for path in (layout.data, layout.logs)} == {0o700}


@pytest.mark.long
@pytest.mark.rule("GW-12")
async def test_a_removed_password_is_made_anew_and_the_one_before_opens_nothing(
    layout: Layout,
) -> None:
    first = _up(layout)["addresses"]
    user = user_of("tasks")
    before = kafka_of(user, first).model_copy(
        update={
            "password": SecretStr(layout.passwords("kafka").joinpath(user).read_text()),
            "password_file": None,
        }
    )
    assert await written(before, TASKS_TASK_V1.name)
    commands.down(layout)
    for server in ("kafka", "mongo"):
        layout.passwords(server).joinpath(user).unlink()

    second = _up(layout)["addresses"]

    assert await written(kafka_of(user, second), TASKS_TASK_V1.name)
    assert not await written(before, TASKS_TASK_V1.name)
    async with connect(mongo_of("tasks", second)) as db:
        await db.collection("notes", schema_version=1).insert({"_id": "a"})


def test_a_given_server_is_used_and_must_answer(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.make()
    for variable in GIVEN:
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("PLEXUS_MONGO_URL", "mongodb://127.0.0.1:9/?directConnection=true")

    stage, urls = backends(layout, Ports(layout.ports))

    assert not stage.processes
    assert urls.kafka == "http://127.0.0.1:9"
    for job in stage.jobs:
        with pytest.raises(JobFailed, match="unset PLEXUS_"):
            job.run()


def others_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan only the server under test."""
    monkeypatch.setenv("PLEXUS_MONGO_URL", "mongodb://127.0.0.1:9/?directConnection=true")
    monkeypatch.setenv("PLEXUS_OPENSEARCH_URL", "http://127.0.0.1:9")


@pytest.mark.long
async def test_a_given_kafka_gets_its_users_from_its_administrator(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.make()
    accounts = KafkaAccounts.derived("of the server that was there before")
    file = tmp_path / "admin-password"
    file.write_text(accounts.admin)
    with NativeKafka(
        data=tmp_path / "given", log=tmp_path / "given.log", accounts=accounts
    ) as given:
        others_given(monkeypatch)
        monkeypatch.setenv("PLEXUS_KAFKA_URL", given.url)
        monkeypatch.setenv("PLEXUS_KAFKA_ADMIN_PASSWORD_FILE", str(file))
        monkeypatch.setenv("PLEXUS_KAFKA_ADMIN_MECHANISM", "PLAIN")

        stage, urls = await asyncio.to_thread(backends, layout, Ports(layout.ports))
        jobs = [job for job in stage.jobs if job.name.startswith("kafka")]
        assert [job.name for job in jobs] == ["kafka (given)", "kafka users"]
        for job in [*jobs, topics(urls)]:
            await asyncio.to_thread(job.run)

        assert not stage.processes
        assert urls.kafka_passwords == str(layout.passwords("kafka"))
        own = kafka_of(user_of("tasks"), urls._asdict())
        assert await written(own, TASKS_TASK_V1.name)
        assert not await written(KafkaSection(url=given.url), TASKS_TASK_V1.name)
        # The passwords are now those of this run.
        assert not await written(given.section(user_of("tasks")), TASKS_TASK_V1.name)


def test_a_given_kafka_without_an_administrator_is_used_without_users(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.make()
    monkeypatch.delenv("PLEXUS_KAFKA_ADMIN_PASSWORD_FILE", raising=False)
    others_given(monkeypatch)
    monkeypatch.setenv("PLEXUS_KAFKA_URL", "127.0.0.1:9")

    _, urls = backends(layout, Ports(layout.ports))

    assert (urls.kafka, urls.kafka_passwords) == ("127.0.0.1:9", "")
    assert kafka_section(urls, OPERATOR).user == ""
