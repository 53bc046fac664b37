"""Counting of entries in a repeated field of a request, without decoding the request.

A request refused by its rate must not cost as much as reading it would: the count stops at the
largest value that matters, and after a maximum number of fields of any kind.
"""

from typing import Final

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED_64: 8, _FIXED_32: 4}
_MORE: Final = 0x80
_CONTINUED: Final = bytes(range(_MORE, 0x100))
_MAX_FIELDS: Final = 4_096
_MAX_SHIFT: Final = 63


def counted(request: bytes, number: int, *, maximum: int, packed: bool) -> int:
    """Return the number of entries of a repeated field, at most `maximum`; 0 if unreadable.

    A request of more than 4,096 fields counts as `maximum`.

    Args:
        request: a serialized message.
        number: number of the field.
        maximum: upper end of the count.
        packed: whether its entries are numbers, many of which can be in one field.
    """
    found = at = 0
    try:
        for _ in range(_MAX_FIELDS):
            if at >= len(request) or found >= maximum:
                return min(found, maximum)
            tag, at = _varint(request, at)
            kind, start = tag & 7, at
            if kind == _VARINT:
                _, at = _varint(request, at)
            elif kind == _BYTES:
                size, start = _varint(request, at)
                at = start + size
            elif kind in _FIXED:
                at += _FIXED[kind]
            else:
                return 0
            if at > len(request):
                return 0
            if tag >> 3 == number:
                numbers = packed and kind == _BYTES
                found += _ends(request[start:at]) if numbers else 1
    except IndexError:
        return 0
    return maximum


def _ends(numbers: bytes) -> int:
    """Count the varints of a packed field: each has one byte without the bit for more."""
    return len(numbers.translate(None, _CONTINUED))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a varint; return it and the position of the next byte. Raises IndexError."""
    value = shift = 0
    while shift <= _MAX_SHIFT:
        byte = data[at]
        at += 1
        value |= (byte & (_MORE - 1)) << shift
        if byte < _MORE:
            return value, at
        shift += 7
    raise IndexError
