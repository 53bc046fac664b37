"""Standard output and error: tables for users, JSON for scripts."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexuskit.timestamps import instant_of

from plexus_cli.language import tr
from plexus_cli.safety import safe, safe_line
from plexus_cli.styled import Styled
from plexus_cli.widths import folded, padded, width

# JSON itself escapes the controls below 0x20 only.
_OBEYED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TYPE_BYTES = FieldDescriptor.TYPE_BYTES
_TYPE_ENUM = FieldDescriptor.TYPE_ENUM
_TYPE_MESSAGE = FieldDescriptor.TYPE_MESSAGE
# Ids and times must stay in one piece, to be copied and read.
_WHOLE = re.compile(r"[a-z]{3}_\w+|\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_GAP = "  "
_MIN_COLUMN = 12


def as_dict(message: Message) -> dict[str, Any]:
    """Return a message as JSON values: fields by their contract's names."""
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        in_choice = field.containing_oneof is not None
        if in_choice and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                result[field.name] = dict(value)
            else:
                result[field.name] = [_value(field, one) for one in value]
        elif field.type == _TYPE_MESSAGE and not message.HasField(field.name):
            result[field.name] = None
        else:
            result[field.name] = _value(field, value)
    return result


def _value(field: Any, value: Any) -> Any:
    if field.type == _TYPE_MESSAGE:
        return instant(value) if isinstance(value, Timestamp) else as_dict(value)
    if field.type == _TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.type == _TYPE_BYTES:
        return value.hex()
    return value


def instant(stamp: Timestamp) -> str:
    """Format an instant as ISO 8601 in UTC with milliseconds."""
    return instant_of(stamp).isoformat(timespec="milliseconds")


def print_json(value: Any) -> None:
    """Print one line of JSON with terminal control characters escaped."""
    line = json.dumps(value, ensure_ascii=not _is_unicode(sys.stdout))
    sys.stdout.write(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; control characters in cells have no effect on the terminal.

    At a terminal, long texts are folded in their column, but ids are not. Elsewhere each row is one
    line.
    """
    cells = [[safe_line(str(cell)) for cell in row] for row in rows]
    names = [tr(name) if name else "" for name in columns]
    widths = [
        max(width(name), *(width(row[at]) for row in cells), 0) if cells else width(name)
        for at, name in enumerate(names)
    ]
    if sys.stdout.isatty():
        widths = _fitting(widths, cells)
    if title:
        _write(sys.stdout, Styled(safe_line(title)))
    if any(names):
        _write(sys.stdout, Styled().append(_line(names, widths), "bold"))
    for row in cells:
        parts = [folded(cell, at) if at else [cell] for cell, at in zip(row, widths, strict=True)]
        for position in range(max(map(len, parts))):
            line = [part[position] if position < len(part) else "" for part in parts]
            _write(sys.stdout, Styled(_line(line, widths)))
    sys.stdout.flush()


def say(text: str | Styled) -> None:
    """Print a line, or a text with styles made by `rendering`."""
    _write(sys.stdout, Styled(safe(text)) if isinstance(text, str) else text)
    sys.stdout.flush()


def warn(text: str, *, reason: str = "") -> None:
    """Print a line to standard error, followed by the reason of a refusal."""
    shown = Styled(safe(text))
    if reason:
        shown.append(f" ({safe_line(reason)})", "dim")
    _write(sys.stderr, shown)


def caution(text: str) -> None:
    """Print a highlighted line to standard error."""
    _write(sys.stderr, Styled().append(safe(text), "yellow"))


def mention_aside(text: str) -> None:
    """Print a remark about background work to standard error."""
    _write(sys.stderr, Styled().append(safe(text), "dim"))


def _write(stream: TextIO, text: Styled) -> None:
    stream.write((text.escaped() if _has_styles(stream) else text.plain) + "\n")


def _has_styles(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows styles and links."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(padded(*each) for each in zip(cells, widths, strict=True)).rstrip()


def _fitting(widths: list[int], cells: list[list[str]]) -> list[int]:
    """Return column widths that fit the terminal, if folding texts makes that possible."""
    room = os.get_terminal_size(sys.stdout.fileno()).columns - len(_GAP) * (len(widths) - 1)
    foldable = {
        at for at in range(len(widths)) if not any(_WHOLE.fullmatch(row[at]) for row in cells)
    }
    result = list(widths)
    while foldable and sum(result) > room:
        widest = max(foldable, key=lambda at: result[at])
        if result[widest] <= _MIN_COLUMN:
            return result
        result[widest] = max(_MIN_COLUMN, result[widest] - (sum(result) - room))
    return result
