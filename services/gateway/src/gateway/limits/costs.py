"""Requests that act on many objects at once, and their cost in calls (GW-13)."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from plexuskit.grpc import MethodInfo

from gateway.limits.classes import MethodClass
from gateway.limits.counting import counted

_MESSAGING: Final = "/plexus.messaging.v1.MessagingService"
# Methods of which each entry of a field counts as a call.
COUNTED: Final[Mapping[str, str]] = {
    f"{_MESSAGING}/SendMessages": "items",
    f"{_MESSAGING}/ForwardMessages": "seqs",
    f"{_MESSAGING}/AdvanceCursors": "advances",
}
# Fields of changes that name people or departments; an owner reads and writes for each of them.
NAMED: Final = frozenset(
    {
        "person_ids",
        "member_ids",
        "assignee_ids",
        "add_ids",
        "remove_ids",
        "add_member_ids",
        "remove_member_ids",
        "child_ids",
        "except_department_ids",
    }
)
NAMED_PER_ITEM: Final = 50
ANSWER_BYTES_OF_A_CALL: Final = 32 * 1024
"""Bytes of an answer that cost its owner and this process as much as one more call."""


def items_of(method: MethodInfo, kind: MethodClass, request: bytes, *, maximum: int) -> int:
    """Return the number of items in a request, at most `maximum`; 0 if it has none."""
    name = COUNTED.get(method.path)
    if name is not None:
        field = method.request_class.DESCRIPTOR.fields_by_name[name]
        packed = field.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE
        return counted(request, field.number, maximum=maximum, packed=packed)
    if kind is not MethodClass.CHANGE:
        return 0
    named = sum(
        counted(request, number, maximum=maximum * NAMED_PER_ITEM, packed=False)
        for number in _naming_fields(method.request_class.DESCRIPTOR)
    )
    return min(-(-named // NAMED_PER_ITEM), maximum)


@cache
def _naming_fields(request: Descriptor) -> tuple[int, ...]:
    return tuple(
        field.number
        for field in request.fields
        if field.name in NAMED and field.type == FieldDescriptor.TYPE_STRING
    )
