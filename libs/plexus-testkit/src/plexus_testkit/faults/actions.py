"""Actions of people while processes die: one function per action, in one table.

Each records its intention, repeats the call until it is answered, and records the answer.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.personal_service_pb2 import ScheduledContent, ScheduleMessageRequest

from plexus_testkit.faults.calls import insist
from plexus_testkit.faults.device import Device
from plexus_testkit.faults.ledger import Ledger, Violation

EMOJIS: Final = ("👍", "🎉", "👀")
MANY: Final = 12
AHEAD_SECONDS: Final = 5


@dataclass
class Room:
    """A conversation of the cycles.

    Attributes:
        id: Id of the conversation.
        owner: Its creator, who changes its members.
        people: Members from the beginning to the end.
        guest: Person added and removed again and again.
        own: Numbers of messages by their author, for actions on one's own.
    """

    id: str
    owner: Device
    people: list[Device]
    guest: Device
    own: dict[str, list[int]] = field(default_factory=dict)
    membership: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Actor:
    """Person who acts in a conversation, with a random generator of their own."""

    device: Device
    room: Room
    chance: random.Random
    # Requests of this person here, for repeating one.
    requests: list[pb.SendMessageRequest] = field(default_factory=list)
    # One change of one's own messages at a time, so that the last answer determines the state.
    _editing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def ledger(self) -> Ledger:
        """Ledger of the actions."""
        return self.device.ledger

    async def call(self, method: str, request: Any) -> Any:
        """Call a method of MessagingService until it is answered."""
        stub = self.device.plexus.messaging
        return await insist(self.device.plexus, getattr(stub, method), request, ledger=self.ledger)

    def draft(self, *, reply_to_seq: int = 0) -> pb.SendMessageRequest:
        """Make a message and note it."""
        request_id = secrets.token_hex(8)
        text = f"{self.device.person_id} says {request_id}"
        mentions = []
        others = [each.person_id for each in self.room.people if each is not self.device]
        if self.chance.random() < 0.2:  # noqa: PLR2004 - one message in five
            mentions = [Mention(person_id=self.chance.choice(others))]
        key = (self.room.id, self.device.person_id, request_id)
        self.ledger.say(key, text, mention=mentions[0].person_id if mentions else "")
        request = pb.SendMessageRequest(
            conversation_id=self.room.id,
            request_id=request_id,
            text=text,
            mentions=mentions,
            reply_to_seq=reply_to_seq,
        )
        self.requests.append(request)
        del self.requests[:-50]
        return request

    def answered(self, request: pb.SendMessageRequest, response: pb.SendMessageResponse) -> None:
        """Record an acknowledgement."""
        key = (self.room.id, self.device.person_id, request.request_id)
        new = key not in self.ledger.answered
        answered = self.ledger.answer(key, response)
        if new:
            self.room.own.setdefault(self.device.person_id, []).append(answered.seq)

    def own_seq(self) -> int:
        """Pick a recent message of one's own that is not recalled; 0 if there is none."""
        mine = self.room.own.get(self.device.person_id, [])[-30:]
        kept = [seq for seq in mine if (self.room.id, seq) not in self.ledger.recalled]
        return self.chance.choice(kept) if kept else 0

    @contextlib.asynccontextmanager
    async def altering(self) -> AsyncIterator[int]:
        """Choose a message of one's own and lock it against other changes."""
        async with self._editing:
            yield self.own_seq()

    async def alter(
        self, method: str, request: Callable[..., Any], *, seq: int, **fields: Any
    ) -> bool:
        """Change a message; return whether it was changed, or is past the time or number for it."""
        if not seq:
            return False
        request_id = secrets.token_hex(8)
        try:
            await self.call(
                method,
                request(request_id=request_id, conversation_id=self.room.id, seq=seq, **fields),
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                return False
            raise Violation(f"{method} answered {error.details()}") from error
        return True


async def say(actor: Actor) -> None:
    """Send through the stream."""
    request = actor.draft()
    actor.answered(request, await actor.device.send(request))


async def say_by_call(actor: Actor) -> None:
    """Send by a call, which goes to any process of messaging: its tail may be old."""
    request = actor.draft()
    actor.answered(request, await actor.call("SendMessage", request))


async def say_many(actor: Actor) -> None:
    """Send several at once by a call; the batch may end in the middle."""
    waiting = [actor.draft() for _ in range(MANY)]
    while waiting:
        response = await actor.call("SendMessages", pb.SendMessagesRequest(items=waiting))
        again = []
        for request, verdict in zip(waiting, response.verdicts, strict=True):
            if verdict.HasField("stored"):
                actor.answered(request, verdict.stored)
            elif verdict.refused.code == grpc.StatusCode.UNAVAILABLE.value[0]:
                again.append(request)
            else:
                raise Violation(f"a send was refused: {verdict.refused.reason}")
        waiting = again


async def say_again(actor: Actor) -> None:
    """Repeat an old request, by either way: the same numbers must come back (MSG-3)."""
    if not actor.requests:
        return
    request = actor.chance.choice(actor.requests)
    if actor.chance.random() < 0.5:  # noqa: PLR2004 - either way
        response = await actor.device.send(request)
    else:
        response = await actor.call("SendMessage", request)
    actor.answered(request, response)


async def reply(actor: Actor) -> None:
    """Answer in a thread."""
    seq = actor.own_seq()
    if seq:
        request = actor.draft(reply_to_seq=seq)
        actor.answered(request, await actor.device.send(request))


async def schedule(actor: Actor) -> None:
    """Schedule a message for a moment later; it is sent once, whichever process dies (MSG-17)."""
    text = f"scheduled {secrets.token_hex(8)}"
    actor.ledger.scheduled[text] = None
    request = ScheduleMessageRequest(
        request_id=secrets.token_hex(8),
        message=ScheduledContent(conversation_id=actor.room.id, text=text),
    )
    request.send_at.seconds = int(time.time()) + AHEAD_SECONDS
    plexus = actor.device.plexus
    try:
        response = await insist(
            plexus, plexus.personal.ScheduleMessage, request, ledger=actor.ledger
        )
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
            return  # the time is past; whether an attempt came through before is not known
        raise Violation(f"ScheduleMessage answered {error.details()}") from error
    actor.ledger.adopt((actor.room.id, actor.device.person_id, response.scheduled.id), text)


async def read(actor: Actor) -> None:
    """Read on, up to the newest message that the device shows."""
    seq = max(actor.device.watch(actor.room.id).messages, default=0)
    if not seq:
        return
    advance = pb.CursorAdvance(conversation_id=actor.room.id, through_seq=seq)
    response = await actor.call("AdvanceCursors", pb.AdvanceCursorsRequest(advances=[advance]))
    (verdict,) = response.verdicts
    if verdict.HasField("refused"):
        if verdict.refused.code == grpc.StatusCode.UNAVAILABLE.value[0]:
            return
        raise Violation(f"reading up to {seq} was refused: {verdict.refused.reason}")
    if verdict.cursor.through_seq < seq:
        raise Violation(f"read up to {seq}, told {verdict.cursor.through_seq}")
    key = (actor.room.id, actor.device.person_id)
    actor.ledger.read[key] = max(actor.ledger.read.get(key, 0), verdict.cursor.through_seq)


async def come_or_go(actor: Actor) -> None:
    """Add the guest, or remove them; one change at a time, so that the last one counts."""
    room = actor.room
    guest = room.guest.person_id
    fields: dict[str, Any] = {"conversation_id": room.id, "person_ids": [guest]}
    async with room.membership:
        inside = actor.ledger.members.get((room.id, guest), False)
        if inside:
            request: Any = pb.RemoveMembersRequest(request_id=secrets.token_hex(8), **fields)
        else:
            request = pb.AddMembersRequest(request_id=secrets.token_hex(8), **fields)
        method = "RemoveMembers" if inside else "AddMembers"
        await insist(
            room.owner.plexus,
            getattr(room.owner.plexus.messaging, method),
            request,
            ledger=actor.ledger,
        )
        actor.ledger.members[room.id, guest] = not inside


async def rename(actor: Actor) -> None:
    """Rename the conversation; one at a time, as above."""
    room = actor.room
    async with room.membership:
        name = f"cycles {secrets.token_hex(4)}"
        request = pb.UpdateConversationRequest(conversation_id=room.id, name=name)
        plexus = room.owner.plexus
        await insist(plexus, plexus.messaging.UpdateConversation, request, ledger=actor.ledger)
        actor.ledger.names[room.id] = name


async def edit(actor: Actor) -> None:
    """Change one's own words."""
    async with actor.altering() as seq:
        text = f"edited {secrets.token_hex(6)}"
        if await actor.alter("EditMessage", pb.EditMessageRequest, seq=seq, text=text):
            actor.ledger.edited[actor.room.id, seq] = text


async def recall(actor: Actor) -> None:
    """Recall one's own message."""
    async with actor.altering() as seq:
        actor.ledger.recalling.add((actor.room.id, seq))
        if await actor.alter("RecallMessage", pb.RecallMessageRequest, seq=seq):
            actor.ledger.recalled.add((actor.room.id, seq))


async def react(actor: Actor) -> None:
    """Add a reaction to one's own message, or remove it."""
    async with actor.altering() as seq:
        emoji = actor.chance.choice(EMOJIS)
        on = actor.ledger.reactions.setdefault((actor.room.id, seq), set())
        has = emoji in on
        reaction = pb.ReactToMessageRequest
        if await actor.alter("ReactToMessage", reaction, seq=seq, emoji=emoji, remove=has):
            (on.discard if has else on.add)(emoji)


async def pin(actor: Actor) -> None:
    """Pin one's own message, or unpin it."""
    async with actor.altering() as seq:
        on = actor.ledger.pins.get((actor.room.id, seq), False)
        if await actor.alter("PinMessage", pb.PinMessageRequest, seq=seq, unpin=on):
            actor.ledger.pins[actor.room.id, seq] = not on


@dataclass(frozen=True, slots=True)
class Action:
    """Action of people, and its relative frequency."""

    name: str
    run: Callable[[Actor], Awaitable[None]]
    weight: int


ACTIONS: Final = (
    Action("say", say, 40),
    Action("say by call", say_by_call, 12),
    Action("say many", say_many, 2),
    Action("say again", say_again, 8),
    Action("reply", reply, 4),
    Action("schedule", schedule, 3),
    Action("read", read, 10),
    Action("come or go", come_or_go, 4),
    Action("rename", rename, 1),
    Action("edit", edit, 6),
    Action("recall", recall, 2),
    Action("react", react, 6),
    Action("pin", pin, 3),
)
"""Actions in use. A new RPC is a function above and a line here."""
