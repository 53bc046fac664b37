"""Status that ended a stream, recovered where gRPC's client overwrites it.

A server may end a stream while its client still writes. gRPC's client then puts INTERNAL, "Internal
error from Core", over the status that has just arrived or is about to arrive (grpcio 1.85, `_write`
of `grpc.aio._call`): a refusal would look like a failure.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final, TypeVar

import grpc

_OVERWRITTEN: Final = "Internal error from Core"
# The status arrives over the connection on which the write failed, or with its end.
_STATUS_SECONDS: Final = 10.0
_ResultT = TypeVar("_ResultT")


class _Ending:
    """The status of a call, stored before gRPC's client overwrites it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._status: grpc.aio.AioRpcError | None = None
        self._known = asyncio.Event()
        call.add_done_callback(self._note)

    async def of(self, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the status that the server sent; `error` itself if it was not overwritten."""
        if error.details() != _OVERWRITTEN:
            return error
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._known.wait(), _STATUS_SECONDS)
        return self._status or error

    def _note(self, _: Any) -> None:
        # A task that asks for the status later would find it overwritten.
        details = _result(self._call.details())
        if details == _OVERWRITTEN:
            return
        self._status = grpc.aio.AioRpcError(
            _result(self._call.code()),
            grpc.aio.Metadata(),
            _result(self._call.trailing_metadata()) or grpc.aio.Metadata(),
            details,
        )
        self._known.set()


async def responses(call: Any) -> AsyncGenerator[Any, None]:
    """Yield the responses of a stream with many requests; cancel the call at the end.

    Args:
        call: the object that a stub has just returned.

    Raises:
        AioRpcError: with the status that the server sent.
    """
    ending = _Ending(call)
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise await ending.of(error) from None
    finally:
        call.cancel()


def _result(coroutine: Coroutine[Any, Any, _ResultT]) -> _ResultT:
    """Return the result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        value: _ResultT = returned.value
        return value
    coroutine.close()
    raise RuntimeError("gRPC's client reports a call as ended without its status")
