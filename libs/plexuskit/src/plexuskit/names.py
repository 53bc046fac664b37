"""Names chosen by people, made safe to show beside those of others.

A name is one line that others read as a label. Invisible characters, and those that turn the
reading direction of their surroundings, make two names look alike or change the meaning of a label;
they are removed. Characters that a script needs for spelling stay.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from plexuskit.errors import InvalidArgument

_ZWNJ: Final = "\u200c"
_ZWJ: Final = "\u200d"
_KEYCAP: Final = "\u20e3"
_EMOJI_SELECTORS: Final = frozenset("\ufe0e\ufe0f")
_VIRAMA_CLASS: Final = 9
# No one types this many removable characters; such a text is refused before work is spent on it.
_WORTH_CLEANING: Final = 16

# Characters shown as nothing although their category is letter, mark or symbol.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufdd0-\ufdef\ufff0-\ufffb\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMOJI: Final = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_CURSIVE: Final = re.compile(
    "[\u0620-\u074f\u0750-\u077f\u0840-\u08ff\u1807-\u18aa\ufb50-\ufdcf\ufe70-\ufefc]"
)
_BETWEEN_WORDS: Final = re.compile(r"[\s._/:@-]+")
# Scripts that are written together: Japanese, Korean and Chinese, each also with Latin letters.
_TOGETHER: Final = tuple(
    frozenset(scripts)
    for scripts in (
        ("LATIN", "CJK", "HIRAGANA", "KATAKANA"),
        ("LATIN", "CJK", "HANGUL"),
        ("LATIN", "CJK", "BOPOMOFO"),
    )
)
_SCRIPT_OF_FIRST_WORD: Final = {
    "KATAKANA-HIRAGANA": "KATAKANA",
    "IDEOGRAPHIC": "CJK",
    "FULLWIDTH": "LATIN",
    "HALFWIDTH": "KATAKANA",
}


def clean_name(text: str, *, field: str, max_chars: int) -> str:
    """Return a name as it may be shown: NFC, one line, no invisible characters.

    Args:
        text: text typed by a person or sent by another system.
        field: the field of the request, for the refusal.
        max_chars: maximum number of characters after cleaning.

    Raises:
        InvalidArgument: nothing visible is left, or it is too long.
    """
    clean = clean_line(text, field=field, max_chars=max_chars)
    if not any(map(_is_seen, clean)):
        raise InvalidArgument(field=field, problem="is empty; write at least one visible character")
    return clean


def clean_line(text: str, *, field: str, max_chars: int) -> str:
    """Return a single line as `clean_name` does, which may also be empty.

    Raises:
        InvalidArgument: it has more than `max_chars` characters after cleaning.
    """
    if len(text) > _WORTH_CLEANING * max_chars:
        raise InvalidArgument(field=field, problem=f"is longer than {max_chars} characters")
    clean = without_tricks(text)
    if len(clean) > max_chars:
        problem = f"has {len(clean)} characters; shorten it to {max_chars} at most"
        raise InvalidArgument(field=field, problem=problem)
    return clean


def without_tricks(text: str) -> str:
    """Return a text on one line without invisible characters and direction marks.

    Out are controls, bidi controls, zero-width characters, tags, private-use characters, lone
    surrogates and variation selectors. In stay joiners inside emoji, after an Indic virama and
    between cursive letters (the contexts of RFC 5892), and the emoji's own variation selectors.
    White space of any kind becomes single spaces between words.
    """
    if not _is_clean(text):
        kept = "".join(_kept(unicodedata.normalize("NFC", text)))
        # Removing a joiner can make two adjacent characters compose.
        text = unicodedata.normalize("NFC", kept)
    return " ".join(text.split())


def mixes_scripts(text: str) -> bool:
    """Return whether one word mixes letters of scripts that are not written together.

    A `paypal` with one Cyrillic letter does; `CRM系统` and `東京タワー` do not. The script is the
    first word of a character's Unicode name, which is correct for all letters that look like Latin.
    """
    return not text.isascii() and any(map(_is_mixed, _BETWEEN_WORDS.split(text)))


def _is_mixed(word: str) -> bool:
    scripts = {_script(character) for character in word if character.isalpha()}
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def _is_clean(text: str) -> bool:
    # Printable text has no category C and no white space but the space itself.
    if not text.isprintable():
        return False
    return text.isascii() or (not _BLANK.search(text) and unicodedata.is_normalized("NFC", text))


def _kept(text: str) -> Iterator[str]:
    for index, character in enumerate(text):
        if character.isspace():
            yield " "
        elif character in {_ZWJ, _ZWNJ}:
            if _joins(text, index):
                yield character
        elif character in _EMOJI_SELECTORS:
            if _selects(text, index):
                yield character
        elif not _BLANK.match(character) and _may_be_seen(character):
            yield character


def _may_be_seen(character: str) -> bool:
    # Unassigned code points stay: they are the letters and emoji of a newer Unicode.
    category = unicodedata.category(character)
    return category == "Cn" or category[0] != "C"


def _is_seen(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character)[0] not in "MC"


def _joins(text: str, index: int) -> bool:
    before, after = _at(text, index - 1), _at(text, index + 1)
    if not before or not after:
        return False
    if unicodedata.combining(before) == _VIRAMA_CLASS:
        return True
    if text[index] == _ZWJ and _EMOJI.match(after):
        return bool(_EMOJI.match(before)) or (
            before in _EMOJI_SELECTORS and _selects(text, index - 1)
        )
    base = _at(text, index - 2) if unicodedata.category(before) == "Mn" else before
    return bool(base and _CURSIVE.match(base) and _CURSIVE.match(after))


def _selects(text: str, index: int) -> bool:
    before, after = _at(text, index - 1), _at(text, index + 1)
    if not before:
        return False
    return bool(_EMOJI.match(before)) or (before in "0123456789#*" and after == _KEYCAP)


def _at(text: str, index: int) -> str:
    return text[index] if 0 <= index < len(text) else ""


def _script(character: str) -> str:
    word = unicodedata.name(character, "UNKNOWN").partition(" ")[0]
    return _SCRIPT_OF_FIRST_WORD.get(word, word)
