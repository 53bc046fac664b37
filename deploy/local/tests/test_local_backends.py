"""The supervisor runs the real servers and brings them back with their data."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plexus.topics import TOPICS
from plexus_local import commands
from plexus_local.backends import backends
from plexus_local.journal import Status, recorded
from plexus_local.layout import Layout
from plexus_local.plan import JobFailed
from plexus_local.ports import Ports
from plexuskit.config import KafkaSection, MongoSection
from plexuskit.kafka.clients import admin
from plexuskit.mongo import connect

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
    return Plan(stages=[servers, Stage(jobs=[topics(urls.kafka)])], addresses=urls._asdict())

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
    async with connect(MongoSection(url=first["mongo"], database="kept")) as db:
        await db.collection("notes", schema_version=1).insert({"_id": "a"})
    async with admin(KafkaSection(url=first["kafka"])) as client:
        assert {topic.name for topic in TOPICS} <= set(await client.list_topics())

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
    async with connect(MongoSection(url=second["mongo"], database="kept")) as db:
        assert await db.collection("notes", schema_version=1).count({}) == 1
    async with admin(KafkaSection(url=second["kafka"])) as client:
        assert {topic.name for topic in TOPICS} <= set(await client.list_topics())


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
