"""Encoder of protobuf's wire format that can also write invalid messages."""

import struct
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
GROUP: Final = 3
END_GROUP: Final = 4
FIXED32: Final = 5

_WORD: Final = 2**64


def varint(value: int) -> bytes:
    """Encode an integer of up to 64 bits; negative ones as two's complement."""
    value %= _WORD
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def tag(number: int, kind: int) -> bytes:
    """Encode the number and the wire type of a field."""
    return varint(number << 3 | kind)


def of_bytes(number: int, content: bytes) -> bytes:
    """Encode a field with a length: strings, bytes, messages, packed numbers."""
    return tag(number, BYTES) + varint(len(content)) + content


def of_varint(number: int, value: int) -> bytes:
    """Encode a field with a varint."""
    return tag(number, VARINT) + varint(value)


def of_fixed(number: int, value: int, *, size: int) -> bytes:
    """Encode a field of 4 or 8 bytes."""
    kind, form = (FIXED32, "<I") if size == 4 else (FIXED64, "<Q")
    return tag(number, kind) + struct.pack(form, value % 2 ** (8 * size))


def nested_groups(number: int, depth: int) -> bytes:
    """Encode a group in a group, `depth` times."""
    return tag(number, GROUP) * depth + tag(number, END_GROUP) * depth
