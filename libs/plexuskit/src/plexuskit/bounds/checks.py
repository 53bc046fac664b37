"""Checks of decoded messages: closures that are compiled once per message type.

`ListFields` returns only set fields, so an unset field costs nothing. A check returns nothing or
raises FieldOutOfRange; the path of the field is assembled only then, while unwinding.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from plexus.bounds.v1.bounds_pb2 import Bounds

from plexuskit.bounds.declared import (
    FLOATS,
    INTEGERS,
    UndeclaredBounds,
    declared,
    expanded,
    halves_of,
    is_map,
    is_time,
    message_of,
    problems,
    reachable,
)
from plexuskit.bounds.refusals import FieldOutOfRange

Check = Callable[[Any], None]

_MAX_UTF8: Final = 4
_MAX_NANOS: Final = 999_999_999


def check(message: Message) -> None:
    """Check every field of a decoded message against its declared bounds (GW-8).

    Raises:
        FieldOutOfRange: naming the field, the bound and the size of the value.
        UndeclaredBounds: a field of the message type has none.
    """
    compiled(message.DESCRIPTOR)(message)


def violation(message: Message) -> FieldOutOfRange | None:
    """Return the violation that `check` would raise; None if every field is within its bounds."""
    try:
        check(message)
    except FieldOutOfRange as refusal:
        return refusal
    return None


@cache
def compiled(message: Descriptor) -> Check:
    """Return the check of a message type.

    Raises:
        UndeclaredBounds: fields without bounds or with impossible ones, all of them in its text,
            or a type that contains itself: its depth has no bound.
    """
    found = [problem for field in reachable(message) for problem in problems(field)]
    if found:
        raise UndeclaredBounds(
            "declare (plexus.bounds.v1.field), see proto/plexus/bounds/v1/bounds.proto: "
            + "; ".join(found)
        )
    return _of_message(message, above=())


def _of_message(message: Descriptor, *, above: tuple[str, ...]) -> Check:
    if message.full_name in above:
        raise UndeclaredBounds(f"{message.full_name} contains itself: its depth has no bound")
    inside = (*above, message.full_name)
    checks: dict[FieldDescriptor, Check] = {}
    for field in message.fields:
        made = _of_field(field, above=inside)
        if made is not None:
            checks[field] = made
    check_of = checks.get

    def check_fields(value: Message) -> None:
        for field, content in value.ListFields():
            check_field = check_of(field)
            # A flag has none: every value of it is right.
            if check_field is not None:
                try:
                    check_field(content)
                except FieldOutOfRange as refusal:
                    raise refusal.within(field.name) from None

    return check_fields


def _of_field(field: FieldDescriptor, *, above: tuple[str, ...]) -> Check | None:
    """Return the check of a field's whole value; None for a field with nothing to check."""
    bounds = declared(field)
    if is_map(field):
        return _of_map(field, bounds, above=above)
    if not field.is_repeated:
        return _of_value(field, bounds, above=above)
    one = None if bounds.each_apart else _of_value(field, bounds, above=above)
    maximum = _of_items(bounds.max_items, one)
    return _of_total(bounds.max_items_bytes, maximum) if bounds.max_items_bytes else maximum


def _of_value(field: FieldDescriptor, bounds: Bounds, *, above: tuple[str, ...]) -> Check | None:
    made: Check | None = None
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            made = _of_string(bounds)
        case FieldDescriptor.TYPE_BYTES:
            made = _of_bytes(bounds.max_bytes)
        case FieldDescriptor.TYPE_ENUM if field.enum_type is not None:
            made = _of_enum(field.enum_type, bounds)
        case FieldDescriptor.TYPE_MESSAGE if is_time(field):
            made = _of_time(field, bounds)
        case FieldDescriptor.TYPE_MESSAGE:
            made = _of_message(message_of(field), above=above)
        case kind if (kind in INTEGERS or kind in FLOATS) and not bounds.opaque:
            made = _of_number(bounds.min, bounds.max)
    return made


def _of_string(bounds: Bounds) -> Check:
    max_chars, max_bytes = bounds.max_chars, bounds.max_bytes
    # Up to here no code point can make it too long in bytes.
    surely = min(max_chars, max_bytes // _MAX_UTF8)

    def check_text(value: str) -> None:
        if len(value) > surely:
            _refuse_long_text(value, max_chars=max_chars, max_bytes=max_bytes)

    def check_visible(value: str) -> None:
        if len(value) > max_chars:
            _refuse_long_text(value, max_chars=max_chars, max_bytes=max_bytes)
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise FieldOutOfRange(
                rule="visible_ascii",
                limit="ASCII",
                size=len(value),
                problem="may hold visible ASCII characters only; use the id as Plexus gave it",
            )

    return check_visible if bounds.visible_ascii else check_text


def _refuse_long_text(value: str, *, max_chars: int, max_bytes: int) -> None:
    if len(value) > max_chars:
        raise FieldOutOfRange(
            rule="max_chars",
            limit=max_chars,
            size=len(value),
            problem=f"has {len(value)} characters; shorten it to {max_chars} at most",
        )
    size = len(value.encode())
    if size > max_bytes:
        raise FieldOutOfRange(
            rule="max_bytes",
            limit=max_bytes,
            size=size,
            problem=f"has {size} bytes; shorten it to {max_bytes} at most",
        )


def _of_bytes(max_bytes: int) -> Check:
    def check_bytes(value: bytes) -> None:
        if len(value) > max_bytes:
            raise FieldOutOfRange(
                rule="max_bytes",
                limit=max_bytes,
                size=len(value),
                problem=f"has {len(value)} bytes; shorten it to {max_bytes} at most",
            )

    return check_bytes


def _of_number(low: int, high: int) -> Check:
    def check_number(value: float) -> None:
        if not low <= value <= high:
            raise FieldOutOfRange(
                rule="min" if value < low else "max",
                limit=low if value < low else high,
                problem=f"takes {low} to {high}; send a number in this range",
            )

    return check_number


def _of_enum(enum: EnumDescriptor, bounds: Bounds) -> Check:
    specified = bounds.values == Bounds.VALUES_SPECIFIED
    known = frozenset(enum.values_by_number) - ({0} if specified else frozenset())
    names = enum.full_name

    def check_enum(value: int) -> None:
        if value not in known:
            raise FieldOutOfRange(
                rule="values",
                limit=names,
                problem=f"is no value of {names} that can be used here; send one of the contract's",
            )

    return check_enum


def _of_time(field: FieldDescriptor, bounds: Bounds) -> Check:
    low, high = bounds.min_seconds, bounds.max_seconds
    # A negative duration has negative nanoseconds.
    least = -_MAX_NANOS if message_of(field).name == "Duration" and low < 0 else 0

    def check_time(value: Any) -> None:
        if not (low <= value.seconds <= high and least <= value.nanos <= _MAX_NANOS):
            early = value.seconds < low
            raise FieldOutOfRange(
                rule="min_seconds" if early else "max_seconds",
                limit=low if early else high,
                problem=f"takes {low} to {high} seconds and 0 to {_MAX_NANOS} nanoseconds;"
                " send a time in this range",
            )

    return check_time


def _of_items(max_items: int, one: Check | None) -> Check:
    def check_items(values: Any) -> None:
        if len(values) > max_items:
            raise FieldOutOfRange(
                rule="max_items",
                limit=max_items,
                size=len(values),
                problem=f"has {len(values)} elements; send {max_items} at most, in several"
                " requests if needed",
            )
        if one is None:
            return
        try:
            for value in values:
                one(value)
        except FieldOutOfRange as refusal:
            raise refusal.within(f"[{_first_refused(values, one)}]") from None

    return check_items


def _of_total(max_bytes: int, items: Check) -> Check:
    """Return the check of elements that also bounds the bytes of all of them together."""

    def check_total(values: Any) -> None:
        items(values)
        size = sum(value.ByteSize() for value in values)
        if size > max_bytes:
            raise FieldOutOfRange(
                rule="max_items_bytes",
                limit=max_bytes,
                size=size,
                problem=f"has {size} bytes in all elements; send {max_bytes} at most, in several"
                " requests if needed",
            )

    return check_total


def _first_refused(values: Any, one: Check) -> int:
    """Return the place of the first element that is refused; counted only once one is."""
    for index, value in enumerate(values):
        try:
            one(value)
        except FieldOutOfRange:
            return index
    raise AssertionError("an element was refused and then accepted")


def _of_map(field: FieldDescriptor, bounds: Bounds, *, above: tuple[str, ...]) -> Check:
    key, value = halves_of(field)
    max_pairs = bounds.max_pairs
    of_key = _of_value(key, expanded(bounds.key), above=above) or _accept
    of_value = _of_value(value, expanded(bounds.value), above=above) or _accept

    def check_pairs(values: Any) -> None:
        if len(values) > max_pairs:
            raise FieldOutOfRange(
                rule="max_pairs",
                limit=max_pairs,
                size=len(values),
                problem=f"has {len(values)} pairs; send {max_pairs} at most",
            )
        for name, content in values.items():
            try:
                of_key(name)
                of_value(content)
            except FieldOutOfRange as refusal:
                raise refusal.within("{}") from None

    return check_pairs


def _accept(_: object) -> None:
    """Accept every value of a flag."""
