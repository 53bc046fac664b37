"""Conversations and their members as notify keeps them, and who is addressed by a message."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from notify.domain.kinds import Kind
from notify.domain.notifications import covers
from notify.domain.occasions import Addressee
from notify.domain.wording import Wording

Intervals = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What the texts and the audience need of a conversation; `version` is of its own fields.

    Notices of a confidential one carry no content (NTF-9).
    """

    id: str
    tenant_id: str
    direct: bool
    name: str
    open_history: bool
    version: int
    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person's life in a conversation; `version` is of the membership change that made it."""

    conversation_id: str
    person_id: str
    active: bool
    intervals: Intervals
    version: int

    def belonged(self, *, seq: int) -> bool:
        """Tell whether the person was a member when that message was posted.

        A stay begins after the last message and ends with it, so this is the membership at the
        message's `membership_version`.
        """
        return covers(self.intervals, seq=seq)

    def may_read(self, *, seq: int, open_history: bool) -> bool:
        """Tell whether the person may read that message now (MSG-14)."""
        return self.active and (open_history or self.belonged(seq=seq))


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressing:
    """Whom a message addresses: people by id, everybody, departments, or nobody."""

    person_ids: frozenset[str]
    everybody: bool
    department_ids: frozenset[str] = frozenset()

    @property
    def anybody(self) -> bool:
        """Whether it addresses somebody at all."""
        return bool(self.person_ids or self.department_ids) or self.everybody


def addressees(
    addressing: Addressing,
    *,
    conversation: Conversation,
    members: Mapping[str, Member],
    sender_id: str,
    sender_name: str,
    seq: int,
    fresh: bool,
    in_departments: frozenset[str] = frozenset(),
) -> tuple[Addressee, ...]:
    """Return who is to hear of a message, in the order of ids, each once.

    By name: members, also those who joined since; who is no member hears nothing (MSG-13).
    `@all`: everybody who was a member when it was posted, but the sender; a department: those of
    them who are in it or below it, `in_departments`. In a direct conversation:
    the other person, of a fresh message. Who is named hears of the mention and nothing else.
    """
    named = frozenset(person for person in addressing.person_ids if person in members)
    at_posting = frozenset(person for person, member in members.items() if member.belonged(seq=seq))
    others = at_posting - {sender_id}
    kinds: dict[str, tuple[Kind, str]] = {}
    if conversation.direct and fresh:
        kinds |= dict.fromkeys(others, (Kind.DIRECT_MESSAGE, "direct_message"))
    if addressing.everybody:
        kinds |= dict.fromkeys(others, (Kind.MENTION, "mention_all"))
    kinds |= dict.fromkeys(others & in_departments, (Kind.MENTION, "mention_department"))
    kinds |= dict.fromkeys(_current_members(named, members), (Kind.MENTION, "mention"))

    wordings = {
        text: _wording(text, conversation=conversation, sender_name=sender_name)
        for _, text in kinds.values()
    }
    return tuple(
        Addressee(
            person_id=person_id,
            kind=kind,
            wording=wordings[text],
            readable=members[person_id].may_read(seq=seq, open_history=conversation.open_history),
            by_name=person_id in named,
        )
        for person_id, (kind, text) in sorted(kinds.items())
    )


def _current_members(named: Iterable[str], members: Mapping[str, Member]) -> frozenset[str]:
    return frozenset(person for person in named if members[person].active)


def _wording(text: str, *, conversation: Conversation, sender_name: str) -> Wording:
    if text != "direct_message" and not conversation.name:
        text = f"{text}_nowhere"
    return Wording(text=text, words={"actor": sender_name, "conversation": conversation.name})
