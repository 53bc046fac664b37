import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from plexus_testkit.wait import eventually

CHILD = Path(__file__).with_name("service_child.py")
NEVER_SENT = "http://127.0.0.1:1"  # nothing listens on port 1
Line = dict[str, Any]


@dataclass
class Child:
    process: Process
    lines: list[Line] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    async def line(self, event: str) -> Line:
        """Return the log line of an event, when it has been written."""
        async with asyncio.timeout(30):
            while not (found := self.lines_of(event)):
                if not await self._read():
                    raise AssertionError(f"ended without {event}:\n" + "".join(self.text))
        return found[0]

    def lines_of(self, event: str) -> list[Line]:
        return [line for line in self.lines if line.get("event") == event]

    async def exit_code(self) -> int:
        async with asyncio.timeout(30):
            while await self._read():
                pass
            return await self.process.wait()

    async def _read(self) -> bool:
        assert self.process.stderr is not None
        raw = (await self.process.stderr.readline()).decode()
        self.text.append(raw)
        if raw.startswith("{"):
            self.lines.append(json.loads(raw))
        return bool(raw)

    async def get(self, path: str) -> tuple[int, str]:
        port = (await self.line("ops.listening"))["port"]
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def ready(self) -> tuple[int, dict[str, Any]]:
        status, text = await self.get("/readyz")
        return status, json.loads(text)


@asynccontextmanager
async def child(*roles: str, **settings: str) -> AsyncIterator[Child]:
    environment = {"SAMPLE_OPS__PORT": "0", **settings}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        *(word for role in roles for word in ("--role", role)),
        stderr=PIPE,
        env={**os.environ, **environment},
        limit=1 << 20,
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_work_is_in_flight_lets_it_finish(number: signal.Signals) -> None:
    async with child("worker", "quiet") as service:
        port = (await service.line("worker.listening"))["port"]
        await service.line("service.started")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"report\n")
        await service.line("work.begun")

        service.process.send_signal(number)
        await service.line("service.stopping")
        status, answer = await service.ready()
        alive, _ = await service.get("/livez")
        done = await reader.read()
        writer.close()
        code = await service.exit_code()

    assert done == b"done report\n"
    assert (status, alive) == (503, 200)
    assert answer["failing"][0]["check"] == "stopping"
    events = [line["event"] for line in service.lines]
    assert events.index("work.drained") < events.index("quiet.left") < events.index("worker.left")
    assert code == 0


async def test_a_second_signal_does_not_cut_the_drain_short() -> None:
    async with child("worker") as service:
        port = (await service.line("worker.listening"))["port"]
        await service.line("service.started")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"report\n")
        await service.line("work.begun")

        service.process.send_signal(signal.SIGINT)
        await service.line("service.stopping")
        service.process.send_signal(signal.SIGTERM)
        done = await reader.read()
        writer.close()

        assert await service.exit_code() == 0
    assert done == b"done report\n"


@pytest.mark.alone
async def test_a_role_that_hangs_is_cut_off_and_the_others_are_still_left() -> None:
    async with child("quiet", "hanging", SAMPLE_OPS__STOP_SECONDS="2") as service:
        await service.line("service.started")
        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = await service.exit_code()

    assert code == 1
    assert service.lines_of("leave.cut_off")[0]["role"] == "hanging"
    assert service.lines_of("quiet.left")
    assert not service.lines_of("service.hard_exit")
    assert time.monotonic() - told < 4


@pytest.mark.alone
async def test_a_role_that_refuses_to_be_cancelled_meets_the_hard_exit() -> None:
    async with child("quiet", "stubborn", SAMPLE_OPS__STOP_SECONDS="1") as service:
        await service.line("service.started")
        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = await service.exit_code()

    assert code == 1
    assert service.lines_of("stubborn.stays")
    assert service.lines_of("service.hard_exit")[0]["while_doing"] == "leaving role stubborn"
    assert 0.9 < time.monotonic() - told < 3


async def test_a_blocked_loop_meets_the_hard_exit() -> None:
    async with child("blocking", SAMPLE_OPS__STOP_SECONDS="1") as service:
        await service.line("loop.blocking")
        service.process.send_signal(signal.SIGTERM)
        code = await service.exit_code()

    assert code == 1
    assert service.lines_of("service.hard_exit")


async def test_a_role_whose_start_fails_exits_non_zero_with_a_readable_line() -> None:
    async with child("quiet", "broken") as service:
        code = await service.exit_code()

    assert code == 1
    [line] = service.lines_of("role.start_failed")
    assert line["role"] == "broken"
    assert line["error"] == "ValueError: the index has another shape"
    assert service.lines_of("quiet.left")
    assert not service.lines_of("service.started")


async def test_a_refusal_at_the_start_is_told_without_a_traceback() -> None:
    async with child("refused") as service:
        code = await service.exit_code()

    assert code == 1
    [line] = service.lines_of("role.start_failed")
    assert "DEPENDENCY_DOWN" in line["error"]
    assert "exception" not in line


async def test_a_signal_during_the_start_ends_it() -> None:
    async with child("quiet", "starting", "broken") as service:
        await service.line("starting.waits")
        status, answer = await service.ready()
        service.process.send_signal(signal.SIGTERM)
        code = await service.exit_code()

    assert status == 503
    assert [check["check"] for check in answer["failing"]] == ["start"]
    assert code == 0
    assert service.lines_of("quiet.left")
    assert not service.lines_of("role.start_failed")


async def test_a_spawned_task_that_dies_stops_the_process_with_one_clear_line() -> None:
    async with child("dying", "quiet") as service:
        code = await service.exit_code()

    assert code == 1
    errors = [line for line in service.lines if line["level"] in {"error", "critical"}]
    assert [(line["event"], line["task"], line["role"]) for line in errors] == [
        ("task.died", "heartbeat", "dying")
    ]
    assert errors[0]["error"] == "KeyError: 'lost'"
    assert service.lines_of("dying.left")
    assert service.lines_of("quiet.left")


async def test_a_task_group_that_dies_inside_a_role_stops_the_process_and_leaves_the_others() -> (
    None
):
    async with child("quiet", "grouped") as service:
        code = await service.exit_code()

    assert code == 1
    assert service.lines_of("role.died")[0]["role"] == "grouped"
    assert service.lines_of("quiet.left")


async def test_a_role_can_end_the_process_without_an_error() -> None:
    async with child("finished") as service:
        assert await service.exit_code() == 0


async def test_livez_stays_200_while_a_required_probe_fails_and_readyz_follows_it(
    tmp_path: Path,
) -> None:
    backend = tmp_path / "backend"
    backend.touch()

    async with child("probing", SAMPLE_BACKEND=str(backend)) as service:
        await service.line("service.started")

        async def is_ready() -> bool:
            return (await service.ready())[0] == 200

        async def is_not_ready() -> bool:
            return not await is_ready()

        await eventually(is_ready)
        backend.unlink()
        await eventually(is_not_ready)
        alive, _ = await service.get("/livez")
        status, answer = await service.ready()
        backend.touch()
        await eventually(is_ready)

    assert alive == 200
    assert status == 503
    [failing] = answer["failing"]
    assert failing["check"] == "backend"
    assert "DEPENDENCY_DOWN" in failing["detail"]
    assert failing["remedy"] == "Start the backend."
    [degraded] = answer["degraded"]
    assert degraded["check"] == "extra"
    assert "hunter2" not in degraded["detail"]
    assert degraded["remedy"]


async def test_metrics_show_the_loop_lag_and_the_checks() -> None:
    async with child("quiet") as service:
        await service.line("service.started")

        async def has_lag() -> bool:
            _, text = await service.get("/metrics")
            counts = [
                line
                for line in text.splitlines()
                if line.startswith("plexus_loop_lag_seconds_count")
            ]
            return bool(counts) and float(counts[0].split()[1]) > 0

        await eventually(has_lag)
        status, text = await service.get("/metrics")

    assert status == 200
    assert 'plexus_check_ok{check="start"} 1.0' in text


async def test_the_ops_port_that_is_taken_is_told_and_exits_non_zero() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async with child("quiet", SAMPLE_OPS__PORT=str(port)) as service:
        code = await service.exit_code()
    server.close()

    assert code == 1
    assert str(port) in service.lines_of("ops.cannot_listen")[0]["error"]


async def test_settings_that_cannot_be_used_exit_with_two_and_name_the_variable() -> None:
    async with child("quiet", SAMPLE_OPS__PORT="many") as service:
        code = await service.exit_code()

    assert code == 2
    assert "SAMPLE_OPS__PORT" in "".join(service.text)


class SpanReceiver(TraceServiceServicer):
    """A real OTLP endpoint that keeps the names of the spans it gets, by service."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []

    async def Export(  # noqa: N802 - the name in the protocol
        self, request: ExportTraceServiceRequest, _: grpc.aio.ServicerContext[Any, Any]
    ) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.names += [
                (attributes["service.name"], span.name)
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        return ExportTraceServiceResponse()


async def test_spans_that_wait_are_sent_before_the_process_ends() -> None:
    receiver, server = SpanReceiver(), grpc.aio.server()
    add_TraceServiceServicer_to_server(receiver, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    telemetry = {
        "SAMPLE_TELEMETRY__OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "SAMPLE_TELEMETRY__SAMPLE_RATIO": "1",
    }

    async with child("quiet", **telemetry) as service:
        await service.line("service.started")
        service.process.send_signal(signal.SIGTERM)
        code = await service.exit_code()
    await server.stop(None)

    assert code == 0
    assert receiver.names == [("plexus.sample", "quiet.start")]


@pytest.mark.alone
async def test_a_collector_that_is_away_does_not_hold_up_the_stop() -> None:
    telemetry = {
        "SAMPLE_TELEMETRY__OTLP_ENDPOINT": NEVER_SENT,
        "SAMPLE_TELEMETRY__SAMPLE_RATIO": "1",
    }

    async with child("quiet", **telemetry) as service:
        await service.line("service.started")
        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = await service.exit_code()

    assert code == 0
    assert time.monotonic() - told < 6


RUN_TWICE = """
import signal
from contextlib import asynccontextmanager
from plexuskit.config import OpsSection, ServiceSettings
from plexuskit.service import run

@asynccontextmanager
async def job(settings, runtime):
    runtime.stop()
    yield

class Settings(ServiceSettings, env_prefix="SAMPLE_"):
    pass

def again(*selected):
    settings = Settings(ops=OpsSection(port=0, stop_seconds=0.5))
    return run(service="sample", settings=settings, roles={"job": job}, selected=selected)

before = signal.getsignal(signal.SIGTERM)
codes = [again("job"), again("job"), again("jobb"), again()]
assert signal.getsignal(signal.SIGTERM) is before
import time
time.sleep(1)
print(codes)
"""


async def test_run_returns_its_code_and_gives_signals_and_time_back() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN_TWICE, stdout=PIPE, stderr=PIPE
    )

    out, told = await process.communicate()

    assert out.decode().strip() == "[0, 0, 2, 2]"
    assert b"sample has the roles job, not ['jobb']" in told
    assert process.returncode == 0
