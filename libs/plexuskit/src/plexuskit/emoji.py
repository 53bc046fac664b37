"""Canonical form of emoji: one sequence for all of its short codes and spellings.

`:+1:`, `thumbsup` and `👍` are one emoji, and so are `❤` and `❤️`. The canonical form is the fully
qualified sequence of Unicode; the code of a custom emoji, which no sequence has, stays a code.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

MAX_CODE: Final = 100
"""Characters of the longest short code that is looked up."""

_DATA: Final = "emoji.txt"
_SELECTORS: Final = {0xFE0E: None, 0xFE0F: None}
_EMOJI_SELECTOR: Final = "\ufe0f"
_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_TONE_CODE: Final = re.compile(r"::?skin-tone-([2-6])$")
_CODE: Final = re.compile(
    rf"(?<![A-Za-z0-9]):([a-z0-9_+'-]{{1,{MAX_CODE}}}(?:::skin-tone-[2-6])?):", re.ASCII
)
_CUSTOM: Final = re.compile(r"[\w'+-]+(?:::[\w-]+)?", re.ASCII)


class _Table(NamedTuple):
    by_code: Mapping[str, str]
    by_plain: Mapping[str, str]
    """By the sequence without selectors and skin tones."""
    toned: frozenset[str]
    """Those that take a skin tone."""


def canonical_emoji(value: str) -> str:
    """Return the canonical form of an emoji or of a short code, with or without colons.

    A code that names no emoji of Unicode is returned in lower case without colons, everything else
    that is unknown in NFC.
    """
    given = unicodedata.normalize("NFC", value.strip().strip(":"))
    if found := emoji_of_code(given):
        return found
    return given.lower() if given.isascii() else _qualified(given)


def emoji_of_code(code: str) -> str:
    """Return the emoji of a short code such as `+1` or `wave::skin-tone-3`, empty if unknown."""
    tone = _TONE_CODE.search(code)
    table = _table()
    found = table.by_code.get((code[: tone.start()] if tone else code).lower(), "")
    if tone and found in table.toned:
        return _with_tone(found, chr(0x1F3FB + int(tone[1]) - 2))
    return found


def replace_codes(text: str, *, known: Callable[[str], str] = emoji_of_code) -> str:
    """Return `text` with the codes of emoji replaced, for example `:tada:`; others stay.

    Args:
        text: the text; code spans must be left out by the caller.
        known: returns the emoji of a code, empty if unknown.
    """
    if ":" not in text:
        return text
    return _CODE.sub(lambda found: known(found[1]) or found[0], text)


def shown_emoji(value: str) -> str:
    """Return an emoji as a person reads it: the sequence, or a custom emoji's code in colons."""
    form = canonical_emoji(value)
    return f":{form}:" if _CUSTOM.fullmatch(form) else form


def _qualified(given: str) -> str:
    """Return the fully qualified sequence of one that may lack selectors, tones kept."""
    plain = given.translate(_SELECTORS)
    tones = [character for character in plain if character in _TONES]
    base = _table().by_plain.get("".join(char for char in plain if char not in _TONES))
    if base is None or not plain:
        return given
    if not tones:
        return base
    rest = iter(plain)
    following = next(rest, "")
    made: list[str] = []
    for character in base:
        if character == _EMOJI_SELECTOR:
            if made[-1] not in _TONES:
                made.append(character)
            continue
        made.append(character)
        following = next(rest, "")
        if following in _TONES:
            made.append(following)
            following = next(rest, "")
    return "".join(made)


def _with_tone(emoji: str, tone: str) -> str:
    rest = emoji[1:].removeprefix(_EMOJI_SELECTOR)
    return f"{emoji[0]}{tone}{rest}"


@lru_cache(maxsize=1)
def _table() -> _Table:
    by_code: dict[str, str] = {}
    by_plain: dict[str, str] = {}
    toned: set[str] = set()
    for line in resources.files(__package__).joinpath(_DATA).read_text("utf-8").splitlines():
        if line.startswith("# "):
            continue
        emoji, *codes = line.split(" ")
        if codes[0] == "~":
            toned.add(emoji)
            codes = codes[1:]
        by_plain[emoji.translate(_SELECTORS)] = emoji
        by_code |= dict.fromkeys(codes, emoji)
    return _Table(by_code, by_plain, frozenset(toned))
