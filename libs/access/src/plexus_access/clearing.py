"""Removal of hidden columns from messages, and refusal of requests that set them (GW-3).

One mechanism for responses, events and requests, driven by the contracts alone. It costs nothing
for people without masks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from plexus_access.columns import columns_of, encoded_in, message_named, named, touched_by
from plexus_access.masks import Masks
from plexus_access.refusals import FieldMasked

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE
_KEPT: Final = 256


@dataclass(frozen=True, slots=True)
class _Plan:
    """Fields of one message type that are cleared or searched for hidden fields.

    Attributes:
        hidden: fields that are cleared whatever they hold.
        by_value: fields with the columns that depend on another field's value.
        inside: fields whose messages may have something hidden.
        encoded: fields of bytes with the name of the message that they encode.
    """

    hidden: frozenset[str]
    by_value: tuple[tuple[str, str], ...]
    inside: frozenset[str]
    encoded: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return bool(self.hidden or self.by_value or self.inside or self.encoded)


class Clearing:
    """Clears the columns that one set of masks hides."""

    def __init__(self, masks: Masks) -> None:
        """Set the visible columns; `clearing_of` returns the instance for a set of masks."""
        self._masks = masks
        self._plans: dict[Descriptor, _Plan] = {}
        self._concerned: dict[Descriptor, bool] = {}

    def concerns(self, descriptor: Any) -> bool:
        """Return whether a message of a type could hold anything hidden."""
        known = self._concerned.get(descriptor)
        if known is None:
            known = self._concerned[descriptor] = any(
                self._here(each) for each in concerned(descriptor)
            )
        return known

    def clear(self, message: Any) -> None:
        """Clear the hidden fields of a message, of messages inside it and of those it encodes."""
        plan = self._plan(message.DESCRIPTOR)
        if not plan:
            return
        by_value = [
            name for name, column in plan.by_value if self._masks.hide(named(column, message))
        ]
        for name, template in plan.encoded:
            content = getattr(message, name)
            if content and name not in plan.hidden:
                setattr(message, name, self.encoded(named(template, message), content))
        for field, value in message.ListFields():
            if field.name in plan.hidden or field.name in by_value:
                message.ClearField(field.name)
            elif field.name in plan.inside:
                for each in messages_of(field, value):
                    self.clear(each)

    def encoded(self, name: str, content: bytes) -> bytes:
        """Return an encoded message without hidden fields; without all that cannot be decoded.

        Args:
            name: full name of the message.
            content: its bytes.
        """
        descriptor = message_named(name)
        if descriptor is None:
            return b""
        if not self.concerns(descriptor):
            return content
        try:
            message = GetMessageClass(descriptor).FromString(content)
        except DecodeError:
            return b""
        self.clear(message)
        return message.SerializeToString()

    def check(self, request: Any) -> None:
        """Check that a request neither writes, nor asks by, a hidden column.

        Raises:
            FieldMasked: it does, named by the first such column; nothing else was looked at.
        """
        for column in touched_by(request.DESCRIPTOR):
            self._refuse(column)
        for field, value in request.ListFields():
            for column in columns_of(field):
                self._refuse(named(column, request))
            if field.type == _MESSAGE:
                for each in messages_of(field, value):
                    self.check(each)

    def first_hidden(self, descriptor: Any) -> str:
        """Return the first hidden column that a request of a type could hold; empty for none."""
        for each in concerned(descriptor):
            columns = [*touched_by(each)]
            columns += [column for field in each.fields for column in columns_of(field)]
            for column in columns:
                if self._masks.hide(column):
                    return column
        return ""

    def _refuse(self, column: str) -> None:
        if self._masks.hide(column):
            raise FieldMasked(field=column)

    def _here(self, descriptor: Descriptor) -> bool:
        return any(
            encoded_in(field)
            or any("{" in column or self._masks.hide(column) for column in columns_of(field))
            for field in descriptor.fields
        )

    def _plan(self, descriptor: Descriptor) -> _Plan:
        plan = self._plans.get(descriptor)
        if plan is None:
            plan = self._plans[descriptor] = self._made(descriptor)
        return plan

    def _made(self, descriptor: Descriptor) -> _Plan:
        fields = {field.name: columns_of(field) for field in descriptor.fields}
        return _Plan(
            hidden=frozenset(
                name
                for name, columns in fields.items()
                if any("{" not in each and self._masks.hide(each) for each in columns)
            ),
            by_value=tuple(
                (name, each) for name, columns in fields.items() for each in columns if "{" in each
            ),
            inside=frozenset(
                field.name
                for field in descriptor.fields
                if field.type == _MESSAGE and self.concerns(field.message_type)
            ),
            encoded=tuple(
                (field.name, encoded_in(field)) for field in descriptor.fields if encoded_in(field)
            ),
        )


@lru_cache(maxsize=_KEPT)
def clearing_of(masks: Masks) -> Clearing:
    """Return the clearing of a set of masks; many people share the same one."""
    return Clearing(masks)


def cleared(message_class: type[Message], content: bytes, masks: Masks) -> bytes:
    """Return an encoded message without its hidden fields.

    Args:
        message_class: type of the message.
        content: its bytes.
        masks: visible columns, by message.

    Raises:
        DecodeError: the bytes are no such message.
    """
    if not masks:
        return content
    clearing = clearing_of(masks)
    if not clearing.concerns(message_class.DESCRIPTOR):
        return content
    message = message_class.FromString(content)
    clearing.clear(message)
    return message.SerializeToString()


def concerned(descriptor: Any) -> Iterator[Any]:
    """Return every message that one of a type can hold, its own included."""
    seen: set[Any] = set()
    waiting = [descriptor]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        yield each
        waiting += [field.message_type for field in each.fields if field.type == _MESSAGE]


def messages_of(field: Any, value: Any) -> list[Any]:
    """Return the messages in the value of a field of messages: of a map, a list, or the one."""
    if field.message_type.GetOptions().map_entry:
        return [each for each in value.values() if hasattr(each, "DESCRIPTOR")]
    return list(value) if field.is_repeated else [value]
