"""Messages that notify, and the rules by which kinds find their recipients (MSG-13)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from notify.domain.conversations import Conversation, Member
from notify.domain.kinds import Kind
from notify.domain.requests import Recipient
from notify.domain.wording import Text, Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """The people, the whole conversation or the departments that a message addresses."""

    person_ids: frozenset[str]
    everybody: bool
    department_ids: frozenset[str] = frozenset()

    @property
    def anybody(self) -> bool:
        """True if it addresses anyone at all."""
        return bool(self.person_ids or self.department_ids) or self.everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as it was posted, or as an edit left it with the addressing that the edit added.

    `fresh` is False for edits. `silent`: the sender wants no one disturbed (NTF-11).
    """

    event_id: str
    tenant_id: str
    message_id: str
    conversation_id: str
    sender_id: str
    seq: int
    root_seq: int
    text: str
    addressing: Addressing
    fresh: bool
    urgent: bool
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The people whom a message can notify.

    Attributes:
        message: the message.
        conversation: its conversation.
        members: those that its rules need, by person.
        in_departments: the members who belong to an addressed department now.
    """

    message: SentMessage
    conversation: Conversation
    members: Mapping[str, Member]
    in_departments: frozenset[str] = frozenset()

    @property
    def others(self) -> frozenset[str]:
        """The members at the time of posting, except the sender."""
        seq = self.message.seq
        at_posting = {each for each, member in self.members.items() if member.belonged(seq=seq)}
        return frozenset(at_posting - {self.message.sender_id})

    @property
    def named(self) -> frozenset[str]:
        """The past and current members that are addressed by id (MSG-13)."""
        return frozenset(self.message.addressing.person_ids & self.members.keys())


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRule:
    """The recipients of one kind, among the members of a message's conversation.

    Attributes:
        applies: whether a message can have any; members are loaded only then.
        needs_members: whether all members are needed, not only those addressed by id.
        recipients: the title that each recipient gets, by person.
    """

    applies: Callable[[SentMessage, Conversation], bool]
    needs_members: Callable[[SentMessage], bool]
    recipients: Callable[[Audience], Mapping[str, Text]]


def recipients(
    audience: Audience, *, rules: Iterable[tuple[Kind, MessageRule]], sender_name: str
) -> tuple[Recipient, ...]:
    """Return the recipients of a message, in the order of their ids, each once.

    A person who is a recipient of several kinds is notified by the first of the rules.
    """
    message, conversation = audience.message, audience.conversation
    chosen: dict[str, tuple[Kind, Text]] = {}
    for kind, rule in rules:
        if rule.applies(message, conversation):
            for person_id, text in rule.recipients(audience).items():
                chosen.setdefault(person_id, (kind, text))
    words = {"actor": sender_name, "conversation": conversation.name}
    wordings = {text: Wording(text=text, words=words) for _, text in chosen.values()}
    named = audience.named
    return tuple(
        Recipient(
            person_id=person_id,
            kind=kind,
            wording=wordings[text],
            readable=audience.members[person_id].may_read(
                seq=message.seq, open_history=conversation.open_history
            ),
            by_name=person_id in named,
        )
        for person_id, (kind, text) in sorted(chosen.items(), key=itemgetter(0))
    )
