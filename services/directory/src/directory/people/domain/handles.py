"""Handles: names for sign-in and mentions, in one normal form per person."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import mixes_scripts, without_tricks

from directory.people.domain.refusals import HandleReserved
from directory.shared.domain.texts import fold

MAX_CHARACTERS: Final = 64
_PUNCTUATION: Final = frozenset("._-")
_JOINED: Final = re.compile(r"-{2,}")
_REPEATED: Final = re.compile(r"[._-]{2,}")
RESERVED: Final = frozenset({"all", "everyone", "here", "channel", "所有人", "全体成员"})
"""Words that mention a whole conversation, so that no person is called like them (MSG-13)."""


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


def choose(handle: str, *, field: str = "handle") -> str:
    """Return the normal form of a handle that a person is to have.

    Stricter than `normalise`, which also reads handles that people have had for long: no word that
    mentions everyone, in any spelling with `. _ -`, and none of these signs at the end or twice in
    a row, where a sentence would swallow it.

    Raises:
        HandleReserved: it is such a word.
        InvalidArgument: see `normalise`, or a sign is at the end or repeated.
    """
    chosen = normalise(handle, field=field)
    if is_reserved(chosen):
        raise HandleReserved(handle=chosen)
    if chosen[-1] in _PUNCTUATION or _REPEATED.search(chosen):
        raise InvalidArgument(field=field, problem="ends in . _ or -, or has two of them in a row")
    return chosen


def is_reserved(handle: str) -> bool:
    """Return whether a normal handle is a word that mentions everyone, in whatever spelling."""
    return "".join(each for each in handle if each not in _PUNCTUATION) in RESERVED


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
            return numbered(joined, 1) if is_reserved(joined) else joined
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
