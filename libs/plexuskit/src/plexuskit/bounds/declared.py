"""The bounds that a contract declares, and contradictions in them."""

from collections.abc import Iterator
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexus.bounds.v1 import bounds_pb2
from plexus.bounds.v1.bounds_pb2 import Bounds, Preset

INTEGERS: Final = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SINT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}
FLOATS: Final = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})
TIMES: Final = {
    # Years 1 to 9999; the well-known type has no others.
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}

_NUMBER: Final = frozenset({"min", "max"})
_TIME: Final = frozenset({"min_seconds", "max_seconds"})
_TEXT: Final = frozenset({"max_chars", "max_bytes"})
_AROUND: Final = frozenset(
    {"max_items", "each_apart", "max_items_bytes", "max_pairs", "key", "value"}
)
_MAX_UTF8: Final = 4


class UndeclaredBounds(Exception):  # noqa: N818 - named after the fact that prevents
    """A field that a request can reach has no bounds, or impossible ones: it is not served."""


def declared(field: FieldDescriptor) -> Bounds:
    """Return the bounds of a field, those of its preset included; empty without any."""
    bounds = Bounds()
    bounds.CopyFrom(field.GetOptions().Extensions[bounds_pb2.field])
    return expanded(bounds)


def expanded(bounds: Bounds) -> Bounds:
    """Return bounds with those of their preset in its place."""
    if not bounds.preset:
        return bounds
    option = Preset.DESCRIPTOR.values_by_number[bounds.preset].GetOptions()
    result = Bounds()
    result.CopyFrom(option.Extensions[bounds_pb2.preset])
    result.MergeFrom(bounds)
    result.ClearField("preset")
    return result


def reachable(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Return every field that a message can reach, each once; those of well-known times left out.

    Fields of map entries are left out too: the map field declares their bounds.
    """
    seen = {message.full_name}
    waiting = [message]
    while waiting:
        for field in waiting.pop().fields:
            yield field
            child = field.message_type
            if child is not None and is_map(field):
                child = child.fields_by_name["value"].message_type
            if child is not None and child.full_name not in TIMES and child.full_name not in seen:
                seen.add(child.full_name)
                waiting.append(child)


def is_map(field: FieldDescriptor) -> bool:
    """Return whether a field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def halves_of(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Return the key and the value of a map field."""
    halves = message_of(field).fields_by_name
    return halves["key"], halves["value"]


def message_of(field: FieldDescriptor) -> Descriptor:
    """Return the message type of a field that has one."""
    if field.message_type is None:
        raise TypeError(f"{field.full_name} is no message")
    return field.message_type


def is_time(field: FieldDescriptor) -> bool:
    """Return whether a field is a timestamp or a duration."""
    return field.message_type is not None and field.message_type.full_name in TIMES


def problems(field: FieldDescriptor) -> list[str]:
    """Return missing or contradictory bounds of a field; empty: none."""
    own = field.GetOptions().Extensions[bounds_pb2.field]
    bounds = declared(field)
    found = []
    if own.preset and _names(own) - {"preset", "max_items", "each_apart"}:
        found.append("a preset excludes bounds of its own")
    if is_map(field):
        found += _map_problems(field, bounds)
    else:
        found += _around_problems(field, bounds)
        found += _value_problems(field, bounds)
    return [f"{field.full_name}: {problem}" for problem in found]


def _map_problems(field: FieldDescriptor, bounds: Bounds) -> list[str]:
    found = [f"{name} on a map" for name in _names(bounds) - {"max_pairs", "key", "value"}]
    if not bounds.max_pairs:
        found.append("max_pairs is missing")
    for half, own in zip(halves_of(field), (bounds.key, bounds.value), strict=True):
        found += [f"{half.name}: {problem}" for problem in _value_problems(half, expanded(own))]
    return found


def _around_problems(field: FieldDescriptor, bounds: Bounds) -> list[str]:
    names = _names(bounds) & _AROUND
    found = [f"{name} on a field that is no map" for name in names & {"max_pairs", "key", "value"}]
    if field.is_repeated and not bounds.max_items:
        found.append("max_items is missing")
    if not field.is_repeated and names & {"max_items", "each_apart", "max_items_bytes"}:
        found.append("max_items, each_apart or max_items_bytes on a field that is not repeated")
    if bounds.max_items_bytes and field.message_type is None:
        found.append("max_items_bytes on elements that are no messages")
    if bounds.each_apart and field.message_type is None:
        found.append("each_apart on elements that are no messages")
    return found


def _value_problems(field: FieldDescriptor, bounds: Bounds) -> list[str]:
    """Return problems of the bounds of one value, without those of the number of values."""
    names = _names(bounds) - _AROUND
    match field.type:
        case FieldDescriptor.TYPE_BOOL:
            required, allowed = frozenset[str](), frozenset[str]()
        case FieldDescriptor.TYPE_STRING:
            required, allowed = _TEXT, _TEXT | {"visible_ascii"}
        case FieldDescriptor.TYPE_BYTES:
            required = allowed = frozenset({"max_bytes"})
        case FieldDescriptor.TYPE_ENUM:
            required = allowed = frozenset({"values"})
        case FieldDescriptor.TYPE_MESSAGE if is_time(field):
            required = allowed = _TIME
        case FieldDescriptor.TYPE_MESSAGE:
            required, allowed = frozenset[str](), frozenset[str]()
        case kind if kind in INTEGERS and bounds.opaque:
            required = allowed = frozenset({"opaque"})
        case kind if kind in INTEGERS or kind in FLOATS:
            required = allowed = _NUMBER
        case _:
            return ["groups have no bounds; use a message"]
    found = [f"{name} is missing" for name in sorted(required - names)]
    found += [f"{name} does not fit the type" for name in sorted(names - allowed)]
    return found or _contradictions(field, bounds)


def _contradictions(field: FieldDescriptor, bounds: Bounds) -> list[str]:
    found = []
    if field.type in INTEGERS and not bounds.opaque:
        low, high = INTEGERS[field.type]
        if not low <= bounds.min <= bounds.max <= high:
            found.append(f"min and max are not in order within {low} to {high}")
    if is_time(field):
        low, high = TIMES[message_of(field).full_name]
        if not low <= bounds.min_seconds <= bounds.max_seconds <= high:
            found.append(f"min_seconds and max_seconds are not in order within {low} to {high}")
    if field.type == FieldDescriptor.TYPE_STRING:
        if not bounds.max_chars <= bounds.max_bytes <= _MAX_UTF8 * bounds.max_chars:
            found.append("max_bytes is not between max_chars and 4 * max_chars")
        if bounds.visible_ascii and bounds.max_bytes != bounds.max_chars:
            found.append("max_bytes is not max_chars although only ASCII is allowed")
    specified = bounds.values == Bounds.VALUES_SPECIFIED
    if specified and not (field.is_repeated or field.has_presence):
        found.append("VALUES_SPECIFIED on a field in which zero cannot be told from unset")
    return found


def _names(bounds: Bounds) -> frozenset[str]:
    return frozenset(field.name for field, _ in bounds.ListFields())
