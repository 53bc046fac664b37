"""Calls of the driver, run to their end even if their callers are cancelled.

A call of gRPC is cancelled twice in the same moment when its deadline passes: by the server and by
the deadline of its frame. PyMongo's pool survives one cancellation of an operation; the second one
arrives while the first is being cleaned up, and leaves the lock of the pool held for good (before
Python 3.12, where `asyncio.wait_for` runs in a task of its own). A cancelled operation costs its
connection besides, and a new one costs a sign-in. So no cancellation reaches the driver: the caller
goes at once, and the operation ends by itself within the time limits of the client.
"""

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")

# Seconds that closing a client waits for operations whose callers have gone.
CLOSE_SECONDS: Final = 2.0

log = structlog.get_logger()

_abandoned: Final[set["asyncio.Task[Any]"]] = set()
# Replaced by tests that record the sender of commands.
start: Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"] = asyncio.create_task


async def apart(operation: Coroutine[Any, Any, T]) -> T:
    """Await an operation of the driver, which runs to its end if the caller is cancelled."""
    return await outcome(start(operation))


async def whole(operation: Coroutine[Any, Any, T]) -> T:
    """Await an operation of the driver; a cancellation is raised once it has ended.

    For operations that share a session with the next ones of their caller. Their task is cancelled
    once at most.
    """
    task = start(operation)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # Nothing waits for its error, such as a write conflict; the loop would report it.
        abandon(task)
        await asyncio.wait([task])
        raise
    except Exception as error:
        _forget_locals(error)
        raise
    finally:
        del task  # it holds the error, whose traceback holds this frame


async def cancelled_once(work: Coroutine[Any, Any, T]) -> T:
    """Await work that is made of operations; the caller's cancellations reach it as one."""
    task = start(work)
    try:
        return await asyncio.shield(task)
    finally:
        if not task.done():
            task.cancel()
            abandon(task)
        del task  # as in `whole`


async def outcome(operation: "asyncio.Task[T]") -> T:
    """Await an operation that runs in a task of its own, without ever cancelling it."""
    try:
        return await asyncio.shield(operation)
    except Exception as error:
        _forget_locals(error)
        raise
    finally:
        if not operation.done():
            abandon(operation)
        del operation  # it holds the error, whose traceback holds this frame


def _forget_locals(error: Exception) -> None:
    """Clear the frames of a failed operation, so that no reference cycle is left behind.

    The driver keeps each error in an object referenced by the frames of its traceback: about 80
    objects per failure, which only the garbage collector frees, while the loop is paused.
    """
    traceback.clear_frames(error.__traceback__)


async def close_after(
    operation: "asyncio.Task[Any] | None", close: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Close the source that an operation reads from, once the operation has ended.

    If its caller has gone and it still runs, closing is not awaited.

    Args:
        operation: the last one, or None if there was none.
        close: closes it; its errors reach a caller who waits.
    """

    async def closing() -> None:
        if operation is not None:
            await asyncio.wait([operation])
        await close()

    task = start(closing())
    if operation is None or operation.done():
        await outcome(task)
    else:
        abandon(task)


def abandon(operation: "asyncio.Task[Any]") -> None:
    """Let an operation end by itself; its errors are logged."""
    _abandoned.add(operation)
    operation.add_done_callback(_ended)


def _ended(operation: "asyncio.Task[Any]") -> None:
    _abandoned.discard(operation)
    error = None if operation.cancelled() else operation.exception()
    if error is not None:
        log.info("mongo.abandoned_failed", error=type(error).__name__)


async def wait_for_abandoned() -> None:
    """Let operations without callers end for a moment before their client is closed."""
    loop = asyncio.get_running_loop()
    waiting = [each for each in _abandoned if each.get_loop() is loop]
    if waiting:
        await asyncio.wait(waiting, timeout=CLOSE_SECONDS)
