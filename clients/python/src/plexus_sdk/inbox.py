"""Bounded queue of received frames that the application has not consumed yet."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from plexus.gateway.v1.session_service_pb2 import Events, Frame, Position, Resync

from plexus_sdk.backoff import doubled

MAX_FRAMES: Final = 2_000
MAX_BYTES: Final = 8 * 1024 * 1024
_WAITS: Final = (0.1, 30.0)


@dataclass(slots=True)
class Lag:
    """A conversation with changes to fetch.

    Attributes:
        target: change number up to which changes are known to be missing; 0: unknown.
        asked: number of marks; a fetch ends the lag only if none was added meanwhile.
        failures: unsuccessful fetches in a row.
        not_before: monotonic time of the next fetch.
    """

    target: int = 0
    asked: int = 0
    failures: int = 0
    not_before: float = 0.0


class Backlog:
    """Conversations to fetch, oldest mark first."""

    def __init__(self) -> None:
        self._lags: dict[str, Lag] = {}

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._lags

    def mark(self, conversation_id: str, *, target: int = 0) -> None:
        """Mark a conversation to be fetched, at least up to a change number."""
        lag = self._lags.setdefault(conversation_id, Lag())
        lag.target = max(lag.target, target)
        lag.asked += 1

    def due(self) -> tuple[str, Lag] | None:
        """Return a conversation that can be fetched now."""
        now = time.monotonic()
        return next((each for each in self._lags.items() if each[1].not_before <= now), None)

    def wait(self) -> float | None:
        """Return the seconds until a fetch is due; None if no conversation has to be fetched."""
        first = min((lag.not_before for lag in self._lags.values()), default=None)
        return None if first is None else max(first - time.monotonic(), 0.0)

    def drop(self, conversation_id: str) -> None:
        """Remove a conversation from the backlog."""
        self._lags.pop(conversation_id, None)

    def begun(self, conversation_id: str, *, through: int) -> None:
        """Record the start of a conversation: the welcome alone is no reason to fetch it."""
        lag = self._lags.get(conversation_id)
        if lag is not None and lag.asked == 1 and lag.target <= through:
            del self._lags[conversation_id]

    def fetched(self, conversation_id: str, *, asked: int, through: int) -> None:
        """Record that a conversation was read to its end, up to a change number.

        It stays in the backlog if it was marked again meanwhile, or if the end is before the
        target: a gateway knew of a change that the response does not contain yet.
        """
        lag = self._lags.get(conversation_id)
        if lag is None:
            return
        lag.failures = 0
        if lag.asked == asked and through >= lag.target:
            del self._lags[conversation_id]
        elif lag.asked == asked:
            self.postpone(conversation_id)

    def postpone(self, conversation_id: str, *, seconds: float = 0.0) -> None:
        """Postpone the fetch of a conversation by a number of seconds, or longer after failures."""
        lag = self._lags.get(conversation_id)
        if lag is not None:
            wait = doubled(lag.failures, _WAITS)
            lag.not_before = time.monotonic() + max(seconds, wait)
            lag.failures += 1


class Inbox:
    """Bounded queue between a stream, which is always read, and an application, which may be slow.

    A frame that does not fit is dropped and its conversation is marked in the backlog: it is
    fetched again once the application has caught up. So a slow application neither grows the queue
    nor stalls the stream, and acknowledgements of sends never wait behind events.
    """

    def __init__(
        self,
        *,
        is_wanted: Callable[[str], bool] = lambda _: True,
        max_frames: int = MAX_FRAMES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Create an empty inbox.

        Args:
            is_wanted: returns whether a conversation is followed.
            max_frames: bound on queued frames; those without a position may use half of it.
            max_bytes: bound on their serialized size.
        """
        self.backlog = Backlog()
        # Per open conversation, the change number up to which all changes are delivered, queued or
        # marked.
        self.seen: dict[str, int] = {}
        self.notifications_missed = False
        self._is_wanted = is_wanted
        self._max_frames, self._max_bytes = max_frames, max_bytes
        self._frames: deque[tuple[Frame, int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._frames)

    def peek(self) -> Frame | None:
        """Return the oldest frame without removing it."""
        return self._frames[0][0] if self._frames else None

    def pop(self) -> None:
        """Remove the oldest frame."""
        self._bytes -= self._frames.popleft()[1]

    def watch(self) -> None:
        """Start to record arrivals; call it before checking for work."""
        self._changed.clear()

    async def changed(self, *, within: float | None) -> None:
        """Wait until a frame has arrived since `watch`, for at most `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._changed.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """End the current wait."""
        self._changed.set()

    def put(self, frame: Frame) -> None:
        """Queue a frame of the stream; acknowledgements and drains are handled elsewhere."""
        match frame.WhichOneof("frame"):
            case "events":
                self._put_events(frame, frame.events)
            case "heartbeat":
                self._compare(frame.heartbeat.positions)
            case "resync":
                self._resync(frame.resync)
            case "conversation_closed":
                conversation_id = frame.conversation_closed.conversation_id
                self.seen.pop(conversation_id, None)
                self.backlog.drop(conversation_id)
                if self._is_wanted(conversation_id):
                    self._append(frame)
            case "personal" | "signal":
                self._put_passing(frame)
        self.wake()

    def welcome(self, positions: Iterable[Position], *, again: bool) -> None:
        """Compare the positions at the start of a new stream with the delivered ones.

        Args:
            positions: of the caller's conversations; 0 for one that the gateway has not seen yet.
            again: whether there was a stream before.
        """
        named = {each.conversation_id: each.through for each in positions}
        for conversation_id, through in named.items():
            if self._is_wanted(conversation_id) and (
                not through or through > self.seen.get(conversation_id, -1)
            ):
                self._mark(conversation_id, through)
        # The caller may have left it meanwhile: a fetch shows that.
        for conversation_id in self.seen.keys() - named.keys():
            self._mark(conversation_id, 0)
        self.notifications_missed = again
        self.wake()

    def _put_events(self, frame: Frame, events: Events) -> None:
        conversation_id = events.conversation_id
        if not self._is_wanted(conversation_id):
            return
        fits = len(self._frames) < self._max_frames and self._bytes < self._max_bytes
        known = conversation_id in self.seen
        if known and fits and conversation_id not in self.backlog:
            self.seen[conversation_id] = max(self.seen[conversation_id], events.through)
            self._append(frame)
        else:
            self._mark(conversation_id, events.through)

    def _compare(self, positions: Iterable[Position]) -> None:
        for position in positions:
            conversation_id, through = position.conversation_id, position.through
            missing = through > self.seen.get(conversation_id, -1)
            if missing and self._is_wanted(conversation_id):
                self._mark(conversation_id, through)

    def _resync(self, resync: Resync) -> None:
        for conversation_id in list(resync.conversation_ids) or list(self.seen):
            if self._is_wanted(conversation_id):
                self._mark(conversation_id, 0)
        if not resync.conversation_ids:
            self.notifications_missed = True

    def _put_passing(self, frame: Frame) -> None:
        if len(self._frames) < self._max_frames // 2:
            self._append(frame)
        elif frame.HasField("personal"):
            self.notifications_missed = True

    def _mark(self, conversation_id: str, target: int) -> None:
        self.seen[conversation_id] = max(self.seen.get(conversation_id, 0), target)
        self.backlog.mark(conversation_id, target=target)

    def _append(self, frame: Frame) -> None:
        size = frame.ByteSize()
        self._frames.append((frame, size))
        self._bytes += size
