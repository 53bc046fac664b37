"""Identifiers that sort by time and can be read in a log."""

import os
import re
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from threading import Lock

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, in ASCII order
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_ULID_LENGTH, _TIME_LENGTH = 26, 10
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RANDOM_BITS = 80
_PREFIX = re.compile(r"[a-z][a-z0-9]{0,15}")
# As PRESET_ID in plexus/bounds/v1/bounds.proto.
_ID = re.compile(r"[!-~]{1,256}")
# Requests take their time once and interleave, so the last number of more than the newest
# millisecond is kept; older ones are safe with fresh randomness, only unordered among themselves.
_REMEMBERED = 256

_lock = Lock()
# The last number of each millisecond, after the text of the millisecond itself.
_last: OrderedDict[int, tuple[str, int]] = OrderedDict()


def new_id(prefix: str, *, now: datetime) -> str:
    """Make an identifier: the prefix, `_` and a ULID of 26 characters.

    Identifiers of one prefix sort by `now`, and those of one millisecond sort in the order they
    were made in this process.

    Args:
        prefix: kind of the id, up to 16 lowercase letters and digits: `msg`, `tsk`.
        now: the instant it carries; aware.

    Raises:
        ValueError: the prefix is malformed, or `now` is naive or before 1970.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"an id prefix is 1 to 16 lowercase letters and digits, not {prefix!r}")
    if now.tzinfo is None:
        raise ValueError("an id needs an aware datetime")

    # In whole numbers: `timestamp() * 1000` falls one millisecond short for some instants.
    milliseconds = (now - _EPOCH) // _MILLISECOND
    if milliseconds < 0:
        raise ValueError("an id cannot carry an instant before 1970")
    time, number = _next(milliseconds)
    return f"{prefix}_{time}{_random_text(number)}"


def is_id(text: str) -> bool:
    """Return whether a text can be the id of an entity: visible ASCII, at most 256 characters."""
    return _ID.fullmatch(text) is not None


def time_of(identifier: str) -> datetime | None:
    """Return the instant that an identifier carries, to the millisecond; None if it is not ours."""
    _, _, ulid = identifier.rpartition("_")
    if len(ulid) != _ULID_LENGTH or any(letter not in _VALUES for letter in ulid):
        return None
    value = 0
    for letter in ulid[:_TIME_LENGTH]:
        value = value << 5 | _VALUES[letter]
    try:
        return _EPOCH + value * _MILLISECOND
    except OverflowError:
        return None


def _next(milliseconds: int) -> tuple[str, int]:
    """Return the text of a millisecond and the 80-bit number of its next id.

    The first number is random, each further one is one more.
    """
    with _lock:
        previous = _last.get(milliseconds)
        if previous is None:
            # The top bit stays free, so counting up cannot run over.
            number = int.from_bytes(os.urandom(_RANDOM_BITS // 8)) >> 1
            following = (_time_text(milliseconds), number)
            if len(_last) >= _REMEMBERED:
                _last.popitem(last=False)
        else:
            following = (previous[0], previous[1] + 1)
        _last[milliseconds] = following
        return following


def _time_text(milliseconds: int) -> str:
    """Write 48 bits as 10 characters, five bits each, highest first."""
    return "".join([_PAIRS[(milliseconds >> shift) & 0x3FF] for shift in range(40, -1, -10)])


def _random_text(number: int) -> str:
    """Write 80 bits as 16 characters: without a loop, since every id takes it."""
    pairs = _PAIRS
    return (
        f"{pairs[number >> 70]}{pairs[number >> 60 & 0x3FF]}{pairs[number >> 50 & 0x3FF]}"
        f"{pairs[number >> 40 & 0x3FF]}{pairs[number >> 30 & 0x3FF]}{pairs[number >> 20 & 0x3FF]}"
        f"{pairs[number >> 10 & 0x3FF]}{pairs[number & 0x3FF]}"
    )


def _forget() -> None:
    """Start over in a forked child, which would otherwise count on from its parent's numbers."""
    global _lock  # noqa: PLW0603 - the parent's lock may be held at the moment of the fork
    _lock = Lock()
    _last.clear()


os.register_at_fork(after_in_child=_forget)
