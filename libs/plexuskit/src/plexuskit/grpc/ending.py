"""Final status of a stream, also where gRPC's client drops it.

A server may end a stream while its client still writes. gRPC's client then replaces the status that
has just arrived or is about to by INTERNAL, "Internal error from Core" (grpcio 1.85, `_write` of
`grpc.aio._call`): a refusal would look like a failure of ours.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Final, TypeVar

import grpc

_WRITTEN_OVER: Final = "Internal error from Core"
# The status comes over the connection that the write has failed on, or with the end of it. Longer
# than it was ever seen to take: without it the call ends as INTERNAL.
_STATUS_SECONDS: Final = 10.0
_ResponseT = TypeVar("_ResponseT")


class Ending:
    """Keeps the final status of a call with many requests.

    Answers of the call must be read by iteration. `call.read()` reads no more once gRPC's client
    has written over the status, and the true one comes only behind the answers before it.
    """

    def __init__(self, call: Any) -> None:
        """Watch a call that has just been started."""
        self._call = call
        self._status: grpc.aio.AioRpcError | None = None
        self._ended = asyncio.Event()
        call.add_done_callback(self._note)

    async def of(self, error: grpc.aio.AioRpcError) -> grpc.aio.AioRpcError:
        """Return the server's final status, if gRPC's client has replaced it.

        Args:
            error: as the call has raised it; returned itself in every other case.
        """
        if error.details() != _WRITTEN_OVER:
            return error
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _STATUS_SECONDS)
        return self._status or error

    def _note(self, _: Any) -> None:
        # It is written over before a task could ask for it.
        details = _now(self._call.details())
        if details == _WRITTEN_OVER:
            return
        self._status = grpc.aio.AioRpcError(
            _now(self._call.code()),
            grpc.aio.Metadata(),
            _now(self._call.trailing_metadata()) or grpc.aio.Metadata(),
            details,
        )
        self._ended.set()


async def responses(call: Any) -> AsyncGenerator[Any, None]:
    """Yield the responses of a stream with many requests; the stream ends when reading stops.

    Args:
        call: the call, as a stub has just returned it.

    Raises AioRpcError with the server's status.
    """
    ending = Ending(call)
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise await ending.of(error) from None
    finally:
        call.cancel()


def _now(answer: Coroutine[Any, Any, _ResponseT]) -> _ResponseT:
    """Return the result of a coroutine that has nothing to wait for."""
    try:
        answer.send(None)
    except StopIteration as returned:
        value: _ResponseT = returned.value
        return value
    answer.close()
    raise RuntimeError("gRPC's client says that a call has ended, and has no status of it")
