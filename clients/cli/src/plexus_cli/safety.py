"""Untrusted texts made safe for a terminal, without control sequences.

A terminal executes control characters from any source. Every text and name from other users passes
through `safe` before it is printed.
"""

import re

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHOWN_CONTROLS = 0x2400
_SHOWN_DELETE = "\u2421"
_REPLACEMENT = "\ufffd"


def safe(text: str) -> str:
    """Replace each control character by its visible symbol; keep tabs and line ends.

    An escape character becomes its symbol, and the rest of its sequence plain letters.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_picture, text)


def safe_line(text: str) -> str:
    """Return a text as `safe` does, on one line."""
    return safe(text).replace("\n", " ").replace("\t", " ")


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_SHOWN_CONTROLS + code)
    return _SHOWN_DELETE if code == 0x7F else _REPLACEMENT  # noqa: PLR2004 - DEL
