"""Events of a conversation as a person reads them between messages: one line each."""

from collections.abc import Iterable, Sequence
from typing import Final

from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationEvent, Member

from plexus_cli.language import counted, tr
from plexus_cli.moments import local
from plexus_cli.safety import safe_line
from plexus_cli.styled import Styled

_MAX_NAMED: Final = 10
_Kind = ConversationEvent


def people_of(events: Iterable[ConversationEvent]) -> set[str]:
    """Return the ids of the people whose names the lines of events show."""
    found: set[str] = set()
    for event in events:
        found |= {event.actor_id, *(each.person_id for each in event.members[:_MAX_NAMED])}
    return found - {""}


def line_of_event(event: ConversationEvent, names: dict[str, str]) -> Styled:
    """Return an event as one line without a number."""
    return Styled().append(f"{'':>6}  {local(event.at)}  — {_sentence(event, names)}", "dim")


def role_word(role: Member.Role.ValueType) -> str:
    """Return the word for a role."""
    return tr(str(Member.Role.Name(role)).removeprefix("ROLE_").lower())


def _sentence(event: ConversationEvent, names: dict[str, str]) -> str:
    actor = safe_line(names.get(event.actor_id, event.actor_id))
    people = _people([each.person_id for each in event.members], names)
    alone = [each.person_id for each in event.members] == [event.actor_id]
    match event.kind:
        case _Kind.KIND_CREATED:
            text = tr("{actor} began the conversation with {people}.", actor=actor, people=people)
        case _Kind.KIND_JOINED if not alone:
            text = tr("{actor} added {people}.", actor=actor, people=people)
        case _Kind.KIND_JOINED:
            text = tr("{people} joined.", people=people)
        case _Kind.KIND_LEFT:
            text = tr("{people} left.", people=people)
        case _Kind.KIND_REMOVED:
            text = tr("{actor} removed {people}.", actor=actor, people=people)
        case _Kind.KIND_ROLE_CHANGED:
            text = tr("{actor} changed roles: {roles}.", actor=actor, roles=_roles(event, names))
        case _:
            changes = tr("; ").join(_change(name, event.conversation) for name in event.changed)
            text = tr("{actor}: {changes}.", actor=actor, changes=changes)
    return text


def _change(name: str, conversation: Conversation) -> str:
    match name:
        case "name":
            return tr("renamed to {name}", name=safe_line(conversation.name))
        case "topic":
            return tr("topic is now {topic}", topic=safe_line(conversation.topic) or "-")
        case "archived":
            return tr("archived") if conversation.archived else tr("no longer archived")
        case "confidential":
            return tr("confidential") if conversation.confidential else tr("not confidential")
        case _:
            is_open = conversation.history == Conversation.HISTORY_ALL
            return (
                tr("new members see everything")
                if is_open
                else tr("new members see what is said from then on")
            )


def _roles(event: ConversationEvent, names: dict[str, str]) -> str:
    return ", ".join(
        f"{safe_line(names.get(each.person_id, each.person_id))} → {role_word(each.role)}"
        for each in event.members
    )


def _people(ids: Sequence[str], names: dict[str, str]) -> str:
    shown = ", ".join(safe_line(names.get(each, each)) for each in ids[:_MAX_NAMED])
    more = len(ids) - _MAX_NAMED
    if more <= 0:
        return shown
    return counted(more, "{people} and {n} other", "{people} and {n} others", people=shown)
