"""Fields of untidy JSON objects: absent or malformed values are read as empty."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

Entry = Mapping[str, object]
"""A JSON object of the export, unchanged."""

_TS = re.compile(r"(\d{1,12})(?:\.(\d{1,6}))?", re.ASCII)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MICROS_PER_SECOND = 1_000_000


def string(entry: Entry, key: str) -> str:
    """Return the text under `key`, or an empty one; lone surrogates become U+FFFD."""
    value = entry.get(key)
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def child(entry: Entry, key: str) -> Entry:
    """Return the object under `key`, or an empty one."""
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def children(entry: Entry, key: str) -> Sequence[Entry]:
    """Return the objects in the list under `key`; skip its other elements."""
    value = entry.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(entry: Entry, key: str) -> Sequence[str]:
    """Return the texts in the list under `key`, each once, in order."""
    value = entry.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(item for item in value if isinstance(item, str) and item))


def whole(entry: Entry, key: str) -> int:
    """Return the number under `key` if it is not negative and fits 63 bits, else 0."""
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value < 2**63 else 0


def flag(entry: Entry, key: str) -> bool:
    """Return whether `key` is true."""
    return entry.get(key) is True


def micros(value: object, *, now: datetime) -> int | None:
    """Parse a Slack time stamp (`1495107773.965756`) as microseconds since 1970.

    Return None for an implausible value: not a number, before 2000, more than a day after `now`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _TS.fullmatch(value.strip() if isinstance(value, str) else repr(value))
    if match is None:
        return None
    stamp = int(match[1]) * MICROS_PER_SECOND + int((match[2] or "").ljust(6, "0"))
    earliest = (_EARLIEST - _EPOCH) // _MICROSECOND
    latest = (now + timedelta(days=1) - _EPOCH) // _MICROSECOND
    return stamp if earliest <= stamp <= latest else None


def stamp_text(stamp: int) -> str:
    """Format microseconds as Slack does: `1495107773.965756`."""
    return f"{stamp // MICROS_PER_SECOND}.{stamp % MICROS_PER_SECOND:06d}"


def shown_stamp(entry: Entry) -> str:
    """Return the time stamp of `entry` unchanged, for an error message."""
    value = entry.get("ts")
    return value[:40] if isinstance(value, str) else "" if value is None else repr(value)[:40]


def escaped(text: str) -> str:
    """Escape `text` for Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
