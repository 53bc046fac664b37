"""Example requests: short, within the declared bounds, with values that a reader recognises.

Values follow from names and bounds of fields. Flags, filters and fields with a default are left
out, so that a creating call succeeds without ids of other objects where the contract allows it.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from plexus.authz.v1.options_pb2 import Requirement
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexuskit.bounds.declared import declared, expanded, halves_of, is_map, is_time

from gateway.reference.contract import Contract, Method, choice_of
from gateway.reference.vocabulary import (
    ENUMS,
    KEPT,
    LATER,
    LEFT_OUT,
    NUMBERS,
    PAST,
    PREFIXES,
    TEXTS,
    ULID,
)

MAX_FIELDS: Final = 6
"""Fields of an example besides ids and the request id."""
MAX_LINE: Final = 64
"""Maximum characters of JSON on one line of an example."""
AHEAD: Final = timedelta(days=180)
"""Distance of the times of examples: within the year that the contract allows for most of them."""

_DEFAULT: Final = re.compile(
    r"^(?:Empty|Unset|Unspecified|Without|Only|Needed for|Replaces all when)|(?:^|; )0(?::| means)"
    r"|(?:^|\. |; )[Ee]mpty:"
)
_READS: Final = frozenset({Requirement.EFFECT_UNSPECIFIED, Requirement.EFFECT_PRIVILEGED_READ})


class Examples:
    """Example requests of all methods."""

    def __init__(self, contract: Contract, *, now: datetime) -> None:
        """Set the contract and the reference time of the examples."""
        self._contract = contract
        self._soon = datetime.combine((now + AHEAD).date(), time(9), tzinfo=UTC)
        self._past = datetime.combine((now - AHEAD).date(), time(9), tzinfo=UTC)

    def request(self, method: Method) -> Message:
        """Return an example request of a method, within the bounds of its contract (GW-8)."""
        required = method.info.requirement
        named = frozenset({required.id, *(need.id for need in required.also)})
        reads = not required.public and required.effect in _READS
        building = _Building(
            self._contract,
            request_id=f"{_hyphenated(method.name)}-1",
            named=named,
            reads=reads,
            times=(self._past, self._soon),
        )
        return building.message(method.request, path="")


def json_of(message: Message) -> str:
    """Return the JSON form of a message, as Connect takes it; on several lines if it is long."""
    content: Mapping[str, Any] = json_format.MessageToDict(message)
    text = json.dumps(content, ensure_ascii=False)
    if len(text) <= MAX_LINE:
        return text
    return json.dumps(content, ensure_ascii=False, indent=2)


def curl_of(method: Method, request: Message) -> str:
    """Return the shell command that sends a request, with `PLEXUS_URL` and `TOKEN` of the shell."""
    required = method.info.requirement
    headers = ["-H 'Content-Type: application/json'"]
    if not required.public:
        headers.append('-H "Authorization: Bearer $TOKEN"')
    if required.needs_reason:
        headers.append("-H 'Plexus-Reason: Quarterly review'")
    lines = [
        f"curl {' '.join(headers)}",
        f"  --data {shlex.quote(json_of(request))}",
        f'  "$PLEXUS_URL{method.info.path}"',
    ]
    return " \\\n".join(lines)


class _Building:
    """Builds one request."""

    def __init__(
        self,
        contract: Contract,
        *,
        request_id: str,
        named: frozenset[str],
        reads: bool,
        times: tuple[datetime, datetime],
    ) -> None:
        """Set the properties of the request.

        Args:
            contract: comments, from which defaults are read.
            request_id: value of `request_id`.
            named: paths of the fields with the objects of the permission.
            reads: whether the method only reads, so that ids are filters.
            times: one before the request and one after it.
        """
        self._contract = contract
        self._request_id = request_id
        self._named = named
        self._reads = reads
        self._past, self._soon = times

    def message(self, descriptor: Descriptor, *, path: str) -> Message:
        """Return a message of a type; `path` leads to it from the request."""
        message = GetMessageClass(descriptor)()
        chosen: set[str] = set()
        for field in _in_order(descriptor):
            choice = choice_of(field)
            if choice is not None:
                if choice.name not in chosen:
                    self._set(message, field, path=path)
                chosen.add(choice.name)
            elif self._is_shown(field, message, path=path):
                self._set(message, field, path=path)
        return message

    def _is_shown(self, field: FieldDescriptor, message: Message, *, path: str) -> bool:
        names = _names(field)
        if not names.isdisjoint(KEPT):
            return True
        comment = self._contract.comment(field.full_name)
        if f"{path}{field.name}" in self._named:
            return not comment.startswith("Empty")
        if not names.isdisjoint(LEFT_OUT) or field.type == FieldDescriptor.TYPE_BOOL:
            return False
        if _is_id(field):
            return not (self._reads or _DEFAULT.search(comment))
        if field.name in {"request_id", "page_size"}:
            return True
        count = sum(_is_content(each) for each, _ in message.ListFields())
        room = MAX_FIELDS if not _is_nested(field) else 1
        return count < room and not _DEFAULT.search(comment)

    def _set(self, message: Message, field: FieldDescriptor, *, path: str) -> None:
        bounds = declared(field)
        if is_map(field):
            key, value = halves_of(field)
            pairs: Any = getattr(message, field.name)
            name = self._value(key, expanded(bounds.key))
            pairs[name] = self._value(value, expanded(bounds.value))
        elif is_time(field):
            seconds = int(self._time(field).timestamp())
            within = min(max(seconds, bounds.min_seconds), bounds.max_seconds)
            getattr(message, field.name).seconds = within
        elif field.message_type is not None:
            built = self.message(field.message_type, path=f"{path}{field.name}.")
            if field.is_repeated:
                getattr(message, field.name).append(built)
            else:
                getattr(message, field.name).CopyFrom(built)
        elif field.is_repeated:
            getattr(message, field.name).append(self._value(field, bounds))
        else:
            setattr(message, field.name, self._value(field, bounds))

    def _time(self, field: FieldDescriptor) -> datetime:
        if field.name in PAST:
            return self._past
        return self._soon + timedelta(days=7) if field.name in LATER else self._soon

    def _value(self, field: FieldDescriptor, bounds: Bounds) -> str | bytes | int | bool:
        if field.enum_type is not None:
            return _number_of_enum(field)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field, bounds)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b"example"[: bounds.max_bytes]
        if field.type == FieldDescriptor.TYPE_BOOL:
            return True
        number = NUMBERS.get(field.name, 1)
        return number if bounds.opaque else min(max(number, bounds.min), bounds.max)

    def _text(self, field: FieldDescriptor, bounds: Bounds) -> str:
        if field.name == "request_id":
            return self._request_id
        text = TEXTS.get(_qualified(field)) or TEXTS.get(field.name)
        if text is None:
            text = _id(field) if _is_id(field) else "example"
        return text[: min(bounds.max_chars, bounds.max_bytes)]


def _in_order(descriptor: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield single values first: a nested message is shown only if they are not enough."""
    yield from (field for field in descriptor.fields if not _is_nested(field))
    yield from (field for field in descriptor.fields if _is_nested(field))


def _qualified(field: FieldDescriptor) -> str:
    message: Any = field.containing_type
    return f"{message.name}.{field.name}"


def _names(field: FieldDescriptor) -> frozenset[str]:
    return frozenset({field.name, _qualified(field)})


def _number_of_enum(field: FieldDescriptor) -> int:
    enum: Any = field.enum_type
    name = ENUMS.get(_qualified(field))
    if name is not None:
        number: int = enum.values_by_name[name].number
        return number
    return next((number for number in sorted(enum.values_by_number) if number > 0), 0)


def _id(field: FieldDescriptor) -> str:
    noun = field.name.removesuffix("s").removesuffix("_id").rpartition("_")[2]
    return f"{PREFIXES.get(noun, noun[:3])}_{ULID}"


def _is_id(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and declared(field).visible_ascii


def _is_content(field: FieldDescriptor) -> bool:
    return not (_is_id(field) or field.name == "request_id")


def _is_nested(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not is_time(field)


def _hyphenated(name: str) -> str:
    letters = (f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return "".join(letters).lstrip("-")
