"""Handles: names for sign-in and mentions, in one normal form per person."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import mixes_scripts, without_tricks

from directory.shared.domain.texts import fold

MAX_CHARACTERS: Final = 64
_PUNCTUATION: Final = frozenset("._-")
_JOINED: Final = re.compile(r"-{2,}")


def normalise(handle: str, *, field: str = "handle") -> str:
    """Normalise a handle: NFKC, lower case, letters, digits and `. _ -`.

    In: a handle as typed, for example `Zhang.Wei` or `张伟`. Out: 1 to 64 characters that start
    with a letter or digit.

    A handle identifies a person, so nothing is removed from it: hidden characters are refused.

    Raises:
        InvalidArgument: it is empty, too long, holds other characters, or mixes letters of scripts
            that are not written together, as a disguise of another handle does.
    """
    folded = fold(handle.strip())
    if not folded:
        raise InvalidArgument(field=field, problem="is empty")
    if len(folded) > MAX_CHARACTERS:
        raise InvalidArgument(field=field, problem=f"is longer than {MAX_CHARACTERS} characters")
    if not _starts(folded[0]) or not all(map(_allowed, folded)):
        raise InvalidArgument(
            field=field,
            problem="may hold letters, digits and . _ - and starts with a letter or digit",
        )
    if _deceives(folded):
        raise InvalidArgument(field=field, problem="mixes letters that look like others")
    return folded


def derive(wanted: str, *, otherwise: str) -> str:
    """Derive a valid handle from a name in another system; never refuses.

    In: the wanted handle with any characters, and the fallback when nothing of it is left. Out: a
        normal handle.
    """
    for source in (wanted, otherwise, "person"):
        replaced = "".join(c if _allowed(c) else "-" for c in fold(source.strip()))
        joined = _JOINED.sub("-", replaced)[:MAX_CHARACTERS].rstrip("".join(_PUNCTUATION))
        while joined and not _starts(joined[0]):
            joined = joined[1:]
        if joined and not _deceives(joined):
            return joined
    raise AssertionError("the last source is a valid handle")  # pragma: no cover


def numbered(handle: str, number: int) -> str:
    """Add a number to a handle, as in `zhangwei-2`, within the longest length."""
    suffix = f"-{number}"
    return handle[: MAX_CHARACTERS - len(suffix)] + suffix


def allocate(wanted: Sequence[str], *, taken: Iterable[str]) -> list[str]:
    """Assign each wanted handle to its first claimant, and numbered handles to the others.

    In: normal handles in the order of asking; all handles taken before, numbered ones included.
        Out: one free
    handle per asker, in the same order, all different.
    """
    used = set(taken)
    # The next number to try per handle: 1,000 askers of one name stay linear.
    following: dict[str, int] = {}
    given: list[str] = []
    for handle in wanted:
        candidate = handle
        while candidate in used:
            number = following.get(handle, 2)
            following[handle] = number + 1
            candidate = numbered(handle, number)
        used.add(candidate)
        given.append(candidate)
    return given


def _deceives(handle: str) -> bool:
    return without_tricks(handle) != handle or mixes_scripts(handle)


def _starts(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"


def _allowed(character: str) -> bool:
    # Combining marks spell words in many scripts; after NFKC those that remain are no disguise of
    # Latin letters.
    category = unicodedata.category(character)
    return _starts(character) or category in {"Mn", "Mc"} or character in _PUNCTUATION
