"""One thread for work in pure Python: each person has one piece of it at a time, in turns."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

ParamT = ParamSpec("ParamT")
ResultT = TypeVar("ResultT")


class _Piece(NamedTuple):
    work: Callable[[], Any]
    done: "asyncio.Future[Any]"


class Lane:
    """Runs work in a thread: callers with much work wait for themselves, others run in between.

    A thread shares the interpreter with the loop, so a second one would only slow down both.
    """

    def __init__(self, name: str) -> None:
        """Set the name of the thread."""
        self._thread: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        # By person, in the order of their turns.
        self._waiting: OrderedDict[str, deque[_Piece]] = OrderedDict()
        self._busy = False

    async def run(
        self,
        who: str,
        work: Callable[ParamT, ResultT],
        *args: ParamT.args,
        **kwargs: ParamT.kwargs,
    ) -> ResultT:
        """Run work when it is the caller's turn; return its result."""
        done: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        piece = _Piece(lambda: work(*args, **kwargs), done)
        self._waiting.setdefault(who, deque()).append(piece)
        self._next()
        return await done

    def close(self) -> None:
        """Accept no more work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next(self) -> None:
        """Start the next piece of work in turn, unless one is running."""
        while self._waiting and not self._busy:
            who, pieces = self._waiting.popitem(last=False)
            piece = pieces.popleft()
            if pieces:
                self._waiting[who] = pieces
            if piece.done.done():  # its caller has gone
                continue
            self._busy = True
            loop = asyncio.get_running_loop()
            carried_out = loop.run_in_executor(self._thread, piece.work)
            carried_out.add_done_callback(partial(self._end, piece.done))

    def _end(self, done: "asyncio.Future[Any]", carried_out: "asyncio.Future[Any]") -> None:
        self._busy = False
        error = None if carried_out.cancelled() else carried_out.exception()
        if not done.done():
            if carried_out.cancelled():
                done.cancel()
            elif error is not None:
                done.set_exception(error)
            else:
                done.set_result(carried_out.result())
        self._next()
