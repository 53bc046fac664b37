"""The measured process: messaging's send path, once per mode of tracing, on one MongoDB.

Each line of standard input is the mode of the next calls, and each line of standard output the CPU
nanoseconds used so far. The first line of the output contains the ports.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from time import process_time_ns
from typing import Any, Final

import uvloop
from messaging.app import SERVICE, MessagingApi, Store, conversation_log
from messaging.config import LimitsSection, LogSection
from messaging.messages.api.logs import LogApi
from messaging.messages.operations import messages as sends
from messaging.reading.operations.cursors import Cursors
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from plexus.messaging.v1.log_service_pb2_grpc import add_LogServiceServicer_to_server
from plexus.messaging.v1.messaging_service_pb2_grpc import add_MessagingServiceServicer_to_server
from plexus_testkit.companies import Company
from plexuskit import telemetry
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, MongoSection
from plexuskit.grpc import CallerVerifier, frame, serve
from plexuskit.mongo import connect
from plexuskit.service import Runtime, spare_garbage_collection
from plexuskit.telemetry.spans import provider

OFF: Final = "off"
QUIET: Final = "no exporter"
MEMORY: Final = "in-memory exporter"
ANSWER: Final = "measured "
"""Prefix that distinguishes answers from log lines."""
MODES: Final = (OFF, QUIET, MEMORY)

_UNLIMITED: Final = LimitsSection(
    sender_rate=1e6, sender_burst=1_000_000, conversation_rate=1e6, conversation_burst=1_000_000
)
_NOTHING: Final = nullcontext(trace.INVALID_SPAN)


class _Everybody:
    """Directory that knows every person."""

    async def unknown(
        self,
        *,
        tenant_id: str,  # noqa: ARG002 - the contract
        asker_id: str,  # noqa: ARG002 - the contract
        person_ids: Sequence[str],  # noqa: ARG002 - the contract
    ) -> list[str]:
        """Return no unknown person."""
        return []


class Modes:
    """Modes of tracing, of which one is active at a time."""

    def __init__(self) -> None:
        """Start without an exporter."""
        self._exporter = InMemorySpanExporter()
        self._recorder = provider(service=SERVICE, sample_ratio=1)
        self._recorder.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._code: dict[tuple[Any, str], Any] = {
            (place, name): getattr(place, name) for place, name in _WITHOUT
        }

    @property
    def recorded(self) -> Sequence[ReadableSpan]:
        """The spans that have ended since the mode was entered."""
        return self._exporter.get_finished_spans()

    def enter(self, mode: str) -> None:
        """Trace later calls in this mode, and clear the recorded spans."""
        self._exporter.clear()
        for (place, name), traced in self._code.items():
            setattr(place, name, _WITHOUT[place, name] if mode == OFF else traced)
        telemetry.record_to(self._recorder if mode == MEMORY else None)

    @contextmanager
    def entered(self, mode: str) -> Iterator[None]:
        """Enter a mode for the block: a client of the database is observed from its creation."""
        self.enter(mode)
        try:
            yield
        finally:
            self.enter(QUIET)


def _none(*_: Any, **__: Any) -> Any:
    return _NOTHING


def _no_context(*_: Any, **__: Any) -> str:
    return ""


# The code without tracing: replacements of each function.
_WITHOUT: Final[dict[tuple[Any, str], Any]] = {
    (telemetry, "batch"): _none,
    (telemetry, "extracted"): _none,
    (frame, "server_span"): _none,
    (frame, "served"): _none,
    (sends, "inject"): _no_context,
}


@asynccontextmanager
async def _path(mongo: MongoSection, keys: Path, runtime: Runtime) -> AsyncIterator[int]:
    """Serve the send path; yield its port."""
    clock = SystemClock()
    verifier = CallerVerifier(CallerSection(keys_file=keys), SERVICE, clock=clock)
    decisions = Company().decisions
    async with connect(mongo) as db:
        store = Store(db)
        await store.provision()
        log = conversation_log(store, section=LogSection(), clock=clock, limits=_UNLIMITED)
        cursors = Cursors(store, clock=clock)
        messages = MessagingApi(log, cursors, _Everybody(), decisions=decisions)
        appends = LogApi(log, verifier, decisions=decisions, stopping=runtime.stopping)
        async with (
            log.running(runtime),
            runtime.background("cursors", cursors.run()),
            serve(
                GrpcSection(port=0, drain_seconds=0.1),
                service=SERVICE,
                servicers=[
                    (add_MessagingServiceServicer_to_server, messages),
                    (add_LogServiceServicer_to_server, appends),
                ],
                verifier=verifier,
                runtime=runtime,
                authorise=decisions.authorise,
            ) as port,
        ):
            yield port


async def _serve(url: str, keys: Path, databases: Sequence[str]) -> None:
    modes, runtime = Modes(), Runtime(service=SERVICE, clock=SystemClock())
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        ports = {}
        for mode, database in zip(MODES, databases, strict=True):
            with modes.entered(mode):
                section = MongoSection(url=url, database=database)
                ports[mode] = await stack.enter_async_context(_path(section, keys, runtime))
        spare_garbage_collection()
        _answer(json.dumps(ports))
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            modes.enter(line.strip())
            _answer(str(process_time_ns()))
        runtime.stop()
    await runtime.close()


def _answer(line: str) -> None:
    sys.stdout.write(f"{ANSWER}{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    url, keys, *databases = sys.argv[1:]
    uvloop.run(_serve(url, Path(keys), databases))
