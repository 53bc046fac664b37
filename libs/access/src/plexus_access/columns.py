"""Columns of the contracts: which roles show them, and which fields hold copies of them (GW-3).

Read from the options of `plexus/columns/v1/columns.proto`, so that a new method or fact is covered
by its contract alone. A column is named `<full name of its message>.<field>`.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexus.columns.v1 import columns_pb2
from plexus.columns.v1.columns_pb2 import Columns
from plexuskit.grpc.methods import requirements

EVERY: Final = "*"
"""In place of a field: every field of the message."""

IDENTIFYING: Final = frozenset(
    {"id", "tenant_id", "version", "change_no", "request_id", "conversation_id", "seq"}
)
"""Fields that name an object or count its changes: no copies where two messages both have them."""


@cache
def relation_of(descriptor: Descriptor) -> Columns:
    """Return a message's declarations about columns."""
    declared = Columns()
    # A private copy: options of the pool are shared by the whole process.
    declared.CopyFrom(descriptor.GetOptions().Extensions[columns_pb2.columns])
    return declared


@cache
def read_with(message: str) -> str:
    """Return the permission that shows a message; empty where it is that of the call."""
    descriptor = message_named(message)
    return relation_of(descriptor).read_with if descriptor is not None else ""


@cache
def message_named(name: str) -> Descriptor | None:
    """Return a message of the contracts by its full name, None for another name."""
    # Loads every contract, so that the pool knows the messages of all services.
    requirements()
    try:
        found: Descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        return None
    return found


@cache
def columns_of(field: FieldDescriptor) -> tuple[str, ...]:
    """Return the columns that a field holds: its own, and those that it carries a copy of.

    One with `{name}` depends on the value of another field of the message.
    """
    message: Any = field.containing_type
    found = [f"{message.full_name}.{field.name}"]
    of = relation_of(message).of
    if of and field.name not in IDENTIFYING:
        original = message_named(of)
        if original is not None and field.name in original.fields_by_name:
            found.append(f"{of}.{field.name}")
    found += _each(field.GetOptions().Extensions[columns_pb2.carries])
    return tuple(found)


@cache
def touched_by(descriptor: Descriptor) -> tuple[str, ...]:
    """Return the columns that a request with a message always reads or changes."""
    return tuple(_each(relation_of(descriptor).touches))


def _each(columns: Iterable[str]) -> Iterator[str]:
    """Return columns with `.*` replaced by the columns of the message.

    Raises LookupError for a column that no contract has.
    """
    for column in columns:
        message, _, field = column.rpartition(".")
        descriptor = message_named(message)
        if descriptor is None or not (
            field == EVERY or "{" in field or field in descriptor.fields_by_name
        ):
            raise LookupError(f"{column} is in no contract")
        if field == EVERY:
            yield from (f"{message}.{each}" for each in descriptor.fields_by_name)
        else:
            yield column


@cache
def encoded_in(field: FieldDescriptor) -> str:
    """Return the message that the bytes of a field encode, or `{name}`; empty for none."""
    name: str = field.GetOptions().Extensions[columns_pb2.encodes]
    return name


def named(template: str, message: Any) -> str:
    """Return a name with the value of the field that it takes its end from.

    Args:
        template: for example `plexus.tasks.v1.Task.{field}`.
        message: the message that has the field.
    """
    head, _, rest = template.partition("{")
    if not rest:
        return template
    value = str(getattr(message, rest.rstrip("}")))
    return f"{head}{value}"
