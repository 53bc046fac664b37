"""Names as people type them, matched with people, departments and groups."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plexus_sdk.errors import NameAmbiguous
from plexus_sdk.pinyin import Fit, spelled

_MAX_LISTED: Final = 10
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a name can stand for.

    Attributes:
        id: of the person, department or conversation.
        name: as it is shown.
        handle: of a person; empty for others.
    """

    id: str
    name: str
    handle: str = ""

    @property
    def shown(self) -> str:
        """Return the name with what distinguishes it from others of the same name."""
        return f"@{self.handle} ({self.name})" if self.handle else f"{self.name} ({self.id})"


def fold(text: str) -> str:
    """Return the form in which names are compared: without regard to case and width."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    return unicodedata.normalize("NFKC", lowered).strip()


def closest(typed: str, among: Iterable[Named]) -> list[Named]:
    """Return those whom a typed name fits best; empty if it fits none.

    A handle comes before a name, a name before its whole pinyin, and all of them before a beginning
    of a handle, of a name or of its pinyin, or the initials of its pinyin.

    Args:
        typed: without `@`.
        among: candidates, each once.
    """
    wanted = fold(typed.removeprefix("@"))
    if not wanted:
        return []
    letters = "".join(each for each in wanted if each in _LETTERS)
    is_spelled = bool(letters) and wanted.isascii()
    ranked: list[list[Named]] = [[], [], [], []]
    for each in among:
        place = _place(wanted, letters if is_spelled else "", each)
        if place is not None:
            ranked[place].append(each)
    return next((found for found in ranked if found), [])


def _place(wanted: str, letters: str, candidate: Named) -> int | None:
    name = fold(candidate.name)
    if candidate.handle == wanted:
        return 0
    if name == wanted:
        return 1
    fit = spelled(letters, name) if letters else Fit.NONE
    if fit is Fit.WHOLE:
        return 2
    begins = fit is Fit.BEGINNING or name.startswith(wanted)
    return 3 if begins or (candidate.handle and candidate.handle.startswith(wanted)) else None


def the_one(typed: str, found: Sequence[Named]) -> Named | None:
    """Return the only one of those who were found, None without any.

    Raises:
        NameAmbiguous: there are several; it lists them.
    """
    if len(found) > 1:
        raise ambiguous(typed, found)
    return found[0] if found else None


def ambiguous(typed: str, found: Sequence[Named]) -> NameAmbiguous:
    """Return the refusal of a name that stands for several, which lists the first ten."""
    listed = ", ".join(each.shown for each in found[:_MAX_LISTED])
    if len(found) > _MAX_LISTED:
        listed += ", …"
    return NameAmbiguous(
        f"{typed} can be {listed}: give one of these handles or ids.",
        candidates=[each.id for each in found],
        metadata={"name": typed, "candidates": listed},
    )
