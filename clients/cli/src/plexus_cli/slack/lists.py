"""JSON lists of an export, also damaged ones: unreadable parts are skipped and recorded.

A file in another encoding is decoded with it; an entry that is not an object, or not JSON, is
skipped with its index, and reading continues at the next complete entry.
"""

import json
import re
from collections.abc import Iterator, Sequence

from plexus_cli.slack.fields import Entry
from plexus_cli.slack.problems import OddityKind, Problems

MAX_ATTEMPTS = 1_000
"""Maximum number of places at which a complete entry is searched after damage."""

Numbered = tuple[int, Entry]
"""Index of an entry in its list, from 0, and the entry."""

_STAMP = re.compile(r'"ts"\s*:\s*"([^"]{1,40})"')
_START = re.compile(r'\{\s*"')
_SPACE = " \t\r\n"
_ENCODINGS = ("gb18030", "cp932")
"""Encodings of East Asian Windows that a file may have been saved in, likeliest first."""


def read_list(name: str, data: bytes, *, problems: Problems) -> Iterator[Numbered]:
    """Yield the objects of the JSON list in `data` with their indexes, in order.

    Args:
        name: name of the file, for the warnings.
        data: the content of the file.
        problems: collects skipped entries. Refused when strict: EXPORT_UNTIDY.
    """
    if not data.strip():
        problems.note(OddityKind.FILE_DAMAGED, file=name, detail="is empty; it is left out")
        return
    text = _decoded(name, data, problems)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, list):
        yield from _objects(name, values, problems)
    elif text.lstrip(_SPACE).startswith("["):
        yield from _Salvage(name, text, problems).entries()
    else:
        detail = "is not a JSON list; it is left out"
        problems.note(OddityKind.FILE_DAMAGED, file=name, detail=detail)


def _decoded(name: str, data: bytes, problems: Problems) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = error.start
    text = data.decode("utf-8-sig", "replace")
    unread = text.count("\ufffd")
    wide = sum(not character.isascii() for character in text) - unread
    # A few invalid bytes among valid ones are damage; if hardly any are valid, it is another
    # encoding.
    encodings = _ENCODINGS if unread > wide else ()
    for encoding in encodings:
        try:
            other = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        detail = f"is not UTF-8 at byte {place}; it is read as {encoding}"
        problems.note(OddityKind.ENCODING_OTHER, file=name, detail=detail)
        return other
    detail = f"is not UTF-8 at byte {place}; {unread} unreadable characters are shown as \ufffd"
    problems.note(OddityKind.ENCODING_OTHER, file=name, detail=detail)
    return text


def _objects(
    name: str, values: Sequence[object], problems: Problems, start: int = 0
) -> Iterator[Numbered]:
    for index, value in enumerate(values, start):
        if isinstance(value, dict):
            yield index, value
            continue
        detail = "is not an object; it is left out"
        problems.note(OddityKind.ENTRY_DAMAGED, file=name, index=index, detail=detail)


class _Salvage:
    """Reader of the entries of a list that is not valid JSON as a whole."""

    def __init__(self, name: str, text: str, problems: Problems) -> None:
        self._name = name
        self._text = text
        self._problems = problems
        self._decoder = json.JSONDecoder()
        self._index = 0
        self._position = self._after_space(text.index("[") + 1)

    def entries(self) -> Iterator[Numbered]:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except (ValueError, RecursionError) as error:
                if not self._skip(_reason(error)):
                    return
                continue
            yield from _objects(self._name, [value], self._problems, self._index)
            self._index += 1
            if not self._separated(end):
                return

    def _separated(self, end: int) -> bool:
        """Skip the separator after an entry; return whether another entry may follow."""
        self._position = self._after_space(end)
        if self._text.startswith(",", self._position):
            self._position = self._after_space(self._position + 1)
            return True
        if self._text.startswith("]", self._position):
            rest = self._text[self._position + 1 :].strip(_SPACE)
            if rest:
                self._note("has text after its list; the text is left out")
            return False
        if self._position == len(self._text):
            self._note("ends in the middle of its list")
            return False
        if self._text.startswith("{", self._position):
            self._note(f"has no comma after entry {self._index - 1}")
            return True
        return self._skip("stands between two entries")

    def _skip(self, problem: str) -> bool:
        """Record damage and move to the next complete entry; return whether there is one."""
        self._problems.note(
            OddityKind.ENTRY_DAMAGED,
            file=self._name,
            index=self._index,
            ts=self._stamp(),
            detail=f"{problem}; it is left out",
        )
        self._index += 1
        found = self._next_whole(self._position + 1)
        self._position = max(found, self._position)
        return found >= 0

    def _next_whole(self, position: int) -> int:
        attempts = 0
        for found in _START.finditer(self._text, position):
            attempts += 1
            if attempts > MAX_ATTEMPTS:
                self._note("cannot be read any further")
                break
            try:
                value, _ = self._decoder.raw_decode(self._text, found.start())
            except (ValueError, RecursionError):
                continue
            if _is_whole(value):
                return found.start()
        return -1

    def _stamp(self) -> str:
        """Return the time stamp of the damaged entry if it is still readable."""
        if not self._text.startswith("{", self._position):
            return ""
        rest = self._text[self._position : self._position + 20_000]
        following = re.search(r"\}\s*,\s*\{", rest)
        match = _STAMP.search(rest[: following.start()] if following else rest)
        return match[1] if match else ""

    def _note(self, detail: str) -> None:
        self._problems.note(OddityKind.FILE_DAMAGED, file=self._name, detail=detail)

    def _after_space(self, position: int) -> int:
        while position < len(self._text) and self._text[position] in _SPACE:
            position += 1
        return position


def _is_whole(value: object) -> bool:
    """Return whether an object is an entry of the list rather than a part of one."""
    if not isinstance(value, dict):
        return False
    if "ts" in value:
        return "type" in value
    return "id" in value and any(key in value for key in ("profile", "team_id", "members"))


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON ({error.msg}, line {error.lineno}, column {error.colno})"
    return "is not JSON that can be read (nested too deeply, or a number too long)"
