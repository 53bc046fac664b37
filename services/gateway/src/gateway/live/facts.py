"""What a fact of a conversation means for who may see it (MSG-14)."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation

from gateway.live.channels import Ranges, ranges_of

_PACKAGE: Final = "plexus.messaging.v1."
_POSTED: Final = f"{_PACKAGE}MessagePosted"
_ABOUT_MESSAGES: Final = {
    f"{_PACKAGE}{fact.__name__}": fact
    for fact in (
        events_pb2.MessageEdited,
        events_pb2.MessageRecalled,
    )
}
_ABOUT_PARTS: Final = {
    f"{_PACKAGE}{fact.__name__}": fact
    for fact in (
        events_pb2.MessageReacted,
        events_pb2.MessagePinned,
        events_pb2.MessageLabeled,
    )
}
OF_MESSAGES: Final = frozenset((_POSTED, *_ABOUT_MESSAGES, *_ABOUT_PARTS))
"""Full names of the facts about one message."""
_ABOUT_CONVERSATION: Final = {
    f"{_PACKAGE}{fact.__name__}": fact
    for fact in (events_pb2.ConversationChanged, events_pb2.ConversationArchived)
}
_CREATED: Final = f"{_PACKAGE}ConversationCreated"
_ADDED: Final = f"{_PACKAGE}MembersAdded"
_REMOVED: Final = f"{_PACKAGE}MembersRemoved"
_CHAIN_BEGUN: Final = f"{_PACKAGE}ChainBegun"
_KNOWN: Final = OF_MESSAGES | {
    *_ABOUT_CONVERSATION,
    _CREATED,
    _ADDED,
    _REMOVED,
    _CHAIN_BEGUN,
}


class UnreadableFact(Exception):  # noqa: N818 - named after the fact that prevents
    """A fact that this gateway cannot apply: whom it concerns is the owner's to say."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One fact.

    Attributes:
        seq: the message it is about; 0: none.
        joined: who is a member from here on, with every stay.
        left: who is none from here on.
        history: whether members see what was before them; None: the fact does not say.
        pair: the two people of a direct conversation that begins.
        known: False for a fact of a type that this gateway does not know: its number counts, and
            what it says is for clients to fetch.
    """

    seq: int = 0
    joined: tuple[tuple[str, Ranges], ...] = ()
    left: tuple[str, ...] = ()
    history: bool | None = None
    pair: tuple[str, str] | None = None
    known: bool = True


_UNKNOWN: Final = Meaning(known=False)


def meaning_of(envelope: Envelope) -> Meaning:
    """Read a fact of topic `messaging.conversation.v1`.

    Raises:
        UnreadableFact: it cannot be decoded, is omitted and not about a message, or is of a type
            that this gateway does not know and changes the membership.
    """
    kind = envelope.type
    if kind not in _KNOWN:
        # A version of a membership is the number of the change that made it.
        if envelope.membership_version >= envelope.change_no:
            raise UnreadableFact(kind)
        return _UNKNOWN
    if kind == _CHAIN_BEGUN or (envelope.omitted and kind in OF_MESSAGES):
        return Meaning()
    if envelope.omitted:
        raise UnreadableFact(kind)
    try:
        if kind == _POSTED:
            return Meaning(seq=events_pb2.MessagePosted.FromString(envelope.fact).message.seq)
        return _rare(kind, envelope.fact)
    except DecodeError as error:
        raise UnreadableFact(kind) from error


def _rare(kind: str, fact: bytes) -> Meaning:
    if kind in _ABOUT_MESSAGES:
        return Meaning(seq=_ABOUT_MESSAGES[kind].FromString(fact).message.seq)
    if kind in _ABOUT_PARTS:
        about = _ABOUT_PARTS[kind].FromString(fact)
        # Facts from before `parts` carry the whole message.
        return Meaning(seq=about.parts.seq or about.message.seq)
    if kind in _ABOUT_CONVERSATION:
        return Meaning(history=_history(_ABOUT_CONVERSATION[kind].FromString(fact).conversation))
    if kind == _CREATED:
        created = events_pb2.ConversationCreated.FromString(fact)
        members = created.members
        return Meaning(
            history=_history(created.conversation),
            pair=_pair(created),
            joined=tuple((m.person_id, ranges_of(m.intervals)) for m in members if m.active),
        )
    if kind == _ADDED:
        members = events_pb2.MembersAdded.FromString(fact).members
        return Meaning(
            joined=tuple((m.person_id, ranges_of(m.intervals)) for m in members if m.active)
        )
    members = events_pb2.MembersRemoved.FromString(fact).members
    return Meaning(left=tuple(member.person_id for member in members))


def _pair(created: events_pb2.ConversationCreated) -> tuple[str, str] | None:
    people = [member.person_id for member in created.members]
    if created.conversation.kind != Conversation.KIND_DIRECT or len(people) != 2:  # noqa: PLR2004 - a pair
        return None
    return people[0], people[1]


def _history(conversation: Conversation) -> bool | None:
    if conversation.history == Conversation.HISTORY_UNSPECIFIED:
        return None
    return conversation.history == Conversation.HISTORY_ALL
