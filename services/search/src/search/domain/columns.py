"""Columns that each part of a document is made of: hidden columns match nothing (GW-3)."""

from dataclasses import dataclass
from typing import Final

from plexus_access.masks import NONE, Masks

from search.domain.types import AT, AUTHOR, KEYS, PLACE, DocumentType

WORDS: Final = ("title", "text", "names")
"""Parts in which words are searched."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Visible parts of documents of one type for the searching person.

    A part that holds several columns is hidden with the first of them.
    """

    words: tuple[str, ...] = WORDS
    keys: bool = True
    author: bool = True
    at: bool = True
    place: bool = True

    @property
    def searched(self) -> tuple[tuple[str, ...], bool]:
        """Return the fields searched for words, and whether exact keys are searched."""
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
        part for part, columns in type_.columns.items() if any(masks.hide(each) for each in columns)
    }
    return Parts(
        words=tuple(part for part in WORDS if part not in hidden),
        keys=KEYS not in hidden,
        author=AUTHOR not in hidden,
        at=AT not in hidden,
        place=PLACE not in hidden,
    )
