"""Live session: events as an async iterator and acknowledged sends, across reconnections."""

import asyncio
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Literal, Self

import grpc
from plexus.messaging.v1.conversations_pb2 import ConversationView
from plexus.messaging.v1.messaging_service_pb2 import (
    GetConversationRequest,
    ListChangesRequest,
    ListChangesResponse,
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from plexus.notify.v1.notifications_pb2 import Notification
from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest

from plexus_sdk.connection import Plexus, new_request_id
from plexus_sdk.conversations import Conversations
from plexus_sdk.delivery import Delivery, Step
from plexus_sdk.errors import Refused, Unreachable
from plexus_sdk.events import Event, NotificationRaised, PresenceSignal, TypingSignal
from plexus_sdk.inbox import Inbox
from plexus_sdk.messages import Messages
from plexus_sdk.outbox import Outbox
from plexus_sdk.people import People
from plexus_sdk.positions import MemoryPositions, Position, PositionStore
from plexus_sdk.stream import Stream, note_trouble

Start = Literal["now", "unread"]

OPEN_SECONDS: Final = 60.0
SAVE_SECONDS: Final = 1.0
_PAGE: Final = 200
_MISSED_NOTIFICATIONS: Final = 200


class Session:
    """Events of the caller's conversations, from now on or from a stored position.

    async with client.session() as session:
        async for event in session:
            ...

    Every message is delivered exactly once and in order of its conversation, however often the
    connection is lost. An event counts as handled when the next one is requested; after a restart
    of the application with the same position store, unhandled events are delivered again. A reply
    with a request id derived from the message (`session.messages.reply`) is stored once even then.

    One task at a time may iterate; any number may send.
    """

    def __init__(
        self,
        plexus: Plexus,
        *,
        conversations: Iterable[str] | None = None,
        positions: PositionStore | None = None,
        start: Start = "now",
        notifications: bool = False,
        signals: bool = False,
        online: bool = False,
        device: str = "plexus-sdk",
        on_trouble: Callable[[Refused], None] = note_trouble,
    ) -> None:
        """Prepare a session; entering it opens the stream.

        Args:
            plexus: connection with a thorough retry policy.
            conversations: ids, names of groups or `@handle`; None follows every conversation,
                also those that the caller joins later.
            positions: store of positions; default: in memory.
            start: start of a conversation without a stored position: new messages only, or the
                caller's unread ones as well. A conversation that the caller joins later starts with
                the first message of the membership.
            notifications: whether new entries of the inbox are delivered too; needs
                `notifications.read`.
            signals: whether typing and presence are delivered too.
            online: whether the caller is reported as online while the stream is open.
            device: name in the list of devices.
            on_trouble: called with the reason whenever the stream is lost; default: log it.
        """
        self._plexus = plexus
        self._names = None if conversations is None else tuple(conversations)
        self._ids: frozenset[str] | None = None
        self._store: PositionStore = positions or MemoryPositions()
        self._start = start
        self._wanted = {NotificationRaised: notifications, TypingSignal: signals}
        self._wanted[PresenceSignal] = signals
        self._inbox = Inbox(is_wanted=self._is_wanted)
        self._outbox = Outbox()
        self._delivery = Delivery(self._inbox, _Source(plexus, notifications=notifications))
        self._stream = Stream(
            plexus,
            self._inbox,
            self._outbox,
            device=device,
            online=online,
            on_trouble=on_trouble,
        )
        self._running: asyncio.Task[None] | None = None
        self._given: Step | None = None
        self._unsaved: dict[str, Position] = {}
        self._saved_at = time.monotonic()
        self._iterating = False
        people = People(plexus)
        self._conversations = Conversations(plexus, people=people)
        self.messages = Messages(
            plexus, conversations=self._conversations, people=people, post=self.send
        )

    @property
    def person_id(self) -> str:
        """Id of the caller, as Plexus returned it."""
        return self._stream.welcome.person_id

    def position(self, conversation_id: str) -> Position | None:
        """Return the position received in a conversation; None if it is not followed."""
        return self._delivery.position(conversation_id)

    async def send(
        self, request: SendMessageRequest, *, seconds: float | None = None
    ) -> SendMessageResponse:
        """Send a message through the stream, again after every reconnection until it is stored.

        Messages of one conversation are stored in the order of their sends if each is awaited.

        Args:
            request: the message; a request id is generated if it has none.
            seconds: deadline over all attempts; None waits until there is a verdict.

        Raises:
            Unreachable: no verdict within the deadline; repeat it with the same request id.
            Refused: the refusal of messaging.
        """
        if not request.request_id:
            numbered = SendMessageRequest()
            numbered.CopyFrom(request)
            numbered.request_id = new_request_id()
            request = numbered
        return await self._outbox.send(request, seconds=seconds)

    async def __aenter__(self) -> Self:
        """Open the stream and determine the start positions.

        Raises:
            Refused: Plexus refuses the stream, or a name is unknown; Unreachable after a minute.
        """
        if self._names is not None:
            self._ids = frozenset([await self._conversations.resolve(n) for n in self._names])
        stored = await self._store.load()
        try:
            for conversation_id, position in stored.items():
                if self._is_wanted(conversation_id):
                    self._delivery.follow(conversation_id, position)
            self._running = asyncio.create_task(self._stream.run(), name="plexus session")
            self._running.add_done_callback(self._ended)
            await self._opened()
            await self._begin(stored.keys())
        except BaseException:
            await self._stop()
            await self._store.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the stream; the last event counts as handled unless the block failed."""
        await self._stop()
        if kind is None:
            self._handled()
        try:
            await self._save()
        finally:
            await self._store.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Return the next event; wait for it without a timeout.

        Raises:
            Refused: the session has ended, or a permission is missing.
        """
        if self._iterating:
            raise RuntimeError("one task at a time may iterate over a session")
        self._iterating = True
        try:
            self._handled()
            while True:
                if time.monotonic() - self._saved_at >= SAVE_SECONDS:
                    await self._save()
                event = self._next()
                if event is not None:
                    return event
                self._inbox.watch()
                if not await self._delivery.work():
                    await self._idle()
        finally:
            self._iterating = False

    def _next(self) -> Event | None:
        """Return an event that is ready; record positions without events."""
        steps = self._delivery.steps
        while steps:
            step = steps.popleft()
            if step.event is not None and self._wanted.get(type(step.event), True):
                self._given = step
                return step.event
            self._note(step)
        return None

    def _handled(self) -> None:
        if self._given is not None:
            self._note(self._given)
            self._given = None

    def _note(self, step: Step) -> None:
        if step.position is not None:
            self._unsaved[step.conversation_id] = step.position

    async def _idle(self) -> None:
        """Wait for work; save changed positions meanwhile."""
        await self._save()
        if self._running is not None and self._running.done():
            self._running.result()
        await self._inbox.changed(within=self._inbox.backlog.wait())

    async def _save(self) -> None:
        changed, self._saved_at = self._unsaved, time.monotonic()
        if not changed:
            return
        self._unsaved = {}
        try:
            await self._store.save(changed)
        except BaseException:
            self._unsaved = changed | self._unsaved
            raise

    def _is_wanted(self, conversation_id: str) -> bool:
        return self._ids is None or conversation_id in self._ids

    async def _opened(self) -> None:
        """Wait for the first welcome."""
        if self._running is None:
            raise RuntimeError("the session is not entered")
        opened = asyncio.create_task(self._stream.opened.wait())
        try:
            await asyncio.wait(
                {opened, self._running},
                timeout=OPEN_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            opened.cancel()
        if self._running.done():
            self._running.result()
        if not self._stream.opened.is_set():
            raise Unreachable(
                f"Plexus did not open a stream within {OPEN_SECONDS:.0f} s. Is it running?",
                code=grpc.StatusCode.UNAVAILABLE,
            )

    async def _begin(self, stored: Iterable[str]) -> None:
        """Determine the start of each conversation without a stored position.

        Without any stored position this is the very first start. Otherwise, an unknown conversation
        was joined meanwhile and starts with its first message, unless it is followed by name.
        """
        known = frozenset(stored)
        if known and (self._ids is None or self._ids <= known):
            return
        through = {each.conversation_id: each.through for each in self._stream.welcome.positions}
        async for view in self._conversations.all(archived=True):
            conversation = view.conversation
            if conversation.id not in known and self._is_wanted(conversation.id):
                change_no = max(conversation.change_no, through.get(conversation.id, 0))
                unread = self._start == "unread"
                seq = min(view.read_through_seq, conversation.last_seq)
                position = Position(
                    change_no,
                    seq if unread else conversation.last_seq,
                    conversation.last_seq if unread else 0,
                )
                self._inbox.backlog.begun(conversation.id, through=change_no)
                self._delivery.follow(conversation.id, position)
                self._note(Step(None, conversation.id, position))
        missing = (self._ids or frozenset()) - self._inbox.seen.keys()
        if missing:
            raise Refused(
                f"You are in no conversation {', '.join(sorted(missing))}.",
                reason="CONVERSATION_NOT_FOUND",
            )

    def _ended(self, running: "asyncio.Task[None]") -> None:
        error = None if running.cancelled() else running.exception()
        if isinstance(error, Refused):
            self._outbox.fail(error)
        elif error is not None or running.cancelled():
            self._outbox.fail(Refused("The session is closed.", reason="SESSION_CLOSED"))
        self._inbox.wake()

    async def _stop(self) -> None:
        if self._running is None:
            return
        self._running.cancel()
        await asyncio.wait({self._running})
        error = None if self._running.cancelled() else self._running.exception()
        # A refusal was already raised at the await that met it.
        if error is not None and not isinstance(error, Refused):
            raise error


class _Source:
    """Reads of a session, implemented by calls."""

    def __init__(self, plexus: Plexus, *, notifications: bool) -> None:
        self._plexus = plexus
        self._notifications = notifications

    async def changes(self, conversation_id: str, *, since: int) -> ListChangesResponse:
        request = ListChangesRequest(conversation_id=conversation_id, since=since, page_size=_PAGE)
        return await self._plexus.call(self._plexus.messaging.ListChanges, request)

    async def messages(self, conversation_id: str, *, after_seq: int) -> ListMessagesResponse:
        request = ListMessagesRequest(
            conversation_id=conversation_id, after_seq=after_seq, page_size=_PAGE
        )
        return await self._plexus.call(self._plexus.messaging.ListMessages, request)

    async def view(self, conversation_id: str) -> ConversationView:
        request = GetConversationRequest(conversation_id=conversation_id)
        return (await self._plexus.call(self._plexus.messaging.GetConversation, request)).view

    async def notifications(self) -> list[Notification]:
        if not self._notifications:
            return []
        request = ListNotificationsRequest(page_size=_MISSED_NOTIFICATIONS, unread_only=True)
        response = await self._plexus.call(self._plexus.notify.ListNotifications, request)
        return list(response.notifications)
