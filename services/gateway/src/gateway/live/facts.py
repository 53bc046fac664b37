"""Effect of a conversation's fact on its visibility (MSG-14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexuskit.facts import FACT_TYPES, FactType

from gateway.live.subscriptions import Ranges, ranges_of

_KNOWN: Final = {
    name: type_
    for name, type_ in FACT_TYPES.items()
    if type_.topic == MESSAGING_CONVERSATION_V1.name
}
OF_MESSAGES: Final = frozenset(name for name, type_ in _KNOWN.items() if type_.about_message)
"""Full names of the facts about one message."""


class UnreadableFact(Exception):  # noqa: N818 - named after the fact that prevents
    """A fact that this gateway cannot apply: only the owner knows its recipients."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One fact.

    Attributes:
        seq: the message it is about; 0 for none.
        joined: people who become members, with every stay.
        left: people who stop being members.
        history: whether members see messages from before they joined; None: not in the fact.
        pair: the two people of a new direct conversation.
        known: False for a fact of a type unknown to this gateway: its number counts, and clients
            must fetch its content.
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
    type_ = _KNOWN.get(envelope.type)
    if type_ is None:
        # A version of a membership is the number of the change that made it.
        if envelope.membership_version >= envelope.change_no:
            raise UnreadableFact(envelope.type)
        return _UNKNOWN
    if envelope.omitted and not type_.about_message:
        raise UnreadableFact(envelope.type)
    if envelope.omitted:
        return Meaning()
    try:
        return _read(type_, envelope.fact)
    except DecodeError as error:
        raise UnreadableFact(envelope.type) from error


def _read(type_: FactType, content: bytes) -> Meaning:
    fact = type_.message.FromString(content)
    if type_.about_message:
        return Meaning(seq=type_.seq_of(fact))
    if isinstance(fact, events_pb2.ConversationCreated):
        return Meaning(
            history=_history(fact.conversation),
            pair=_pair(fact),
            joined=_joined(fact.members),
        )
    if isinstance(fact, events_pb2.ConversationChanged | events_pb2.ConversationArchived):
        return Meaning(history=_history(fact.conversation))
    if isinstance(fact, events_pb2.MembersAdded):
        return Meaning(joined=_joined(fact.members))
    if isinstance(fact, events_pb2.MembersRemoved):
        return Meaning(left=tuple(member.person_id for member in fact.members))
    return Meaning()


def _joined(members: Iterable[Member]) -> tuple[tuple[str, Ranges], ...]:
    return tuple((each.person_id, ranges_of(each.intervals)) for each in members if each.active)


def _pair(created: events_pb2.ConversationCreated) -> tuple[str, str] | None:
    people = [member.person_id for member in created.members]
    if created.conversation.kind != Conversation.KIND_DIRECT or len(people) != 2:  # noqa: PLR2004 - a pair
        return None
    return people[0], people[1]


def _history(conversation: Conversation) -> bool | None:
    if conversation.history == Conversation.HISTORY_UNSPECIFIED:
        return None
    return conversation.history == Conversation.HISTORY_ALL
