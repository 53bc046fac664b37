"""Record of clients' sends and answers: promises that must hold whichever process was killed."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import SendMessageResponse

Request = tuple[str, str, str]
"""Conversation, sender, request id: the permanent identity of a message (MSG-3)."""
Place = tuple[str, int]
"""Conversation and `seq`."""


class Violation(AssertionError):  # noqa: N818 - names what was found, like a refusal
    """A promise is broken."""


@dataclass(frozen=True, slots=True)
class Told:
    """The numbers of an acknowledged message."""

    message_id: str
    seq: int
    change_no: int


@dataclass
class Ledger:
    """All sends and answers so far; contradictions are found at once."""

    sent: dict[Request, str] = field(default_factory=dict)
    answered: dict[Request, Told] = field(default_factory=dict)
    mentioned: dict[Request, str] = field(default_factory=dict)
    # Scheduled texts, with the request once it is known.
    scheduled: dict[str, Request | None] = field(default_factory=dict)
    # The last text confirmed to its author, and recalled messages.
    edited: dict[Place, str] = field(default_factory=dict)
    recalled: set[Place] = field(default_factory=set)
    # Recalls that were started; the message may be gone before the answer.
    recalling: set[Place] = field(default_factory=set)
    # The emojis that its author has put on a message, and whether they have pinned it.
    reactions: dict[Place, set[str]] = field(default_factory=dict)
    pins: dict[Place, bool] = field(default_factory=dict)
    # (conversation, person): read position.
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    # (conversation, person): whether the last change that was answered made them a member.
    members: dict[tuple[str, str], bool] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    retries: int = 0

    def say(self, request: Request, text: str, *, mention: str = "") -> None:
        """Record a message before it is sent."""
        self.sent[request] = text
        if mention:
            self.mentioned[request] = mention

    def adopt(self, request: Request, text: str) -> None:
        """Record the request of a scheduled text, which never changes (MSG-17).

        Raises:
            Violation: it is sent under another one too.
        """
        previous = self.scheduled[text]
        if previous not in {None, request}:
            raise Violation(f"{text!r} is sent as {previous} and as {request}")
        self.scheduled[text] = request
        self.sent[request] = text

    def answer(self, request: Request, response: SendMessageResponse) -> Told:
        """Record an acknowledgement.

        Raises:
            Violation: an earlier one gave other numbers.
        """
        answered = Told(response.message_id, response.seq, response.change_no)
        previous = self.answered.setdefault(request, answered)
        if previous != answered:
            raise Violation(f"{request} was answered {previous}, then {answered}")
        return answered

    def forget(self, conversation_ids: set[str]) -> None:
        """Drop records about conversations that are verified completely."""
        requests: tuple[dict[Any, Any], ...] = (self.sent, self.answered, self.mentioned)
        places: tuple[dict[Any, Any], ...] = (self.edited, self.reactions, self.pins)
        for kept in (*requests, *places, self.read, self.members):
            for key in [key for key in kept if key[0] in conversation_ids]:
                del kept[key]
        for text in [t for t, r in self.scheduled.items() if r and r[0] in conversation_ids]:
            del self.scheduled[text]
        for places_ in (self.recalled, self.recalling):
            places_.difference_update([p for p in places_ if p[0] in conversation_ids])
        for conversation_id in conversation_ids:
            self.names.pop(conversation_id, None)

    def check_message(self, message: Message) -> None:
        """Compare a message as it is read now with the answers that its author and others received.

        Raises:
            Violation: it contradicts an answer.
        """
        place = (message.conversation_id, message.seq)
        if place in self.recalled:
            if not message.recalled or message.text:
                raise Violation(f"{place} was taken back and says {message.text!r}")
            return
        wanted = self.edited.get(place)
        if wanted is not None and not message.recalled and message.text != wanted:
            raise Violation(f"{place} was edited to {wanted!r} and says {message.text!r}")
        emojis = self.reactions.get(place)
        if emojis is not None and {each.emoji for each in message.reactions} != emojis:
            raise Violation(f"{place} should have {emojis}, has {message.reactions}")
        pinned = self.pins.get(place)
        if pinned is not None and message.HasField("pin") != pinned:
            raise Violation(f"{place} was {'' if pinned else 'un'}pinned and is not")
