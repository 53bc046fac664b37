"""Calls of any method of a running Plexus with arbitrary bytes, and their outcomes."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import aiohttp
import grpc
from plexuskit.grpc import Ending, MethodInfo

CALL_SECONDS: Final = 30.0
# Outcomes that no request may ever cause.
BROKEN: Final = frozenset({"INTERNAL", "UNKNOWN", "DATA_LOSS", "HANGING", "HTTP 500"})
_SHOWN_BYTES: Final = 400
_FRAMES: Final = 3
_CONNECT_BROKEN: Final = ('"code":"internal"', '"code":"unknown"', '"code":"data_loss"')

Metadata = Sequence[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one request."""

    code: str
    text: str
    request: bytes

    def __str__(self) -> str:
        shown = self.request[:_SHOWN_BYTES]
        more = "…" if len(self.request) > len(shown) else ""
        return f"{self.code} {self.text}\n    {len(self.request)} bytes: {shown.hex()}{more}"


async def unary(
    channel: grpc.aio.Channel, method: MethodInfo, content: bytes, *, metadata: Metadata
) -> Outcome:
    """Call a method with one response."""
    call = channel.unary_unary(method.path)
    return await _outcome(call(content, metadata=metadata, timeout=CALL_SECONDS), content)


async def served(
    channel: grpc.aio.Channel, method: MethodInfo, content: bytes, *, metadata: Metadata
) -> Outcome:
    """Call a method with a stream of responses, read the first ones and cancel."""
    call = channel.unary_stream(method.path)(content, metadata=metadata, timeout=CALL_SECONDS)

    async def read() -> None:
        for _ in range(_FRAMES):
            if await call.read() is grpc.aio.EOF or method.path.endswith("/Subscribe"):
                break
        call.cancel()

    return await _outcome(read(), content)


async def streamed(
    channel: grpc.aio.Channel,
    method: MethodInfo,
    contents: Sequence[bytes],
    *,
    metadata: Metadata,
    hello: bytes = b"",
) -> Outcome:
    """Send many requests in one stream, then read until the server ends it."""
    call = channel.stream_stream(method.path)(metadata=metadata, timeout=CALL_SECONDS * 2)
    # The gRPC client overwrites the status of a stream that ends while it is still writing.
    ending = Ending(call)

    async def write() -> None:
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for content in (hello, *contents) if hello else contents:
                await call.write(content)
            await call.done_writing()

    async def read() -> None:
        writer = asyncio.create_task(write())
        try:
            async for _ in call:
                pass
        except grpc.aio.AioRpcError as error:
            raise await ending.of(error) from None
        finally:
            writer.cancel()
            await asyncio.wait([writer])
        if (code := await call.code()) is not grpc.StatusCode.OK:
            ended = grpc.aio.AioRpcError(
                code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=await call.details()
            )
            raise await ending.of(ended)

    found = await _outcome(read(), b"".join(contents))
    # A stream that only its deadline ends counts as hanging.
    return Outcome("HANGING", found.text, found.request) if _is_late(found) else found


async def posted(
    http: aiohttp.ClientSession, method: MethodInfo, content: bytes, *, token: str
) -> Outcome:
    """Call a method of the gateway with JSON over HTTP."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    async with http.post(method.path, data=BytesIO(content), headers=headers) as response:
        text = await response.text(errors="replace")
    broken = response.status == HTTPStatus.INTERNAL_SERVER_ERROR
    broken |= any(code in text.replace(" ", "") for code in _CONNECT_BROKEN)
    return Outcome(f"HTTP {500 if broken else response.status}", text[:300], content)


async def gathered(made: Iterable[Callable[[], Any]], *, together: int) -> list[Outcome]:
    """Run the calls, at most `together` of them concurrently."""
    waiting, outcomes = iter(made), list[Outcome]()

    async def work() -> None:
        for make in waiting:
            outcomes.append(await make())

    async with asyncio.TaskGroup() as group:
        for _ in range(together):
            group.create_task(work())
    return outcomes


async def turns_of(http: aiohttp.ClientSession, ops: str) -> float:
    """Return the number of turns of a process's event loop that took more than 100 ms of CPU."""
    async with http.get(f"{ops}/metrics") as response:
        lines = (await response.text()).splitlines()
    found = {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines)
        if name.startswith("plexus_loop_turn_seconds")
    }
    return (
        found["plexus_loop_turn_seconds_count"] - found['plexus_loop_turn_seconds_bucket{le="0.1"}']
    )


async def _outcome(call: Any, content: bytes) -> Outcome:
    try:
        async with asyncio.timeout(CALL_SECONDS * 3):
            await call
    except grpc.aio.AioRpcError as error:
        return Outcome(error.code().name, error.details() or "", content)
    except TimeoutError:
        return Outcome("HANGING", "no end", content)
    return Outcome("OK", "", content)


def _is_late(found: Outcome) -> bool:
    return found.code == grpc.StatusCode.DEADLINE_EXCEEDED.name
