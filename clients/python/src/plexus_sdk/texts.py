"""Places in a text where a mention can begin."""

import re
from collections.abc import Iterator
from typing import Final

# Before an `@` of an address, such as `ann@example.com` or `https://host/@ann`.
_ADDRESS: Final = frozenset("._%+-/@=&#:~")
_RUN: Final = re.compile(r"[\w.\-·]+")
_ENDS: Final = ".-·_"
_FENCE: Final = re.compile(
    r"^(```+|~~~+)[^\n]*\n.*?(?:^\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_CODE: Final = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_QUOTE: Final = re.compile(r"^ {0,3}>[^\n]*$", re.MULTILINE)


def marks_of(text: str, *, markdown: bool) -> Iterator[int]:
    """Yield the place of each `@` that can begin a mention.

    Args:
        text: as it was typed.
        markdown: whether its code and quotes, in which nothing is a mention, are left out.
    """
    searched = _blanked(text) if markdown else text
    for found in re.finditer("[@\uff20]", searched):
        before = searched[found.start() - 1] if found.start() else ""
        is_address = before in _ADDRESS or (before.isascii() and before.isalnum())
        if not (before and is_address) and run_of(searched[found.end() : found.end() + 1]):
            yield found.start()


def run_of(rest: str) -> str:
    """Return the characters at the beginning of a text that can be a name without spaces.

    Letters of the Latin script end where those of another begin: `lin请看` is `lin`.
    """
    found = _RUN.match(rest)
    if found is None:
        return ""
    word = found[0]
    if word[0].isascii():
        word = word[: next((at for at, each in enumerate(word) if not each.isascii()), len(word))]
    return word.rstrip(_ENDS)


def _blanked(text: str) -> str:
    for pattern in (_FENCE, _CODE, _QUOTE):
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    return text
