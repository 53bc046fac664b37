"""The public part of the contracts with its comments: all that the API reference describes.

Read from the descriptors; the comments come from a file that is generated beside them, because
descriptors lack comments at run time. Methods that only services call are left out (GW-1).
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from plexuskit.bounds.declared import halves_of, is_map
from plexuskit.grpc import MethodInfo, requirements

_RULE: Final = r"[A-Z]{2,4}-\d+"
# References to rules of the product, which readers of the reference do not have.
_RULES: Final = re.compile(rf"\s*\({_RULE}(?:(?:, | and | to ){_RULE})*\)")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")

Names = Mapping[str, str]
"""Texts by full name."""


@dataclass(frozen=True, slots=True)
class Method:
    """A public method.

    Attributes:
        info: requirement, messages and streaming kind.
        comment: description in the contract.
    """

    info: MethodInfo
    comment: str

    @property
    def name(self) -> str:
        """Name within the service, for example `CreateTask`."""
        return self.info.path.rpartition("/")[2]

    @property
    def summary(self) -> str:
        """First sentence of the comment."""
        return _SENTENCE.split(self.comment, maxsplit=1)[0]

    @property
    def details(self) -> str:
        """Rest of the comment; empty if it has one sentence."""
        return self.comment[len(self.summary) :].strip()

    @property
    def request(self) -> Descriptor:
        """Type of the request."""
        return cast("Descriptor", self.info.request_class.DESCRIPTOR)

    @property
    def response(self) -> Descriptor:
        """Type of the response."""
        return cast("Descriptor", self.info.response_class.DESCRIPTOR)

    @property
    def is_stream(self) -> bool:
        """True if requests or responses are a stream."""
        return self.info.client_streaming or self.info.server_streaming


@dataclass(frozen=True, slots=True)
class Service:
    """A contract service with its public methods, in the order of the contract."""

    full_name: str
    comment: str
    methods: tuple[Method, ...]

    @property
    def name(self) -> str:
        """Name without its package, for example `TasksService`."""
        return self.full_name.rpartition(".")[2]

    @property
    def owner(self) -> str:
        """Name of the Plexus service that owns the contract, for example `tasks`."""
        return self.methods[0].info.service

    @property
    def label(self) -> str:
        """Name that no other service has, for example `tasks.TasksService`."""
        return f"{self.owner}.{self.name}"


class Contract:
    """The public services, their messages and enums, and the comments of all of them."""

    def __init__(self) -> None:
        """Read the contracts. Raises UndeclaredMethod if one of them lacks a requirement."""
        self._comments: Names = _comments()

    def comment(self, full_name: str) -> str:
        """Return the comment of an element; empty if it has none."""
        return self._comments.get(full_name, "")

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Every service with a public method, in the order of their names."""
        methods: dict[str, list[Method]] = defaultdict(list)
        for path, info in requirements().items():
            if not info.requirement.internal:
                service, _, name = path[1:].partition("/")
                methods[service].append(Method(info, self.comment(f"{service}.{name}")))
        return tuple(
            Service(name, self.comment(name), tuple(methods[name])) for name in sorted(methods)
        )

    @property
    def methods(self) -> Iterator[Method]:
        """Every public method."""
        for service in self.services:
            yield from service.methods

    @cached_property
    def requested(self) -> frozenset[str]:
        """Full names of messages that are requests or parts of one, whose bounds are checked."""
        return frozenset(
            message.full_name
            for method in self.methods
            for message in messages_below(method.request)
        )


def messages_below(message: Descriptor) -> Iterator[Descriptor]:
    """Yield a message and every message of a contract that it can contain, each once."""
    seen = {message.full_name}
    waiting = [message]
    while waiting:
        current = waiting.pop(0)
        yield current
        for field in current.fields:
            child = value_of(field).message_type
            if child is not None and not is_well_known(child) and child.full_name not in seen:
                seen.add(child.full_name)
                waiting.append(child)


def enums_below(message: Descriptor) -> Iterator[EnumDescriptor]:
    """Yield every enum that a message can contain, each once."""
    seen: set[str] = set()
    for each in messages_below(message):
        for field in each.fields:
            enum = value_of(field).enum_type
            if enum is not None and enum.full_name not in seen:
                seen.add(enum.full_name)
                yield enum


def value_of(field: FieldDescriptor) -> FieldDescriptor:
    """Return the field of the values of a map; another field itself."""
    return halves_of(field)[1] if is_map(field) else field


def is_well_known(message: Descriptor) -> bool:
    """Return whether a message is one of protobuf's own, which has a JSON form of its own."""
    return message.full_name.startswith("google.protobuf.")


def choice_of(field: FieldDescriptor) -> Any:
    """Return the `oneof` of a field; None for a field that is set on its own."""
    oneof: Any = field.containing_oneof
    # The compiler makes one for each `optional` field.
    return None if oneof is None or oneof.name.startswith("_") else oneof


def is_optional(field: FieldDescriptor) -> bool:
    """Return whether a single value distinguishes unset from its default (`optional`)."""
    return field.containing_oneof is not None and choice_of(field) is None


def _comments() -> Names:
    text = files("plexus").joinpath("comments.json").read_text(encoding="utf-8")
    return {name: _RULES.sub("", comment) for name, comment in json.loads(text).items()}
