"""Names in Chinese characters as they are typed on a keyboard: by their sounds."""

import enum
from functools import lru_cache
from typing import Final

# Spelling of the sound of `lü` is typed.
_OTHER_VOWELS: Final = ("u", "yu")
_MAX_CHARACTERS: Final = 32


class Fit(enum.Enum):
    """Ways in which typed letters fit the sounds of a name."""

    NONE = 0
    BEGINNING = 1
    WHOLE = 2


def spelled(letters: str, name: str) -> Fit:
    """Return how letters fit a name: its whole pinyin, a beginning of it, or its initials.

    Every reading of a character counts, so that 曾 is found as `zeng` and as `ceng`.

    Args:
        letters: lower case, without spaces and marks.
        name: as its owner writes it, in any mixture of characters and letters.
    """
    characters = [each for each in name[:_MAX_CHARACTERS].casefold() if each.isalnum()]
    if not letters or not any(map(_is_han, characters)):
        return Fit.NONE
    ends, begins = {0}, False
    for character in characters:
        begins = begins or len(letters) in ends
        following: set[int] = set()
        for end in ends:
            for sound in _sounds(character):
                if letters.startswith(sound, end):
                    following.add(end + len(sound))
                elif end < len(letters) and sound.startswith(letters[end:]):
                    begins = True
        ends = following
    if len(letters) in ends:
        return Fit.WHOLE
    initials = len(letters) == len(characters) > 1 and all(
        any(sound.startswith(letter) for sound in _sounds(character))
        for letter, character in zip(letters, characters, strict=True)
    )
    return Fit.BEGINNING if begins or initials else Fit.NONE


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or character >= "\U00020000"


@lru_cache(maxsize=20_000)
def _sounds(character: str) -> tuple[str, ...]:
    """Return the sounds of a character without tones; those of a letter are itself."""
    if not _is_han(character):
        return (character,)
    # The dictionary takes a fifth of a second to load, and few names are typed by sound.
    from pypinyin import Style, pinyin  # noqa: PLC0415

    (found,) = pinyin(character, style=Style.NORMAL, heteronym=True, errors="default")
    sounds = set(found)
    for sound in found:
        sounds |= {sound.replace("v", vowel) for vowel in _OTHER_VOWELS}
    return tuple(sorted(sounds))
