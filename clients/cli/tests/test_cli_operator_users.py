"""Server users of operators' commands: from the environment, or those of the local run."""

import json
from pathlib import Path

import pytest
from plexus_cli.operator import OPERATOR, servers
from plexuskit.kafka import grants

GIVEN = ("MONGO_URL", "KAFKA_URL", "KAFKA_USER", "KAFKA_PASSWORD_FILE", "KAFKA_CA_FILE", "HOME")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder without a local run, with an empty environment."""
    for name in GIVEN:
        monkeypatch.delenv(f"PLEXUS_{name}", raising=False)
    monkeypatch.setenv("PLEXUS_HOME", str(tmp_path))
    return tmp_path


def running(folder: Path) -> None:
    """Write the state of a local run with users."""
    state = folder / ".plexus/run/state.json"
    state.parent.mkdir(parents=True)
    addresses = {
        "mongo": "mongodb://127.0.0.1:1/",
        "kafka": "127.0.0.1:2",
        "mongo password": str(folder / "mongo"),
        "kafka password": str(folder / "kafka"),
    }
    state.write_text(json.dumps({"addresses": addresses}))


def test_the_local_runs_operator_is_used(folder: Path) -> None:
    running(folder)

    found = servers()

    mongo, kafka = found.mongo_section("tasks"), found.kafka_section()
    assert (mongo.user, mongo.password_file) == (OPERATOR, folder / "mongo")
    assert (kafka.user, kafka.password_file) == (OPERATOR, folder / "kafka")
    assert (kafka.url, mongo.database) == ("127.0.0.1:2", "plexus_tasks")


def test_a_given_server_is_not_told_the_local_runs_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(folder)
    monkeypatch.setenv("PLEXUS_MONGO_URL", "mongodb://u:p@far/")
    monkeypatch.setenv("PLEXUS_KAFKA_URL", "far:9092")

    found = servers()

    assert found.mongo_section("tasks").password_file is None
    assert (found.kafka_section().user, found.kafka_section().password_file) == ("", None)
    assert "u:p" not in repr(found)


def test_a_given_kafka_has_the_given_user_and_authority(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEXUS_KAFKA_URL", "far:9092")
    monkeypatch.setenv("PLEXUS_KAFKA_PASSWORD_FILE", str(folder / "mine"))
    monkeypatch.setenv("PLEXUS_KAFKA_CA_FILE", str(folder / "ca.crt"))

    section = servers().kafka_section()

    assert (section.user, section.password_file) == (OPERATOR, folder / "mine")
    assert section.ca_file == folder / "ca.crt"


def test_the_operators_name_is_the_one_that_the_catalogue_grants_to() -> None:
    assert OPERATOR == grants.OPERATOR
