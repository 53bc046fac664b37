"""Rank keys: strings whose order is the order on the board (TSK-6).

A key is a fraction between 0 and 1 written in base 62 without trailing zeros, so comparing strings
byte by byte compares the fractions. Between two keys there is always another one. A move picks a
point of the gap from a salt, so two concurrent moves into one gap rarely pick the same; the unique
index of the store decides when they do.
"""

import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Longer keys are redistributed; a key grows by about one digit every four moves into one gap.
MAX_LENGTH: Final = 60
# Key length that a redistributed window must reach, so that it is not redistributed again at once.
ROOMY: Final = 24

_BASE: Final = len(ALPHABET)
_DIGIT: Final = {character: value for value, character in enumerate(ALPHABET)}
# Digits of a fresh key: at either end of a column there is room for about four million steps.
_WIDTH: Final = 8
_STEP: Final = _BASE**4
# The narrowest gap from which a key is picked: the remaining parts still hold many.
_NARROWEST: Final = _BASE**2


def is_rank(key: str) -> bool:
    """Return whether a string is a key that this module could have made."""
    return bool(key) and not key.endswith(ALPHABET[0]) and all(c in _DIGIT for c in key)


def between(*, low: str, high: str, salt: str) -> str:
    """Return a key between two neighbours.

    Args:
        low: the key before, empty at the top.
        high: the key after, empty at the bottom.
        salt: text that differs between concurrent callers, for example the task id.

    Raises:
        ValueError: the neighbours are not in order; the caller mixed them up.
    """
    _check_order(low, high)
    pick = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest())

    if low and not high:
        after = _number(low, _WIDTH) + _STEP + pick % _STEP
        if after < _BASE**_WIDTH:
            return _key(after, _WIDTH)
    if high and not low:
        before = _number(high, _WIDTH) - _STEP - pick % _STEP
        if before > 0:
            return _key(before, _WIDTH)

    width, bottom, gap = _gap(low, high, narrowest=_NARROWEST)
    return _key(bottom + gap // 4 + pick % (gap // 2), width)


def spread(
    *, low: str, high: str, count: int, taken: AbstractSet[str] = frozenset(), salt: str = ""
) -> tuple[str, ...]:
    """Return `count` keys in order, evenly between two keys that stay.

    Args:
        low: the key before them, empty at the top.
        high: the key after them, empty at the bottom.
        count: number of keys, at least 1.
        taken: keys that must not be used: those in use until the change is complete.
        salt: as for `between`.

    Raises:
        ValueError: the neighbours are not in order.
    """
    _check_order(low, high)
    narrowest = (count + 1) * _BASE**3
    width, bottom, gap = _gap(low, high, narrowest=narrowest)
    # At an open end a quarter is left free: new tasks come there.
    start = bottom if low else bottom + gap // 4
    end = bottom + gap if high else bottom + gap - gap // 4
    pick = int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=4).digest()) % _BASE

    keys = []
    for index in range(1, count + 1):
        point = start + (end - start) * index // (count + 1) + pick
        while (key := _key(point, width)) in taken:
            point += 1
        keys.append(key)
    return tuple(keys)


def window(ranks: Sequence[str], *, around: int) -> tuple[int, int]:
    """Return the part `[first, last)` of a column to redistribute so that its keys get short.

    The part grows around the crowded place until its new keys are short or it is the whole column:
    so few tasks change, and rarely.

    Args:
        ranks: every key of the column, in order.
        around: index of the crowded place, 0 to `len(ranks)`.
    """
    reach = 16
    while True:
        first, last = max(0, around - reach), min(len(ranks), around + reach)
        low = ranks[first - 1] if first else ""
        high = ranks[last] if last < len(ranks) else ""
        if first == 0 and last == len(ranks):
            return first, last
        width, _, _ = _gap(low, high, narrowest=(last - first + 1) * _BASE**3)
        if width <= ROOMY:
            return first, last
        reach *= 2


def _check_order(low: str, high: str) -> None:
    for key in (low, high):
        if key and not is_rank(key):
            raise ValueError(f"{key!r} is no rank key")
    if low and high and low >= high:
        raise ValueError(f"{low!r} is not before {high!r}")


def _gap(low: str, high: str, *, narrowest: int) -> tuple[int, int, int]:
    """Return digits, lower end and size of the gap, with digits enough to make it wide."""
    width = _WIDTH
    while True:
        bottom = _number(low, width, upwards=True) if low else 0
        top = _number(high, width) if high else _BASE**width
        if top - bottom >= narrowest:
            return width, bottom, top - bottom
        width += 1


def _number(key: str, width: int, *, upwards: bool = False) -> int:
    """Return a key as a whole number of `width` digits; the dropped digits may round up."""
    value = 0
    for character in key[:width].ljust(width, ALPHABET[0]):
        value = value * _BASE + _DIGIT[character]
    return value + 1 if upwards and len(key) > width else value


def _key(value: int, width: int) -> str:
    """Write a number as `width` digits without the zeros at the end."""
    digits = []
    for _ in range(width):
        value, digit = divmod(value, _BASE)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits)).rstrip(ALPHABET[0])
