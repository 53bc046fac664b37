"""The columns that each part of a document is made of: what is hidden finds nothing (GW-3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plexus_access.masks import NONE, Masks

from search.domain.documents import DocumentType

WORDS: Final = ("title", "text", "names")
"""Parts in which words are looked for."""

KEYS: Final = "keys"
AUTHOR: Final = "author"
AT: Final = "at"
PLACE: Final = "place"

_MESSAGE: Final = "plexus.messaging.v1.Message"
_TASK: Final = "plexus.tasks.v1.Task"
_PERSON: Final = "plexus.directory.v1.Person"

_PARTS: Final[Mapping[DocumentType, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        DocumentType.MESSAGE: {
            "text": (f"{_MESSAGE}.text", f"{_MESSAGE}.forwarded"),
            "names": (f"{_MESSAGE}.attachments",),
            KEYS: (f"{_MESSAGE}.id",),
            AUTHOR: (f"{_MESSAGE}.sender_id",),
            AT: (f"{_MESSAGE}.sent_at", f"{_MESSAGE}.posted_at"),
            PLACE: (f"{_MESSAGE}.conversation_id", f"{_MESSAGE}.seq"),
        },
        DocumentType.TASK: {
            "title": (f"{_TASK}.title",),
            "text": (f"{_TASK}.description",),
            "names": (f"{_TASK}.key",),
            KEYS: (f"{_TASK}.id", f"{_TASK}.key"),
            AUTHOR: (f"{_TASK}.creator_id",),
            AT: (f"{_TASK}.created_at", f"{_TASK}.updated_at"),
        },
        DocumentType.PERSON: {
            "title": (f"{_PERSON}.display_name",),
            "text": (f"{_PERSON}.title",),
            "names": (f"{_PERSON}.handle", f"{_PERSON}.email"),
            KEYS: (f"{_PERSON}.id", f"{_PERSON}.handle", f"{_PERSON}.email"),
            AT: (f"{_PERSON}.created_at",),
        },
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of documents of one type that the searching person is shown.

    A part that holds several columns is hidden with the first of them.
    """

    words: tuple[str, ...] = WORDS
    keys: bool = True
    author: bool = True
    at: bool = True
    place: bool = True

    @property
    def searched(self) -> tuple[tuple[str, ...], bool]:
        """Return where is looked for words, and whether exact keys are."""
        return self.words, self.keys

    @property
    def findable(self) -> bool:
        """Return whether anything at all can be found by."""
        return bool(self.words) or self.keys


WHOLE: Final = Parts()


def parts_of(type_: DocumentType, masks: Masks = NONE) -> Parts:
    """Return the parts of a type that masks show."""
    if not masks:
        return WHOLE
    hidden = {
        part for part, columns in _PARTS[type_].items() if any(masks.hide(each) for each in columns)
    }
    return Parts(
        words=tuple(part for part in WORDS if part not in hidden),
        keys=KEYS not in hidden,
        author=AUTHOR not in hidden,
        at=AT not in hidden,
        place=PLACE not in hidden,
    )
