"""Fields of messages in words: JSON name, type and bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexuskit.bounds.declared import declared, expanded, halves_of, is_map, is_time

from gateway.reference.contract import Contract, choice_of, is_optional, value_of

_MAX_UTF8: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES: Final = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes, as base64",
    FieldDescriptor.TYPE_BOOL: "boolean",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_FLOAT: "number",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_SFIXED32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "uint32",
    FieldDescriptor.TYPE_INT64: "int64, as a string",
    FieldDescriptor.TYPE_SINT64: "int64, as a string",
    FieldDescriptor.TYPE_SFIXED64: "int64, as a string",
    FieldDescriptor.TYPE_UINT64: "uint64, as a string",
    FieldDescriptor.TYPE_FIXED64: "uint64, as a string",
}
_TIMES: Final = {
    "google.protobuf.Timestamp": "time, RFC 3339",
    "google.protobuf.Duration": "duration in seconds, for example 1.5s",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A field as the reference shows it.

    Attributes:
        json: name in JSON.
        proto: name in the contract, which native clients use.
        container: "list of", "map of string to" or empty.
        type: type of a value; empty if `reference` names it.
        reference: full name of the message or enum of a value; empty for other types.
        notes: bounds, `oneof` and presence, each a phrase.
        comment: description in the contract.
    """

    json: str
    proto: str
    container: str
    type: str
    reference: str
    notes: tuple[str, ...]
    comment: str


def rows(message: Descriptor, *, contract: Contract) -> tuple[Row, ...]:
    """Return the fields of a message in the order of the contract."""
    bounded = message.full_name in contract.requested
    return tuple(_row(field, contract=contract, bounded=bounded) for field in message.fields)


def _row(field: FieldDescriptor, *, contract: Contract, bounded: bool) -> Row:
    value = value_of(field)
    named = value.enum_type or (None if is_time(value) else value.message_type)
    notes = [*_presence(field), *(bounds_of(field) if bounded else ())]
    return Row(
        json=field.json_name,
        proto=field.name,
        container=_container(field),
        type="" if named is not None else _type(value),
        reference="" if named is None else named.full_name,
        notes=tuple(notes),
        comment=contract.comment(field.full_name),
    )


def _container(field: FieldDescriptor) -> str:
    if is_map(field):
        return f"map of {_type(halves_of(field)[0])} to"
    return "list of" if field.is_repeated else ""


def _type(value: FieldDescriptor) -> str:
    message = value.message_type
    return _TYPES[value.type] if message is None else _TIMES[message.full_name]


def _presence(field: FieldDescriptor) -> Iterator[str]:
    choice = choice_of(field)
    if choice is not None:
        others = [each.json_name for each in choice.fields if each != field]
        yield f"not together with {', '.join(others)}" if others else ""
    elif is_optional(field):
        yield "optional"


def bounds_of(field: FieldDescriptor) -> Iterator[str]:
    """Yield the bounds of a field in words; none for flags and single messages."""
    bounds = declared(field)
    if is_map(field):
        key, value = halves_of(field)
        yield f"at most {bounds.max_pairs:,} pairs"
        yield from (f"key: {text}" for text in _of_value(key, expanded(bounds.key)))
        yield from (f"value: {text}" for text in _of_value(value, expanded(bounds.value)))
        return
    if not field.is_repeated:
        yield from _of_value(field, bounds)
        return
    yield f"at most {bounds.max_items:,} elements"
    if bounds.max_items_bytes:
        yield f"at most {bounds.max_items_bytes:,} bytes together"
    if bounds.each_apart:
        yield "each element is checked alone"
    yield from (f"each: {text}" for text in _of_value(field, bounds))


def _of_value(field: FieldDescriptor, bounds: Bounds) -> Iterator[str]:
    if field.type == FieldDescriptor.TYPE_STRING:
        yield _of_text(bounds)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        yield f"at most {bounds.max_bytes:,} bytes"
    elif field.enum_type is not None:
        if bounds.values == Bounds.VALUES_SPECIFIED:
            yield "not the unspecified value"
    elif field.message_type is not None:
        if is_time(field):
            yield _of_time(field, bounds)
    elif bounds.opaque:
        yield "any value"
    elif field.type != FieldDescriptor.TYPE_BOOL:
        yield f"{bounds.min:,} to {bounds.max:,}"


def _of_text(bounds: Bounds) -> str:
    text = f"at most {bounds.max_chars:,} characters"
    if bounds.max_bytes < bounds.max_chars * _MAX_UTF8 and not bounds.visible_ascii:
        text += f" and {bounds.max_bytes:,} bytes of UTF-8"
    return f"{text}, visible ASCII without spaces" if bounds.visible_ascii else text


def _of_time(field: FieldDescriptor, bounds: Bounds) -> str:
    low, high = bounds.min_seconds, bounds.max_seconds
    if field.message_type is not None and field.message_type.name == "Duration":
        return f"{low:,} to {high:,} seconds"
    return f"{_day(low)} to {_day(high)}"


def _day(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).date().isoformat()
