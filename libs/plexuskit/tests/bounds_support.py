"""A contract with every kind of field, messages around its bounds, and a slow reference check."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, timestamp_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from plexus.bounds.v1 import bounds_pb2
from plexus.bounds.v1.bounds_pb2 import Bounds
from plexuskit.bounds.declared import FLOATS, INTEGERS, declared, expanded, is_map

Field = descriptor_pb2.FieldDescriptorProto

PACKAGE: Final = "plexuskit.tests.bounds"
_IMPORTS: Final = (
    bounds_pb2.DESCRIPTOR.name,
    timestamp_pb2.DESCRIPTOR.name,
    duration_pb2.DESCRIPTOR.name,
)


def field(
    name: str,
    kind: int,
    bounds: Bounds | None = None,
    *,
    type_name: str = "",
    repeated: bool = False,
    optional: bool = False,
) -> Field:
    """Return the description of a field; `optional` gives it presence."""
    made = Field(
        name=name,
        type=kind,  # type: ignore[arg-type]  # the stub wants the enum, descriptors give numbers
        label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL,
    )
    if type_name:
        made.type_name = type_name
    if optional:
        made.proto3_optional = True
    if bounds is not None:
        made.options.Extensions[bounds_pb2.field].CopyFrom(bounds)
    return made


def contract(name: str, **messages: Sequence[Field]) -> dict[str, Descriptor]:
    """Return the descriptors of messages with these fields, in a package of their own."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}/{name}.proto",
        package=f"{PACKAGE}.{name}",
        syntax="proto3",
        dependency=_IMPORTS,
    )
    for message, fields in messages.items():
        made = file.message_type.add(name=message)
        for number, described in enumerate(fields, start=1):
            placed = made.field.add()
            placed.CopyFrom(described)
            placed.number = number
            if placed.proto3_optional:
                placed.oneof_index = len(made.oneof_decl)
                made.oneof_decl.add(name=f"_{placed.name}")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())  # type: ignore[no-untyped-call]
    return {
        message: pool.FindMessageTypeByName(f"{PACKAGE}.{name}.{message}") for message in messages
    }


def violations(message: Message) -> Iterator[str]:
    """Yield the path of every field outside its bounds, by a deliberately simple check."""
    for described in message.DESCRIPTOR.fields:
        bounds, value = declared(described), getattr(message, described.name)
        if is_map(described):
            paths = _of_pairs(described, bounds, value)
        elif described.is_repeated:
            paths = _of_elements(described, bounds, value)
        elif _is_set(message, described):
            paths = _of_value(described, bounds, value)
        else:
            continue
        yield from (f"{described.name}{path}" for path in paths)


def _of_pairs(described: FieldDescriptor, bounds: Bounds, pairs: Any) -> Iterator[str]:
    entry = described.message_type
    assert entry is not None
    key, content = entry.fields_by_name["key"], entry.fields_by_name["value"]
    if len(pairs) > bounds.max_pairs:
        yield ""
    for name in pairs:
        yield from (f"{{}}{path}" for path in _of_value(key, expanded(bounds.key), name))
        found = _of_value(content, expanded(bounds.value), pairs[name])
        yield from (f"{{}}{path}" for path in found)


def _of_elements(described: FieldDescriptor, bounds: Bounds, elements: Any) -> Iterator[str]:
    size = sum(len(element.SerializeToString()) for element in elements if bounds.max_items_bytes)
    if len(elements) > bounds.max_items or size > bounds.max_items_bytes > 0:
        yield ""
    for index, element in enumerate([] if bounds.each_apart else elements):
        yield from (f"[{index}]{path}" for path in _of_value(described, bounds, element))


def _is_set(message: Message, described: FieldDescriptor) -> bool:
    if described.has_presence:
        return message.HasField(described.name)
    return bool(getattr(message, described.name) != described.default_value)


def _of_value(described: FieldDescriptor, bounds: Bounds, value: Any) -> Iterator[str]:
    wrong = False
    if described.type == FieldDescriptor.TYPE_STRING:
        wrong = len(value) > bounds.max_chars or len(value.encode()) > bounds.max_bytes
        if bounds.visible_ascii:
            wrong |= any(not "!" <= character <= "~" for character in value)
    elif described.type == FieldDescriptor.TYPE_BYTES:
        wrong = len(value) > bounds.max_bytes
    elif described.type == FieldDescriptor.TYPE_ENUM:
        assert described.enum_type is not None
        wrong = value not in [known.number for known in described.enum_type.values]
        wrong |= bounds.values == Bounds.VALUES_SPECIFIED and value == 0
    elif described.type in INTEGERS:
        wrong = not bounds.opaque and (value < bounds.min or value > bounds.max)
    elif described.type in FLOATS:
        wrong = not bounds.min <= value <= bounds.max
    elif described.type == FieldDescriptor.TYPE_MESSAGE:
        assert described.message_type is not None
        if described.message_type.full_name in {
            "google.protobuf.Timestamp",
            "google.protobuf.Duration",
        }:
            wrong = value.seconds < bounds.min_seconds or value.seconds > bounds.max_seconds
            wrong |= value.nanos < 0 or value.nanos > 999_999_999
        else:
            yield from (f".{path}" for path in violations(value))
    if wrong:
        yield ""


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor) -> Message:
    """Draw a message whose values are inside, at and outside their bounds."""
    message: Any = GetMessageClass(descriptor)()
    for described in descriptor.fields:
        if not draw(st.booleans()):
            continue
        bounds = declared(described)
        target = getattr(message, described.name)
        if is_map(described):
            assert described.message_type is not None
            halves = described.message_type.fields_by_name
            keys = _values(halves["key"], expanded(bounds.key))
            contents = _values(halves["value"], expanded(bounds.value))
            target.update(draw(st.dictionaries(keys, contents, max_size=bounds.max_pairs + 1)))
        elif described.is_repeated:
            count = draw(st.integers(0, min(bounds.max_items + 1, 6)))
            for _ in range(count):
                _append(target, draw(_values(described, bounds)))
        else:
            _set(message, described, draw(_values(described, bounds)))
    return message  # type: ignore[no-any-return]


def _append(target: Any, value: Any) -> None:
    if isinstance(value, Message):
        target.add().CopyFrom(value)
    else:
        target.append(value)


def _set(message: Any, described: FieldDescriptor, value: Any) -> None:
    if isinstance(value, Message):
        getattr(message, described.name).CopyFrom(value)
    else:
        setattr(message, described.name, value)


def _values(described: FieldDescriptor, bounds: Bounds) -> st.SearchStrategy[Any]:
    if described.type in FLOATS:
        edges = [float("nan"), float("inf"), -float("inf"), bounds.min - 0.5, bounds.max + 0.5]
        return st.floats(bounds.min, bounds.max, width=32) | st.sampled_from(edges)
    if described.type in INTEGERS:
        low, high = INTEGERS[described.type]
        near = {bounds.min - 1, bounds.min, bounds.max, bounds.max + 1, low, high, 0}
        return st.sampled_from(sorted(value for value in near if low <= value <= high))
    if described.type == FieldDescriptor.TYPE_MESSAGE:
        return _nested(described, bounds)
    return {
        FieldDescriptor.TYPE_STRING: _texts(bounds),
        FieldDescriptor.TYPE_BYTES: st.sampled_from(
            [0, bounds.max_bytes, bounds.max_bytes + 1]
        ).map(bytes),
        FieldDescriptor.TYPE_ENUM: st.integers(-2, 6),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
    }[described.type]


def _nested(described: FieldDescriptor, bounds: Bounds) -> st.SearchStrategy[Any]:
    child = described.message_type
    assert child is not None
    if not child.full_name.startswith("google.protobuf."):
        return messages(child)
    seconds = st.sampled_from(
        [
            bounds.min_seconds - 1,
            bounds.min_seconds,
            0,
            bounds.max_seconds,
            bounds.max_seconds + 1,
            2**63 - 1,
            -(2**63),
        ]
    )
    nanos = st.sampled_from([0, -1, 1, 999_999_999, 1_000_000_000, -(2**31), 2**31 - 1])
    return st.builds(GetMessageClass(child), seconds=seconds, nanos=nanos)


def _texts(bounds: Bounds) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"])
    short = st.text(characters | st.sampled_from(" ~!\x7f"), max_size=6)
    edges = [
        letter * count
        for letter in "aé好😀"
        for count in (
            bounds.max_chars,
            bounds.max_chars + 1,
            bounds.max_bytes // len(letter.encode()),
            bounds.max_bytes // len(letter.encode()) + 1,
        )
    ]
    assert all(unicodedata.is_normalized("NFC", edge) for edge in edges)
    return short | st.sampled_from(edges)
