"""JSON Schema of messages in their JSON form, as OpenAPI 3.1 takes it."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexuskit.bounds.declared import INTEGERS, declared, expanded, halves_of, is_map, is_time

from gateway.reference.contract import Contract, choice_of

Schema = dict[str, Any]

_AT: Final = "#/components/schemas/"
# Protobuf writes 64-bit integers as strings, because JSON numbers lose their last digits.
_LONG: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_SFIXED64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_FIXED64,
    }
)
_FLOATS: Final = frozenset({FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE})
_DURATION: Final = r"^-?[0-9]+(\.[0-9]{1,9})?s$"
_VISIBLE: Final = r"^[!-~]*$"


def reference_to(full_name: str) -> Schema:
    """Return the schema that refers to a message or an enum."""
    return {"$ref": f"{_AT}{full_name}"}


def schema_of_enum(enum: EnumDescriptor, *, contract: Contract) -> Schema:
    """Return the schema of an enum: the names of its values."""
    values = [value.name for value in enum.values]
    described = [
        f"`{name}`: {comment}"
        for name in values
        if (comment := contract.comment(f"{enum.full_name}.{name}"))
    ]
    description = "\n\n".join(filter(None, [contract.comment(enum.full_name), *described]))
    return _described({"type": "string", "enum": values}, description)


def schema_of_message(message: Descriptor, *, contract: Contract) -> Schema:
    """Return the schema of a message; fields that it lacks are ignored, and none is required."""
    bounded = message.full_name in contract.requested
    properties = {
        field.json_name: _described(
            _of_field(field, bounded=bounded), contract.comment(field.full_name)
        )
        for field in message.fields
    }
    schema: Schema = {"type": "object"}
    if properties:
        schema["properties"] = properties
    exclusive = _exclusive(message)
    if exclusive:
        schema["allOf"] = exclusive
    return _described(schema, contract.comment(message.full_name))


def _exclusive(message: Descriptor) -> list[Schema]:
    """Return the schemas that allow at most one field of each `oneof`."""
    schemas = []
    for oneof in message.oneofs:
        names = [field.json_name for field in oneof.fields]
        if choice_of(oneof.fields[0]) is None:
            continue
        alternatives: list[Schema] = [{"required": [name]} for name in names]
        alternatives.append({"not": {"anyOf": [{"required": [name]} for name in names]}})
        schemas.append({"oneOf": alternatives})
    return schemas


def _of_field(field: FieldDescriptor, *, bounded: bool) -> Schema:
    bounds = declared(field) if bounded else None
    if is_map(field):
        _, value = halves_of(field)
        half = None if bounds is None else expanded(bounds.value)
        schema: Schema = {"type": "object", "additionalProperties": _of_value(value, half)}
        if bounds is not None:
            schema["maxProperties"] = bounds.max_pairs
        return schema
    if not field.is_repeated:
        return _of_value(field, bounds)
    schema = {"type": "array", "items": _of_value(field, bounds)}
    if bounds is not None:
        schema["maxItems"] = bounds.max_items
    return schema


def _of_value(field: FieldDescriptor, bounds: Bounds | None) -> Schema:
    if field.enum_type is not None:
        return _of_enum(field.enum_type, bounds)
    if is_time(field):
        return _of_time(field)
    if field.message_type is not None:
        return reference_to(field.message_type.full_name)
    return _of_scalar(field, bounds)


def _of_scalar(field: FieldDescriptor, bounds: Bounds | None) -> Schema:
    if field.type == FieldDescriptor.TYPE_STRING:
        return {"type": "string", **_bounds_of_text(bounds)}
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64", **_bounds_of_bytes(bounds)}
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"type": "boolean"}
    return _of_number(field, bounds)


def _of_enum(enum: EnumDescriptor, bounds: Bounds | None) -> Schema:
    schema = reference_to(enum.full_name)
    if bounds is not None and bounds.values == Bounds.VALUES_SPECIFIED:
        schema["not"] = {"const": enum.values_by_number[0].name}
    return schema


def _of_time(field: FieldDescriptor) -> Schema:
    if field.message_type is not None and field.message_type.name == "Duration":
        return {"type": "string", "pattern": _DURATION}
    return {"type": "string", "format": "date-time"}


def _bounds_of_text(bounds: Bounds | None) -> Mapping[str, Any]:
    if bounds is None:
        return {}
    visible = {"pattern": _VISIBLE} if bounds.visible_ascii else {}
    return {"maxLength": bounds.max_chars, **visible}


def _bounds_of_bytes(bounds: Bounds | None) -> Mapping[str, Any]:
    # Four characters of base64 for three bytes.
    return {} if bounds is None else {"maxLength": -(-bounds.max_bytes // 3) * 4}


def _of_number(field: FieldDescriptor, bounds: Bounds | None) -> Schema:
    if field.type in _FLOATS:
        return {"type": ["number", "string"]}
    low, high = INTEGERS[field.type]
    if bounds is not None and not bounds.opaque:
        low, high = bounds.min, bounds.max
    unsigned = low >= 0
    if field.type in _LONG:
        return {
            "type": "string",
            "format": "uint64" if INTEGERS[field.type][0] == 0 else "int64",
            "pattern": r"^[0-9]+$" if unsigned else r"^-?[0-9]+$",
        }
    return {"type": "integer", "format": "int32", "minimum": low, "maximum": high}


def _described(schema: Schema, text: str) -> Schema:
    return {**schema, "description": text} if text else schema
