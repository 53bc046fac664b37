"""Following another system's export: from when on an import leaves a conversation alone (GW-11)."""

import enum
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument

MAX_SOURCE: Final = 100


class Closed(enum.StrEnum):
    """Why an import writes nothing more into a conversation."""

    IN_USE = "in_use"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How an import stands to a conversation that it created.

    Attributes:
        conversation_id: the conversation.
        source: the other system, the part of the external id before the colon.
        closed: why it no longer follows the export; None while it does.
        checked_seq: up to here every message is known to be imported.
    """

    conversation_id: str
    source: str
    closed: Closed | None = None
    checked_seq: int = 0


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
