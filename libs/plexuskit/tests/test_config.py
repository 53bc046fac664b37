import os
from pathlib import Path

import pytest
from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    MongoSection,
    OpsSection,
    ServiceSettings,
    TelemetrySection,
    load,
)
from pydantic import ValidationError


class Settings(ServiceSettings, env_prefix="SAMPLE_"):
    mongo: MongoSection = MongoSection(database="sample")
    kafka: KafkaSection = KafkaSection()
    grpc: GrpcSection
    caller: CallerSection
    attempts: int = 5


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SAMPLE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SAMPLE_GRPC__PORT", "7001")
    monkeypatch.setenv("SAMPLE_CALLER__KEYS_FILE", "/etc/plexus/keys.json")


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_the_defaults_are_those_of_the_sections() -> None:
    settings = load(Settings)

    assert settings.mongo.url == "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    assert (settings.mongo.timeout_ms, settings.mongo.pool_size) == (5000, 50)
    assert (settings.kafka.url, settings.kafka.topic_prefix) == ("127.0.0.1:9092", "")
    assert settings.grpc == GrpcSection(
        host="127.0.0.1",
        port=7001,
        reflection=False,
        max_message_bytes=8_388_608,
        drain_seconds=10,
    )
    assert settings.caller.keys_file == Path("/etc/plexus/keys.json")
    assert settings.ops == OpsSection(host="127.0.0.1", port=0, stop_seconds=20)
    assert settings.telemetry == TelemetrySection(
        otlp_endpoint="", log_level="INFO", log_format="json", sample_ratio=0.01
    )


def test_a_key_from_the_environment_leaves_the_rest_of_its_section(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAMPLE_MONGO__TIMEOUT_MS", "700")
    monkeypatch.setenv("SAMPLE_ATTEMPTS", "9")

    settings = load(Settings)

    assert (settings.mongo.database, settings.mongo.timeout_ms) == ("sample", 700)
    assert settings.attempts == 9


def test_all_that_is_missing_or_wrong_is_listed_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SAMPLE_GRPC__PORT")
    monkeypatch.delenv("SAMPLE_CALLER__KEYS_FILE")
    monkeypatch.setenv("SAMPLE_OPS__PORT", "70000")
    monkeypatch.setenv("SAMPLE_TELEMETRY__LOG_LEVEL", "LOUD")
    monkeypatch.setenv("SAMPLE_MONGO__POOLSIZE", "4")
    monkeypatch.setenv("SAMPLE_KAFAK__URL", "k:9092")

    told = refused(capsys)

    named = {line.strip().partition(":")[0] for line in told.splitlines()[1:]}
    assert named == {
        "SAMPLE_GRPC__PORT",
        "SAMPLE_CALLER__KEYS_FILE",
        "SAMPLE_OPS__PORT",
        "SAMPLE_TELEMETRY__LOG_LEVEL",
        "SAMPLE_MONGO__POOLSIZE",
        "SAMPLE_KAFAK__URL",
    }


def test_values_are_never_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMPLE_MONGO__PASSWORD", "hunter2")
    monkeypatch.setenv("SAMPLE_ATTEMPTS", "hunter2")
    monkeypatch.setenv("SAMPLE_KAFKA", "hunter2")

    assert "hunter2" not in refused(capsys)


def test_a_section_that_is_no_json_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMPLE_KAFKA", "somewhere")

    assert "kafka" in refused(capsys)


def test_what_kubernetes_puts_beside_a_service_of_the_same_name_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAMPLE_SERVICE_HOST", "10.0.0.7")
    monkeypatch.setenv("SAMPLE_PORT_7001_TCP", "tcp://10.0.0.7:7001")

    assert load(Settings).grpc.port == 7001


def test_settings_and_sections_are_frozen_and_hide_the_url() -> None:
    settings = load(Settings)

    with pytest.raises(ValidationError):
        settings.attempts = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.mongo.database = "other"  # type: ignore[misc]
    assert "mongodb://" not in repr(settings)
