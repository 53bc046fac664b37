"""What a command prints: tables for people, JSON for scripts."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexuskit.timestamps import instant_of
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from plexus_cli.rendering import safe, safe_line

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

# JSON itself escapes the controls below 0x20 only.
_OBEYED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TYPE_BYTES = FieldDescriptor.TYPE_BYTES
_TYPE_ENUM = FieldDescriptor.TYPE_ENUM
_TYPE_MESSAGE = FieldDescriptor.TYPE_MESSAGE


def as_dict(message: Message) -> dict[str, Any]:
    """Give a message as JSON values: fields by their contract's names."""
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
    """Give an instant as ISO 8601 in UTC, milliseconds kept."""
    return instant_of(stamp).isoformat(timespec="milliseconds")


def local(stamp: Timestamp, *, zone: str = "") -> str:
    """Give an instant as the reader's clock shows it, or a clock of an IANA zone."""
    shown_in = ZoneInfo(zone) if zone else None
    at = instant_of(stamp).astimezone(shown_in)
    return at.strftime("%Y-%m-%d %H:%M")


def print_json(value: Any) -> None:
    """Print one line of JSON; what a terminal would obey is escaped, so that it can be shown."""
    line = json.dumps(value, ensure_ascii=False)
    sys.stdout.write(_OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; what people wrote is never taken for markup, and obeyed by no terminal."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(safe_line(str(cell))) for cell in row))
    out.print(table)


def say(text: str | Text) -> None:
    """Print a line, or a text with styles made by `rendering`."""
    out.print(escape(safe(text)) if isinstance(text, str) else text, soft_wrap=True)


def warn(text: str, *, reason: str = "") -> None:
    """Print a line to standard error, with the reason of a refusal behind it."""
    shown = Text(safe(text))
    if reason:
        shown.append(f" ({safe_line(reason)})", style="dim")
    err.print(shown, soft_wrap=True)


def mention_aside(text: str) -> None:
    """Print to standard error what goes on beside the work."""
    err.print(Text(safe(text), style="dim"), soft_wrap=True)
