"""Faults of a JSON body, found by the descriptor of its message and named by their field.

The library stops at the first fault and reports it with names of Python types. A body is searched
only after the library has refused it.
"""

import json
from difflib import get_close_matches
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from plexuskit.errors import Kind, Refusal

MAX_SHOWN: Final = 200
MAX_NAMES: Final = 40
_WELL_KNOWN: Final = "google.protobuf."


class JsonUnreadable(Refusal):
    """The body is not the JSON form of the message that the method takes."""

    kind = Kind.INVALID
    text = "The body cannot be read as the JSON form of {message}: {problem}"


class FieldUnknown(Refusal):
    """The body has a field that its message does not have, by mistake or of a later version."""

    kind = Kind.INVALID
    text = "{message} has no field {field}. {hint}"


class EnumValueUnknown(Refusal):
    """The body names a value that the enum of a field does not have."""

    kind = Kind.INVALID
    text = "{field} has no value {value}. It takes {values}."


def fault_of(body: bytes, message: Descriptor, *, problem: str) -> Refusal:
    """Return the refusal for a body that is not the JSON form of a message.

    In: the problem as the library reports it, used where the search finds nothing.
    """
    try:
        found = _in_message(json.loads(body), message, at="")
    except RecursionError:
        found = "it is nested too deeply"
    except json.JSONDecodeError as error:
        found = f"it is not JSON (line {error.lineno}, column {error.colno})"
    except ValueError:
        found = "it is not JSON in UTF-8"
    if isinstance(found, Refusal):
        return found
    return JsonUnreadable(message=message.full_name, problem=found or _shown(problem))


Fault = Refusal | str | None
"""A refusal of its own, the problem of the whole body, or nothing."""


def _in_message(value: Any, message: Descriptor, *, at: str) -> Fault:
    if message.full_name.startswith(_WELL_KNOWN):
        return None
    if not isinstance(value, dict):
        return f"{at} must be an object" if at else "it is not an object"
    # Own dictionaries: those of descriptors fail on names that UTF-8 cannot hold.
    fields = {field.json_name: field for field in message.fields}
    by_name = {field.name: field for field in message.fields} | fields
    for name, item in value.items():
        field = by_name.get(name)
        place = f"{at}.{name}" if at else name
        if field is None:
            return _unknown(message, place, name=name, known=list(fields))
        fault = None if item is None else _in_field(item, field, at=place)
        if fault is not None:
            return fault
    return None


def _in_field(value: Any, field: FieldDescriptor, *, at: str) -> Fault:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        if not isinstance(value, dict):
            return f"{at} must be an object"
        places = [(item, f"{at}[{_shown(key)}]") for key, item in value.items()]
        return _first(places, kind.fields_by_name["value"])
    if not field.is_repeated:
        return _in_value(value, field, at=at)
    if not isinstance(value, list):
        return f"{at} must be a list"
    return _first([(item, f"{at}[{index}]") for index, item in enumerate(value)], field)


def _first(places: list[tuple[Any, str]], field: FieldDescriptor) -> Fault:
    faults = (_in_value(item, field, at=place) for item, place in places)
    return next((fault for fault in faults if fault is not None), None)


def _in_value(value: Any, field: FieldDescriptor, *, at: str) -> Fault:
    if field.message_type is not None:
        return _in_message(value, field.message_type, at=at)
    if value is None:
        return f"{at} must not be null"
    if field.enum_type is not None:
        return _in_enum(value, field.enum_type, at=at)
    is_text = isinstance(value, str)
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return None if is_text else f"{at} must be text"
        case FieldDescriptor.CPPTYPE_BOOL:
            return None if isinstance(value, bool) else f"{at} must be true or false"
        case _:
            return None if _is_number(value) else f"{at} must be a number"


def _in_enum(value: Any, enum: EnumDescriptor, *, at: str) -> Fault:
    if enum.full_name.startswith(_WELL_KNOWN) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    ):
        return None
    if not isinstance(value, str):
        return f"{at} must be the name of a value"
    names = [each.name for each in enum.values]
    if value in names or value.lstrip("-").isdigit():
        return None
    return EnumValueUnknown(
        field=_shown(at),
        value=_shown(value),
        values=", ".join(names[:MAX_NAMES]),
    )


def _is_number(value: Any) -> bool:
    """Return whether a value is a number or its text, the form of 64 bits in JSON."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unknown(message: Descriptor, place: str, *, name: str, known: list[str]) -> Refusal:
    near = get_close_matches(name[:MAX_SHOWN], known, n=1)
    names = ", ".join(known[:MAX_NAMES])
    listed = f"It has {names}." if names else "It has no fields."
    return FieldUnknown(
        message=message.full_name,
        field=_shown(place),
        hint=f"Did you mean {near[0]}?" if near else listed,
    )


def _shown(text: str) -> str:
    """Return the beginning of a text of the body, without characters invalid in UTF-8."""
    return text[:MAX_SHOWN].encode(errors="backslashreplace").decode()
