"""`python -m plexus_bench.tracing`: CPU time of a send without, with quiet and with full tracing.

One client and one server process. The server has the send path of messaging three times: without
the code of tracing, with it and no exporter (the default of Plexus), and with every call sampled
into memory. Short rounds alternate between them in changing order, so a busy machine slows all
alike; only the CPU time of the server process counts. A ratio is the median of the rounds' own
ratios.
"""

import argparse
import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
import uvloop
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.log_service_pb2 import AppendItem, AppendRequest
from plexus.messaging.v1.log_service_pb2_grpc import LogServiceStub
from plexus.messaging.v1.messaging_service_pb2 import CreateConversationRequest, SendMessageRequest
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_local.servers.mongo import drop_database
from plexus_testkit.found import found
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens, generate_keys

from plexus_bench.tracing.served import ANSWER, MEMORY, MODES, OFF, QUIET

MAX_QUIET: Final = 1.01
"""Budget of tracing without an exporter: one percent of the CPU time."""

_FRAME: Final = 50
_AT_ONCE: Final = 8
_TEXT: Final = "The delivery of the second batch is on Thursday, please check the papers. " * 3

Send = Callable[[int], Awaitable[None]]
"""Sends a number of messages and returns when all of them are stored."""


class Ways(NamedTuple):
    """The two send paths in one mode of tracing."""

    calls: Send
    frames: Send


def main() -> None:
    """Print microseconds of CPU per message and the ratios to the code without tracing."""
    parser = argparse.ArgumentParser(prog="python -m plexus_bench.tracing")
    parser.add_argument("--rounds", type=int, default=60, help="of each mode (60)")
    parser.add_argument("--messages", type=int, default=400, help="of each round (400)")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-tracing-") as folder,
        found("mongo", directory=Path(folder)) as url,
    ):
        taken = uvloop.run(measured(url, rounds=asked.rounds, messages=asked.messages))
    for name, of_modes in taken.items():
        _print(name, of_modes)
    print(f"asked for: no exporter at most {MAX_QUIET:.2f}")


async def measured(
    url: str, *, rounds: int, messages: int
) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Return microseconds of CPU per message of each round, by way and by mode of tracing.

    Args:
        url: address of MongoDB; the databases that this creates are dropped.
        rounds: number of rounds of each path in each mode, at least 2.
        messages: number of messages in each round.
    """
    databases = [f"bench_{secrets.token_hex(5)}" for _ in MODES]
    try:
        async with _pair(url, databases) as (server, paths):
            return {
                name: await _rounds(server, paths, name, rounds, messages) for name in Ways._fields
            }
    finally:
        for database in databases:
            drop_database(url, database)


async def _rounds(
    server: "_Server", paths: Mapping[str, Ways], name: str, rounds: int, messages: int
) -> Mapping[str, Sequence[float]]:
    """Return per mode the microseconds of CPU per message of each round."""
    taken: dict[str, list[float]] = {mode: [] for mode in MODES}
    for number in range(-2, rounds):  # the first two warm up
        order = MODES[number % 3 :] + MODES[: number % 3]
        for mode in order if number % 2 else reversed(order):
            send: Send = getattr(paths[mode], name)
            began = await server.enter(mode)
            await send(messages)
            ended = await server.enter(mode)
            if number >= 0:
                taken[mode].append((ended - began) / messages / 1_000)
    return taken


def _print(name: str, taken: Mapping[str, Sequence[float]]) -> None:
    title = {"calls": "SendMessage, one a call", "frames": f"Append, {_FRAME} a frame"}[name]
    print(f"{title:<26} {'µs/message':>11} {'ratio':>7} {'quartiles':>15}")
    for mode in (OFF, QUIET, MEMORY):
        ratios = [each / off for each, off in zip(taken[mode], taken[OFF], strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4)
        spent = statistics.median(taken[mode])
        print(f"  {mode:<24} {spent:>11.1f} {ratio:>7.3f} {low:>7.3f} {high:>7.3f}")


class _Server:
    """The measured process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    async def line(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - made with a pipe
        while True:
            line = await asyncio.to_thread(self._process.stdout.readline)
            if not line:
                raise RuntimeError("the measured process has ended")
            # Its log uses the same output.
            if line.startswith(ANSWER):
                return line.removeprefix(ANSWER)

    async def enter(self, mode: str) -> int:
        """Switch the mode; return the nanoseconds of CPU used so far."""
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.write(f"{mode}\n")
        self._process.stdin.flush()
        return int(await self.line())


@asynccontextmanager
async def _pair(
    url: str, databases: Sequence[str]
) -> AsyncIterator[tuple[_Server, Mapping[str, Ways]]]:
    """Start the measured process and connect to it."""
    with tempfile.TemporaryDirectory(prefix="bench-tracing-keys-") as keys:
        async with _pair_with(Path(keys), url, databases) as pair:
            yield pair


@asynccontextmanager
async def _pair_with(
    folder: Path, url: str, databases: Sequence[str]
) -> AsyncIterator[tuple[_Server, Mapping[str, Ways]]]:
    for service, keys in generate_keys(["gateway", "messaging"]).items():
        (folder / f"{service}.json").write_text(json.dumps(keys))
    command = [sys.executable, "-m", "plexus_bench.tracing.served", url]
    command += [str(folder / "messaging.json"), *databases]
    process = subprocess.Popen(  # noqa: ASYNC220 - this package's own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    server = _Server(process)
    try:
        async with AsyncExitStack() as stack:
            ports = json.loads(await server.line())
            signer = CallerSigner(CallerSection(keys_file=folder / "gateway.json"))
            paths = {
                mode: await stack.enter_async_context(_path(ports[mode], signer, mode))
                for mode in MODES
            }
            yield server, paths
    finally:
        process.terminate()
        process.communicate()


@asynccontextmanager
async def _path(port: int, signer: CallerSigner, mode: str) -> AsyncIterator[Ways]:
    context = CallerContext(
        kind=CallerContext.KIND_PERSON,
        tenant_id="ten_bench",
        person_id="per_ann",
        session_id="ses_ann",
        roles=["member"],
    )
    clock = SystemClock()
    tokens = CallerTokens(signer, context, clock=clock)
    own = CallerTokens(signer, CallerContext(kind=CallerContext.KIND_SERVICE), clock=clock)

    def signed() -> bytes:
        return tokens.for_audience("messaging")

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = MessagingServiceStub(channel)
        made = await stub.CreateConversation(
            CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=Conversation.KIND_GROUP,
                name="tracing",
                member_ids=["per_bob"],
            ),
            metadata=((METADATA_KEY, signed()),),
        )
        room = made.conversation.id
        append = LogServiceStub(channel).Append(
            metadata=((METADATA_KEY, own.for_audience("messaging")),)
        )

        async def call(count: int) -> None:
            for _ in range(count):
                metadata: list[tuple[str, str | bytes]] = [
                    (METADATA_KEY, signed()),
                    *_traced(mode),
                ]
                await stub.SendMessage(_message(room), metadata=metadata)

        async def calls(count: int) -> None:
            await asyncio.gather(*(call(count // _AT_ONCE) for _ in range(_AT_ONCE)))

        async def frames(count: int) -> None:
            for _ in range(count // _FRAME):
                traceparent = _traceparent() if mode == MEMORY else ""
                items = [
                    AppendItem(
                        ref=ref,
                        signed_caller=signed(),
                        command=_message(room).SerializeToString(),
                        traceparent=traceparent,
                    )
                    for ref in range(1, _FRAME + 1)
                ]
                await append.write(AppendRequest(items=items))
                answered = 0
                while answered < _FRAME:
                    response: Any = await append.read()
                    answered += len(response.verdicts)
                    if any(each.verdict.HasField("refused") for each in response.verdicts):
                        raise RuntimeError("a message was refused")

        yield Ways(calls, frames)


def _traced(mode: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that the gateway sends in a mode."""
    if mode == OFF:
        return ()
    traceparent = _traceparent()
    return (("traceparent", traceparent if mode == MEMORY else f"{traceparent[:-2]}02"),)


def _traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-03"


def _message(room: str) -> SendMessageRequest:
    return SendMessageRequest(conversation_id=room, request_id=secrets.token_hex(8), text=_TEXT)


if __name__ == "__main__":
    main()
