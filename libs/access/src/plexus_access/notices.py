"""Columns behind the text of a notification, by the kind of its source (GW-3, GW-10)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from plexus_access.masks import Masks

MESSAGE: Final = "message"
CONVERSATION: Final = "conversation"
TASK: Final = "task"
PERSON: Final = "person"

_PERSON: Final = "plexus.directory.v1.Person"
_CONVERSATION: Final = "plexus.messaging.v1.Conversation"
_MEMBER: Final = "plexus.messaging.v1.Member"
_MESSAGE: Final = "plexus.messaging.v1.Message"
_TASK: Final = "plexus.tasks.v1.Task"


class Words(NamedTuple):
    """The columns in the title and in the body of a notification."""

    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


_WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        MESSAGE: Words(
            title=(
                f"{_PERSON}.display_name",
                f"{_CONVERSATION}.name",
                f"{_MESSAGE}.sender_id",
                f"{_MESSAGE}.mentions",
            ),
            body=(f"{_MESSAGE}.text", f"{_MESSAGE}.attachments", f"{_MESSAGE}.forwarded"),
        ),
        CONVERSATION: Words(
            title=(
                f"{_PERSON}.display_name",
                f"{_CONVERSATION}.name",
                f"{_MEMBER}.role",
            ),
        ),
        TASK: Words(
            title=(f"{_PERSON}.display_name", f"{_TASK}.key", f"{_TASK}.due"),
            body=(f"{_TASK}.title",),
        ),
        PERSON: Words(title=(f"{_PERSON}.display_name", f"{_PERSON}.email")),
    }
)


def hidden_words(kind: str, masks: Masks) -> tuple[bool, bool]:
    """Return whether the title, and whether the body, of a notification holds a hidden column.

    Args:
        kind: kind of the source, for example `message`.
        masks: visible columns of its reader.
    """
    if not masks:
        return False, False
    words = _WORDS.get(kind, Words())
    return any(map(masks.hide, words.title)), any(map(masks.hide, words.body))
