"""Texts of others, made fit for a terminal: shown, and obeyed by nothing.

A terminal obeys control characters wherever they come from. Every text and name that others wrote
goes through `safe` before it is printed.
"""

import re

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHOWN_CONTROLS = 0x2400
_SHOWN_DELETE = "\u2421"
_REPLACEMENT = "\ufffd"


def safe(text: str) -> str:
    """Give a text whose controls are pictures of themselves, one for one; tabs and lines stay.

    An escape character is shown as its picture, and what followed it as the letters that it is.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(_picture, text)


def safe_line(text: str) -> str:
    """Give a text as `safe` does, on one line."""
    return safe(text).replace("\n", " ").replace("\t", " ")


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < ord(" "):
        return chr(_SHOWN_CONTROLS + code)
    return _SHOWN_DELETE if code == 0x7F else _REPLACEMENT  # noqa: PLR2004 - DEL
