"""The native servers start, work with Plexus, keep their data, and die with us."""

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexus_local import servers
from plexus_local.servers import java, ports
from plexus_local.servers.child import Child, process_started, stop_recorded
from plexus_testkit import containers, eventually
from plexus_testkit.found import found
from plexuskit.config import MongoSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import producer, provision
from plexuskit.mongo import Database, Transaction, connect


@pytest.fixture(scope="module")
def native_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.NativeMongo]:
    folder = tmp_path_factory.mktemp("mongo")
    with servers.mongo(folder / "data", log=folder / "mongo.log") as server:
        yield server


@pytest.fixture(scope="module")
def native_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.NativeKafka]:
    folder = tmp_path_factory.mktemp("kafka")
    with servers.kafka(folder / "data", log=folder / "kafka.log") as server:
        yield server


@pytest.fixture(scope="module")
def native_opensearch(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[servers.NativeOpenSearch]:
    folder = tmp_path_factory.mktemp("opensearch")
    with servers.opensearch(folder / "data", log=folder / "opensearch.log") as server:
        yield server


class TestMongo:
    async def test_commits_a_transaction(self, native_mongo: servers.NativeMongo) -> None:
        async with connect(MongoSection(url=native_mongo.url, database="tx")) as db:
            notes = db.collection("notes", schema_version=1)

            async def work(tx: Transaction) -> None:
                await notes.insert({"_id": "a"}, tx=tx)
                await notes.insert({"_id": "b"}, tx=tx)

            await db.transact(work)

            assert await notes.count({}) == 2

    async def test_has_the_parameters_readiness_asks_for(
        self, native_mongo: servers.NativeMongo
    ) -> None:
        async with connect(MongoSection(url=native_mongo.url, database="tx")) as db:
            await db.check_parameters()

    async def test_keeps_data_and_stays_primary_when_its_port_changes(self, tmp_path: Path) -> None:
        async def notes(url: str) -> list[dict[str, Any]]:
            async with connect(MongoSection(url=url, database="kept")) as db:
                return await db.collection("notes", schema_version=1).find_all({})

        async def write(url: str) -> None:
            async with connect(MongoSection(url=url, database="kept")) as db:
                await db.collection("notes", schema_version=1).insert({"_id": "a"})

        with await asyncio.to_thread(
            servers.mongo, tmp_path / "d", log=tmp_path / "1.log"
        ) as first:
            await write(first.url)
        with servers.mongo(tmp_path / "d", log=tmp_path / "2.log") as second:
            assert second.url != first.url
            assert [note["_id"] for note in await notes(second.url)] == ["a"]

    @pytest.mark.rule("GW-12")
    async def test_gives_each_service_its_own_database_and_no_other(self, tmp_path: Path) -> None:
        accounts = servers.MongoAccounts.kept(tmp_path / "s", services=["tasks", "search"])
        with servers.mongo(tmp_path / "d", log=tmp_path / "log", accounts=accounts) as server:
            own = section_of(server, "plexus-tasks", database="plexus_tasks")
            async with connect(own) as db:
                notes = db.collection("notes", schema_version=1)
                await db.check_parameters()
                async with db.changes(["notes"], after=None):
                    await notes.insert({"_id": "a"})
                await db.transact(lambda tx: notes.insert({"_id": "b"}, tx=tx))
                assert await notes.count({}) == 2
            for section in (
                section_of(server, "plexus-search", database="plexus_tasks"),
                section_of(server, "plexus-tasks", database="admin"),
                MongoSection(url=server.url, database="plexus_tasks"),
            ):
                async with connect(section) as db:
                    # Without rights the database is away to a service, and no record is at fault.
                    with pytest.raises(DependencyDown) as refused:
                        await db.collection_names()
                    assert re.search("authoriz|authenticat", str(refused.value.__cause__))
            async with connect(
                MongoSection(url=server.operator_url, database="plexus_tasks")
            ) as db:
                assert await db.collection_names() == ["notes"]


def section_of(server: servers.NativeMongo, user: str, *, database: str) -> MongoSection:
    """Return a database with a user."""
    assert server.accounts is not None
    file = server.accounts.key_file.with_name(user)
    return MongoSection(url=server.url, database=database, user=user, password_file=file)


class TestKafka:
    async def test_stores_facts_under_the_catalogue(
        self, native_kafka: servers.NativeKafka
    ) -> None:
        section = native_kafka.administering
        await provision(section, [MESSAGING_CONVERSATION_V1], [])

        async with producer(section) as sending:
            await sending.send_batch(
                [(MESSAGING_CONVERSATION_V1.name, key, b"fact", {}) for key in ("a", "b")]
            )

    def test_does_not_format_its_storage_again(self, native_kafka: servers.NativeKafka) -> None:
        identity = native_kafka.data / "log" / "meta.properties"
        before = identity.read_text()

        native_kafka.prepare()

        assert identity.read_text() == before


@pytest.mark.long
class TestOpenSearch:
    @pytest.mark.parametrize(
        ("analyzer", "text", "words"),
        [
            ("smartcn", "具体情况就需要分析了", ["具体", "情况", "就", "需要", "分析", "了"]),
            ("icu_analyzer", "我家在上海东边", ["我家", "在", "上海", "东边"]),
            ("thai", "ภาษาไทย", ["ภาษา", "ไทย"]),
        ],
    )
    def test_src_05_analyses_the_language(
        self,
        native_opensearch: servers.NativeOpenSearch,
        analyzer: str,
        text: str,
        words: list[str],
    ) -> None:
        answer = _request(
            native_opensearch, "POST", "/_analyze", {"analyzer": analyzer, "text": text}
        )

        assert [token["token"] for token in answer["tokens"]] == words

    def test_src_05_finds_chinese_in_an_index_with_its_own_analysis(
        self, native_opensearch: servers.NativeOpenSearch
    ) -> None:
        chinese = {
            "type": "custom",
            "tokenizer": "smartcn_tokenizer",
            "filter": ["icu_folding"],
        }
        _request(
            native_opensearch,
            "PUT",
            "/notes",
            {
                "settings": {"analysis": {"analyzer": {"chinese": chinese}}},
                "mappings": {"properties": {"text": {"type": "text", "analyzer": "chinese"}}},
            },
        )
        _request(
            native_opensearch, "PUT", "/notes/_doc/1?refresh=true", {"text": "我家在上海东边。"}
        )

        found = _request(
            native_opensearch, "POST", "/notes/_search", {"query": {"match": {"text": "上海"}}}
        )

        assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]

    def test_is_alone_in_its_cluster(self, native_opensearch: servers.NativeOpenSearch) -> None:
        health = _request(native_opensearch, "GET", "/_cluster/health", None)

        assert health["number_of_nodes"] == 1
        assert health["cluster_name"].startswith("plexus-")

    def test_a_second_reservation_gets_another_port(
        self, native_opensearch: servers.NativeOpenSearch
    ) -> None:
        other = ports.RunnerBase.reserve(native_opensearch.port)

        assert other is not None
        assert abs(other.base - native_opensearch.port) > 1
        other.release()


def _request(
    server: servers.NativeOpenSearch, method: str, path: str, body: dict[str, Any] | None
) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port + 1, timeout=30)
    try:
        connection.request(
            method,
            path,
            body=json.dumps(body) if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    assert response.status < 300, content
    return json.loads(content)


class TestChild:
    def test_dies_with_a_killed_parent(self, tmp_path: Path) -> None:
        code = (
            "import sys, time; from pathlib import Path;"
            "from plexus_local.servers import Child;"
            f"child = Child(['sleep', '300'], log=Path({str(tmp_path / 'log')!r}));"
            "print(child.pid, flush=True); time.sleep(300)"
        )
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:  # noqa: S603 - our own
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            assert process_started(pid) is not None

            parent.kill()

        _wait_until_gone(pid)

    def test_is_killed_when_it_ignores_the_request_to_end(self, tmp_path: Path) -> None:
        child = Child(["sh", "-c", "trap '' TERM; echo on; sleep 300"], log=tmp_path / "log")
        _wait_for_text(tmp_path / "log", "on")

        assert child.stop(within=0.2) == -signal.SIGKILL

    def test_takes_its_own_children_with_it(self, tmp_path: Path) -> None:
        child = Child(["sh", "-c", "sleep 300 & echo $!; wait"], log=tmp_path / "log")
        grandchild = int(_wait_for_text(tmp_path / "log", "\n"))

        child.stop()

        _wait_until_gone(grandchild)

    def test_leaves_nothing_of_a_recorded_group_whose_head_is_gone(self, tmp_path: Path) -> None:
        child = Child(["sh", "-c", "sleep 300 & echo $!"], log=tmp_path / "log")
        grandchild = int(_wait_for_text(tmp_path / "log", "\n"))
        assert child.started is not None
        _wait_until_gone(child.pid)

        assert stop_recorded(pid=child.pid, started=child.started)
        _wait_until_gone(grandchild)
        child.stop()

    def test_says_what_cannot_be_run(self, tmp_path: Path) -> None:
        child = Child(["/nowhere/at-all"], log=tmp_path / "log")

        assert "/nowhere/at-all cannot be run" in _wait_for_text(tmp_path / "log", "run")
        _wait_until_gone(child.pid)
        assert child.stop() == 1

    def test_a_recorded_pid_of_another_process_is_left_alone(self) -> None:
        assert not stop_recorded(pid=os.getpid(), started="some other time")

    def test_a_recorded_process_is_stopped(self, tmp_path: Path) -> None:
        child = Child(["sleep", "300"], log=tmp_path / "log")
        assert child.started is not None
        reaper = threading.Thread(target=lambda: child.exit_code or child.stop(within=60))
        reaper.start()

        assert stop_recorded(pid=child.pid, started=child.started)
        reaper.join()


def _wait_for_text(path: Path, text: str) -> str:
    deadline = time.monotonic() + 10
    while text not in (content := path.read_text()):
        assert time.monotonic() < deadline, content
        time.sleep(0.02)
    return content


def _wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while process_started(pid) is not None:
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.02)


class TestJava:
    def test_the_one_chosen_runs_both_servers(self) -> None:
        runtime = java.examined(java.java())

        assert runtime is not None
        assert runtime.fits
        assert runtime.version >= (java.OLDEST,)

    def test_a_runtime_without_locales_is_passed_over(self, tmp_path: Path) -> None:
        runtime = java.examined(_fake_java(tmp_path, "java.base@25.0.1\njdk.incubator.vector@25"))

        assert runtime is not None
        assert not runtime.fits
        assert "Thai locale data" in str(runtime)

    def test_an_old_java_home_gives_way_to_a_newer_installation(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = _fake_java(
            tmp_path, "java.base@17.0.9\njdk.localedata@17.0.9\njdk.incubator.vector@17.0.9"
        )
        monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))

        assert java.java.__wrapped__() != old

    def test_its_absence_names_a_remedy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(java, "PLACES", ())

        with pytest.raises(servers.ToolMissing, match=r"none is installed(.|\n)*install a JDK"):
            java.java.__wrapped__()

    def test_jars_are_fetched_once_and_by_one_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = tmp_path / "calls"
        _program(
            tmp_path / "bin" / "mvn",
            f'echo called >> {calls}; sleep 0.3; for word in "$@"; do case $word in '
            '-DoutputDirectory=*) d=${word#*=}; mkdir "$d"; touch "$d/a.jar";; esac; done',
        )
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("PLEXUS_HOME", str(tmp_path / "home"))
        found: list[Path] = []
        runs = [threading.Thread(target=lambda: found.append(java.jars("kafka"))) for _ in range(3)]

        for run in runs:
            run.start()
        for run in runs:
            run.join()

        assert calls.read_text() == "called\n"
        assert len(set(found)) == 1
        assert (found[0] / "a.jar").is_file()

    def test_a_failed_download_leaves_nothing_and_says_why(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _program(tmp_path / "bin" / "mvn", "echo repository unreachable; exit 1")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("PLEXUS_HOME", str(tmp_path / "home"))

        with pytest.raises(servers.ToolMissing, match="repository unreachable"):
            java.jars("kafka")
        assert [path.suffix for path in (tmp_path / "home/.plexus/tools").iterdir()] == [".lock"]


def _fake_java(folder: Path, modules: str) -> Path:
    program = folder / "jdk" / "bin" / "java"
    _program(program, f"cat <<END\n{modules}\nEND")
    return program


def _program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class TestFinding:
    def test_an_address_in_the_environment_wins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLEXUS_TEST_KAFKA_URL", "elsewhere:9092")
        # Of the broker that this run has started for its workers.
        monkeypatch.delenv("PLEXUS_TEST_KAFKA_ADMIN_PASSWORD_FILE", raising=False)

        with found("kafka", directory=tmp_path) as url:
            assert url == "elsewhere:9092"

    @pytest.mark.alone
    def test_an_absent_docker_engine_is_noticed_quickly(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{ports.free_port()}")
        started = time.monotonic()

        assert not containers.engine_answers()
        assert time.monotonic() - started < 2

    def test_a_server_that_ends_is_reported_with_its_log(self, tmp_path: Path) -> None:
        class Broken(servers.NativeServer):
            name = "broken"

            def prepare(self) -> None:
                self.data.mkdir()

            def command(self) -> list[str]:
                return ["sh", "-c", "echo the disk is full; exit 3"]

            def answers(self) -> bool:
                return False

        with pytest.raises(servers.ServerNotStarted, match=r"code 3(.|\n)*the disk is full"):
            Broken(data=tmp_path / "data", log=tmp_path / "log").start()


async def test_the_database_fixture_gives_each_test_its_own(db: Database) -> None:
    notes = db.collection("notes", schema_version=1)
    await notes.insert({"_id": "a"})

    assert await eventually(lambda: notes.count({})) == 1
