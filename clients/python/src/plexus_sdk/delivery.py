"""Ordered exactly-once delivery of messages from live frames and fetched changes.

Live frames carry the changes `(after, through]` of a conversation. If `after` is not beyond the
position, they continue it; otherwise changes are missing, and ListChanges returns the current
states of the changed messages (MSG-6). A message is new if its `seq` is beyond the position's, so
that no message is delivered twice, by frame or by fetch.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import grpc
from plexus.gateway.v1.session_service_pb2 import Events, Frame
from plexus.messaging.v1.conversations_pb2 import ConversationView
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import (
    Change,
    ListChangesResponse,
    ListMessagesResponse,
)
from plexus.notify.v1.events_pb2 import NotificationRaised as RaisedFact
from plexus.notify.v1.notifications_pb2 import Notification

from plexus_sdk.errors import Refused, SignedOut, Unreachable
from plexus_sdk.events import (
    ChangesExpired,
    ConversationClosed,
    ConversationEvent,
    Event,
    MessagePosted,
    NotificationRaised,
    PresenceSignal,
    TypingSignal,
)
from plexus_sdk.facts import event_of, event_of_message, events_of_change, seq_of
from plexus_sdk.inbox import Inbox, Lag
from plexus_sdk.positions import Position

_LOG = logging.getLogger("plexus_sdk")
_RAISED: Final = RaisedFact.DESCRIPTOR.full_name
_MAX_REMEMBERED: Final = 1_000
# Statuses that a later fetch may not meet again; every other one is raised to the application.
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)


class Source(Protocol):
    """Reads of missing changes; each raises Refused."""

    async def changes(self, conversation_id: str, *, since: int) -> ListChangesResponse:
        """Return a page of changes."""

    async def messages(self, conversation_id: str, *, after_seq: int) -> ListMessagesResponse:
        """Return a page of messages, oldest first."""

    async def view(self, conversation_id: str) -> ConversationView:
        """Return a conversation with the caller's own view of it."""

    async def notifications(self) -> list[Notification]:
        """Return the newest unread notifications, newest first; none if notifications are off."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event for the application and the position after it; None: a position without an event."""

    event: Event | None
    conversation_id: str = ""
    position: Position | None = None


@dataclass(slots=True)
class _Followed:
    """Delivery progress of a conversation."""

    change_no: int
    seq: int
    until_seq: int = 0
    closed: bool = False
    # Messages delivered in a state newer than `change_no`: their `seq` to that state's change
    # number.
    ahead: dict[int, int] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        return Position(self.change_no, self.seq, self.until_seq)

    def advance(self, change_no: int) -> None:
        self.change_no = max(self.change_no, change_no)
        if self.ahead:
            passed = [seq for seq, number in self.ahead.items() if number <= self.change_no]
            for seq in passed:
                del self.ahead[seq]


class Delivery:
    """Turns frames and fetched changes into steps; one unit of work at a time.

    Every unit changes its state only after its last await, so that cancellation by the application
    loses no event.
    """

    def __init__(self, inbox: Inbox, source: Source) -> None:
        self.steps: deque[Step] = deque()
        self._inbox = inbox
        self._source = source
        self._followed: dict[str, _Followed] = {}
        self._notified: dict[str, None] = {}
        self._prefers_backlog = True

    def follow(self, conversation_id: str, position: Position) -> None:
        """Follow a conversation from a position."""
        self._followed[conversation_id] = _Followed(
            position.change_no, position.seq, position.until_seq
        )
        seen = self._inbox.seen.get(conversation_id, 0)
        self._inbox.seen[conversation_id] = max(seen, position.change_no)
        if position.until_seq > position.seq:
            self._inbox.backlog.mark(conversation_id)

    def position(self, conversation_id: str) -> Position | None:
        """Return the position of a conversation; None if it is not followed."""
        followed = self._followed.get(conversation_id)
        return None if followed is None else followed.position

    async def work(self) -> bool:
        """Do one unit: apply a frame, or fetch a page. Return False if there is no work.

        Raises:
            Refused: a refusal that a repeated fetch would meet again.
        """
        self._prefers_backlog = not self._prefers_backlog
        frame, due = self._inbox.peek(), self._inbox.backlog.due()
        if due is not None and (frame is None or self._prefers_backlog):
            await self._fetch(*due)
        elif frame is not None:
            self._apply(frame)
            self._inbox.pop()
        elif self._inbox.notifications_missed:
            await self._fetch_notifications()
        else:
            return False
        return True

    # --- live frames

    def _apply(self, frame: Frame) -> None:
        match frame.WhichOneof("frame"):
            case "events":
                self._apply_events(frame.events)
            case "conversation_closed":
                closed = frame.conversation_closed
                self._close(closed.conversation_id, change_no=closed.change_no)
            case "personal" if frame.personal.event.type == _RAISED:
                self._notify(RaisedFact.FromString(frame.personal.event.fact).notification)
            case "signal" if frame.signal.HasField("typing"):
                self.steps.append(Step(TypingSignal(frame.signal.typing)))
            case "signal" if frame.signal.HasField("presence"):
                self.steps.append(Step(PresenceSignal(frame.signal.presence)))

    def _apply_events(self, events: Events) -> None:
        conversation_id = events.conversation_id
        followed = self._followed.get(conversation_id)
        if followed is not None and events.through <= followed.change_no:
            return
        if (
            followed is None
            or followed.closed
            or events.after > followed.change_no
            or followed.until_seq > followed.seq
            or any(envelope.omitted for envelope in events.events)
        ):
            self._inbox.backlog.mark(conversation_id, target=events.through)
            return
        for envelope in events.events:
            if envelope.change_no <= followed.change_no:
                continue
            event = event_of(envelope)
            seq = 0 if event is None else seq_of(event)
            known = followed.ahead.get(seq, 0) >= envelope.change_no or (
                isinstance(event, MessagePosted) and seq <= followed.seq
            )
            followed.advance(envelope.change_no)
            if event is not None and not known:
                followed.seq = max(followed.seq, seq)
                self._step(conversation_id, followed, event)
        followed.advance(events.through)
        self._checkpoint(conversation_id, followed)

    def _close(self, conversation_id: str, *, change_no: int) -> None:
        followed = self._followed.get(conversation_id)
        if followed is None or followed.closed:
            return
        followed.closed = True
        self._step(conversation_id, followed, ConversationClosed(conversation_id, change_no))

    # --- fetches

    async def _fetch(self, conversation_id: str, lag: Lag) -> None:
        asked = lag.asked
        try:
            followed = self._followed.get(conversation_id) or await self._joined(conversation_id)
            if followed.until_seq > followed.seq:
                await self._fetch_missing(conversation_id, followed)
                return
            response = await self._source.changes(conversation_id, since=followed.change_no)
            if response.min_available > followed.change_no:
                await self._expire(conversation_id, followed)
                return
            gap = _gap(followed.seq, _new_seqs(followed, response.changes))
            listed = gap and await self._source.messages(conversation_id, after_seq=gap[0])
        except Refused as refused:
            self._refused(conversation_id, refused)
            return
        self._followed[conversation_id] = followed
        followed.closed = False
        if gap and listed:
            self._fill(conversation_id, followed, response.changes, gap=gap, listed=listed)
            return
        self._apply_changes(conversation_id, followed, response)
        if not response.has_more:
            self._inbox.backlog.fetched(conversation_id, asked=asked, through=followed.change_no)

    async def _joined(self, conversation_id: str) -> _Followed:
        """Return the start of a conversation that the caller joined: its first message."""
        view = await self._source.view(conversation_id)
        joined = view.member.intervals[-1].first_seq if view.member.intervals else 1
        last = view.conversation.last_seq
        return _Followed(
            view.conversation.change_no,
            seq=min(max(joined - 1, 0), last),
            until_seq=last,
        )

    async def _fetch_missing(self, conversation_id: str, followed: _Followed) -> None:
        """Deliver a page of the messages up to `until_seq`."""
        listed = await self._source.messages(conversation_id, after_seq=followed.seq)
        self._followed[conversation_id] = followed
        followed.closed = False
        self._post(conversation_id, followed, listed, until=followed.until_seq)
        self._checkpoint(conversation_id, followed)

    async def _expire(self, conversation_id: str, followed: _Followed) -> None:
        """Continue with the current state: all missing messages, without earlier changes."""
        view = await self._source.view(conversation_id)
        self._followed[conversation_id] = followed
        followed.until_seq = max(followed.until_seq, view.conversation.last_seq)
        followed.advance(view.conversation.change_no)
        event = ChangesExpired(conversation_id, view.conversation.change_no)
        self._step(conversation_id, followed, event)

    def _fill(
        self,
        conversation_id: str,
        followed: _Followed,
        changes: Iterable[Change],
        *,
        gap: tuple[int, int],
        listed: ListMessagesResponse,
    ) -> None:
        """Deliver the new messages before and in a gap; the page of changes is fetched again."""
        first, end = gap
        for change in _new_messages(followed, changes):
            if change.message.seq <= first:
                self._deliver_new(conversation_id, followed, change.message, change.change_no)
        self._post(conversation_id, followed, listed, until=end - 1)
        self._checkpoint(conversation_id, followed)

    def _post(
        self,
        conversation_id: str,
        followed: _Followed,
        listed: ListMessagesResponse,
        *,
        until: int,
    ) -> None:
        """Deliver listed messages up to a `seq`; it is reached if the list has no earlier ones."""
        inside = [each for each in listed.messages if followed.seq < each.seq <= until]
        for message in inside:
            self._deliver_new(conversation_id, followed, message, message.change_no)
        if len(inside) < len(listed.messages) or not listed.has_more:
            followed.seq = max(followed.seq, until)

    def _apply_changes(
        self, conversation_id: str, followed: _Followed, response: ListChangesResponse
    ) -> None:
        waiting = deque(_new_messages(followed, response.changes))
        for change in response.changes:
            if change.HasField("message"):
                self._apply_message(conversation_id, followed, change, waiting=waiting)
            else:
                followed.advance(change.change_no)
                for event in events_of_change(conversation_id, change):
                    self._step(conversation_id, followed, event)
        followed.advance(response.through)
        self._checkpoint(conversation_id, followed)

    def _apply_message(
        self,
        conversation_id: str,
        followed: _Followed,
        change: Change,
        *,
        waiting: deque[Change],
    ) -> None:
        """Deliver a changed message; if it is new, deliver those with a smaller `seq` first."""
        message = change.message
        is_new = message.seq > followed.seq
        while is_new and waiting and waiting[0].message.seq < message.seq:
            earlier = waiting.popleft()
            self._deliver_new(conversation_id, followed, earlier.message, earlier.change_no)
        known = followed.ahead.get(message.seq, 0) >= change.change_no
        followed.advance(change.change_no)
        if is_new:
            waiting.popleft()
            self._deliver_new(conversation_id, followed, message, change.change_no)
        elif not known:
            event = event_of_message(change.change_no, message, is_new=False)
            self._step(conversation_id, followed, event)

    def _deliver_new(
        self, conversation_id: str, followed: _Followed, message: Message, change_no: int
    ) -> None:
        if message.seq <= followed.seq:
            return
        followed.seq = message.seq
        state = max(change_no, message.change_no)
        if state > followed.change_no:
            followed.ahead[message.seq] = state
        event = event_of_message(change_no, message, is_new=True)
        self._step(conversation_id, followed, event)

    def _refused(self, conversation_id: str, refused: Refused) -> None:
        if _is_closed(refused):
            self._inbox.seen.pop(conversation_id, None)
            self._inbox.backlog.drop(conversation_id)
            followed = self._followed.get(conversation_id)
            self._close(conversation_id, change_no=followed.change_no if followed else 0)
            return
        if isinstance(refused, SignedOut) or not (
            isinstance(refused, Unreachable) or refused.code in _PASSING
        ):
            self._inbox.backlog.postpone(conversation_id)
            raise refused
        _LOG.warning("conversation %s not fetched, trying again: %s", conversation_id, refused)
        seconds = refused.retry_after.total_seconds() if refused.retry_after else 0.0
        self._inbox.backlog.postpone(conversation_id, seconds=seconds)

    # --- notifications

    async def _fetch_notifications(self) -> None:
        missed = await self._source.notifications()
        self._inbox.notifications_missed = False
        for notification in reversed(missed):
            self._notify(notification)

    def _notify(self, notification: Notification) -> None:
        if notification.id in self._notified:
            return
        self._notified[notification.id] = None
        if len(self._notified) > _MAX_REMEMBERED:
            del self._notified[next(iter(self._notified))]
        self.steps.append(Step(NotificationRaised(notification)))

    # --- steps

    def _step(self, conversation_id: str, followed: _Followed, event: ConversationEvent) -> None:
        self.steps.append(Step(event, conversation_id, followed.position))

    def _checkpoint(self, conversation_id: str, followed: _Followed) -> None:
        self.steps.append(Step(None, conversation_id, followed.position))


def _is_closed(refused: Refused) -> bool:
    """Return whether a refusal concerns this conversation and not the caller's token."""
    if refused.code is grpc.StatusCode.PERMISSION_DENIED:
        return refused.reason != "PERMISSION_MISSING"
    return refused.code is grpc.StatusCode.NOT_FOUND


def _new_messages(followed: _Followed, changes: Iterable[Change]) -> list[Change]:
    """Return the changes with undelivered messages, by `seq`."""
    new = [
        change
        for change in changes
        if change.HasField("message") and change.message.seq > followed.seq
    ]
    return sorted(new, key=lambda change: change.message.seq)


def _new_seqs(followed: _Followed, changes: Iterable[Change]) -> Iterator[int]:
    return (change.message.seq for change in _new_messages(followed, changes))


def _gap(seq: int, new: Iterable[int]) -> tuple[int, int] | None:
    """Return the first gap in a sequence of numbers: the number before it and the one after it."""
    for number in new:
        if number > seq + 1:
            return seq, number
        seq = number
    return None
