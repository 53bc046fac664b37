import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from plexuskit import telemetry
from plexuskit.config import TelemetrySection

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**configured)


def configured(**section: Any) -> Any:
    telemetry.configure(TelemetrySection(**section), service="sample")
    return structlog.get_logger()


def lines(captured: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().err.splitlines()]


def test_a_line_is_one_json_object_with_its_service_and_trace(capsys: Captured) -> None:
    log = configured()

    with telemetry.span("send"):
        log.info("message.posted", conversation_id="cnv_1", title="你好")
        traceparent = telemetry.inject()
    log.info("outside")

    inside, outside = lines(capsys)
    assert inside["event"] == "message.posted"
    assert inside["service"] == "sample"
    assert inside["level"] == "info"
    assert inside["title"] == "你好"
    assert traceparent.split("-")[1:3] == [inside["trace_id"], inside["span_id"]]
    assert "trace_id" not in outside


def test_secrets_never_reach_the_log(capsys: Captured) -> None:
    log = configured()

    log.info(
        "signed.in",
        password="hunter2",
        access_token="hunter2",
        nested={"client-secret": "hunter2", "safe": "kept"},
        body="hunter2",
        private=b"hunter2",
        token=["hunter2"],
        url="mongodb://person:hunter2@db:27017/x",
        token_count=3,
    )
    log.error("connect.failed", exc_info=ValueError("no mongodb://person:hunter2@db"))
    logging.getLogger("driver").warning("retry %s", "amqp://person:hunter2@mq")

    text = capsys.readouterr().err
    assert "hunter2" not in text
    assert len(text.splitlines()) == 3
    assert json.loads(text.splitlines()[0])["nested"]["safe"] == "kept"
    assert json.loads(text.splitlines()[0])["token_count"] == 3
    assert "mongodb://[redacted]@db:27017/x" in text


def test_an_exception_stays_in_its_line_without_the_values_of_variables(capsys: Captured) -> None:
    log = configured()

    def fail(text: str) -> None:
        raise RuntimeError(f"{len(text)} characters")

    try:
        fail("what a person wrote".upper())
    except RuntimeError:
        log.exception("send.failed")

    [line] = lines(capsys)
    assert "RuntimeError: 19 characters" in line["exception"]
    assert "WHAT A PERSON WROTE" not in line["exception"]


def test_libraries_log_in_the_same_form_from_warning_on(capsys: Captured) -> None:
    configured()

    logging.getLogger("driver").info("connected")
    logging.getLogger("driver").warning("slow %s", "answer")

    [line] = lines(capsys)
    assert line["event"] == "slow answer"
    assert line["logger"] == "driver"
    assert line["service"] == "sample"


def test_configuring_again_writes_each_line_once_and_at_the_new_level(capsys: Captured) -> None:
    configured()
    log = configured(log_level="ERROR")

    log.warning("hidden")
    logging.getLogger("driver").error("broken")

    assert [line["event"] for line in lines(capsys)] == ["broken"]


def test_the_console_form_is_text_and_hides_secrets_too(capsys: Captured) -> None:
    log = configured(log_format="console")

    error = ValueError("no mongodb://person:hunter2@db")
    log.error("connect.failed", token="hunter2", exc_info=error)

    text = capsys.readouterr().err
    assert "connect.failed" in text
    assert "ValueError" in text
    assert "hunter2" not in text
