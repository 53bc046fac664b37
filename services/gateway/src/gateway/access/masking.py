"""Columns that a role does not show leave the answer here, whatever service gave it (GW-3)."""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from plexus_access.masks import Masks
from plexuskit.grpc import MethodInfo

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE


class Masking:
    """Clears columns; answers that cannot hold a masked message are never looked into."""

    def __init__(self) -> None:
        self._held: dict[Any, frozenset[str]] = {}

    def masked(self, method: MethodInfo, response: bytes, masks: Masks) -> bytes:
        """Return an answer without the columns that are not shown.

        Args:
            method: what was called.
            response: what its owner answered.
            masks: what is shown, by message.

        Raises:
            DecodeError: the answer is not what its contract says.
        """
        descriptor = method.response_class.DESCRIPTOR
        if not any(name in self._messages_in(descriptor) for name, _ in masks.items()):
            return response
        answer: Any = method.response_class.FromString(response)
        if answer is None:
            raise DecodeError(method.path)
        _clear(answer, dict(masks.items()))
        cleared: bytes = answer.SerializeToString()
        return cleared

    def _messages_in(self, descriptor: Any) -> frozenset[str]:
        """Return full names of every message that one of a type can hold, its own included."""
        held = self._held.get(descriptor)
        if held is None:
            held = self._held[descriptor] = frozenset(_names(descriptor, set()))
        return held


def _names(descriptor: Any, seen: set[str]) -> Iterator[str]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    yield descriptor.full_name
    for field in descriptor.fields:
        if field.type == _MESSAGE:
            yield from _names(field.message_type, seen)


def _clear(message: Any, shown: dict[str, frozenset[str]]) -> None:
    fields = shown.get(message.DESCRIPTOR.full_name)
    for field, value in message.ListFields():
        if fields is not None and field.name not in fields:
            message.ClearField(field.name)
        elif field.type == _MESSAGE:
            for each in _each(field, value):
                _clear(each, shown)


def _each(field: Any, value: Any) -> list[Any]:
    if field.message_type.GetOptions().map_entry:
        return [each for each in value.values() if hasattr(each, "DESCRIPTOR")]
    return list(value) if field.is_repeated else [value]
