"""Following another system's export: from when on an import leaves a conversation alone (GW-11)."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument, Kind, Refusal

from messaging.messages.domain.messages import Reaction
from messaging.messages.domain.states import merged_reactions

MAX_SOURCE: Final = 100


class Closed(enum.StrEnum):
    """Reason why an import no longer writes into a conversation."""

    IN_USE = "in_use"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A group as the last import had it: the base against which the next one is compared."""

    name: str
    topic: str
    archived: bool
    member_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """State of the link between a conversation and the export that created it.

    Attributes:
        conversation_id: the conversation.
        source: the other system, the part of the external id before the colon.
        closed: the reason why it no longer follows the export; None while it does.
        checked_seq: up to here every message is known to be imported.
        exported: state in the last import; None if an earlier version imported it.
    """

    conversation_id: str
    source: str
    closed: Closed | None = None
    checked_seq: int = 0
    exported: Exported | None = None


def followed_reactions(
    current: Sequence[Reaction], *, base: Sequence[Reaction], exported: Sequence[Reaction]
) -> tuple[Reaction, ...]:
    """Return reactions after the additions and removals in the export since the last import.

    Additions and removals by people here are kept.

    Args:
        current: on the message now.
        base: in the last import.
        exported: in this import.
    """
    previous, following = _pairs(base), _pairs(exported)
    kept = [pair for pair in _pairs(current) if pair in following or pair not in previous]
    added = [pair for pair in following if pair not in previous]
    people: dict[str, dict[str, None]] = {}
    for emoji, person_id in (*kept, *added):
        people.setdefault(emoji, {})[person_id] = None
    return tuple(Reaction(emoji, tuple(ids)) for emoji, ids in people.items())


def changed_pair(
    current: Sequence[Reaction], after: Sequence[Reaction]
) -> tuple[str, str, bool] | None:
    """Return emoji, person and whether it was removed, of the first difference; None for none."""
    previous, following = _pairs(current), _pairs(after)
    for emoji, person_id in following:
        if (emoji, person_id) not in previous:
            return emoji, person_id, False
    for emoji, person_id in previous:
        if (emoji, person_id) not in following:
            return emoji, person_id, True
    return None


def _pairs(reactions: Iterable[Reaction]) -> dict[tuple[str, str], None]:
    return {
        (reaction.emoji, person_id): None
        for reaction in merged_reactions(reactions)
        for person_id in reaction.person_ids
    }


def source_of(key: str, *, field: str) -> str:
    """Return the system that an external id or a request id of an import names.

    Raises:
        InvalidArgument: it is not written `<source>:<id>`, or the source is longer than 100.
    """
    source, colon, rest = key.partition(":")
    if not (source and colon and rest):
        raise InvalidArgument(field=field, problem="is not written <source>:<id>")
    return check_source(source, field=field)


def check_source(source: str, *, field: str) -> str:
    """Return the name of another system.

    Raises:
        InvalidArgument: it is empty, longer than 100 characters, or holds a colon.
    """
    if not source or len(source) > MAX_SOURCE or ":" in source:
        raise InvalidArgument(
            field=field, problem=f"must be 1 to {MAX_SOURCE} characters without a colon"
        )
    return source


class ImportClosed(Refusal):
    """GW-11: people use the conversation, or its import was finished."""

    kind = Kind.FAILED_PRECONDITION
    text = (
        "People use the conversation {conversation_id}, or its import was finished, so nothing more"
        " is imported into it."
    )


class SenderUnknown(Refusal):
    """GW-11: the sender of an imported message is not a person of the tenant."""

    kind = Kind.FAILED_PRECONDITION
    text = "{person_id} is nobody of this company: import the person first."


class ImportDenied(Refusal):
    """MSG-19: only administrators may import history."""

    kind = Kind.PERMISSION_DENIED
    text = "Only administrators of the tenant may import history."
