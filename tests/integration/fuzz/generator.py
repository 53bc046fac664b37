"""Requests generated from descriptors: mostly valid, with a few mutations."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from . import wire

INTEGERS: Final = (
    *(0, 1, -1, 2, 7, 31, 100, 1_000, 100_000, 2**31 - 1, 2**31, -(2**31), 2**32 - 1),
    *(
        2**53 - 1,
        2**53,
        2**62,
        2**63 - 1,
        -(2**63),
        253_402_300_799,
        253_402_300_800,
        -62_135_596_801,
    ),
)
TEXTS: Final = (
    *(
        "",
        " ",
        "a",
        "\0",
        "a\0b",
        "\r\n",
        "\u202eabc\u202c",
        "\ufeff",
        "\U0010ffff",
        "\ufffe",
        "\u2028",
    ),
    *(
        "e\u0301" * 40,
        "\u0301" * 200,
        "👩‍👩‍👧‍👦" * 30,
        "ﷺ" * 60,
        "İ" * 70,
        "$where",
        "$ne",
        "a.b",
        "__proto__",
    ),
    *(
        "{{}}",
        "%s%n",
        "../../etc/passwd",
        "a" * 129,
        "a" * 257,
        "字" * 257,
        "a" * 1_000,
        "x" * 5_000,
    ),
    *("2026-02-30", "0000-00-00", "25:61", "-1", "1e309", "NaN", "[[[[", "```\n" * 50, "**a" * 300),
    *(
        "http://[::1",
        "javascript:alert(1)",
        "mailto:",
        "data:,x",
        "https://" + "a" * 3_000,
        "Asia/Nowhere",
    ),
)
BAD_UTF8: Final = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"abc\xe5\xad", b"\xf5\x80\x80\x80")
JSON_VALUES: Final = (
    *(None, True, -1, 1.5, 1e308, 2**70, -(2**70), "", "a\0b", "\ud800", "x" * 5_000, "字" * 300),
    *(
        [],
        {},
        [None],
        [[[[[]]]]],
        {"a": {"a": {"a": {}}}},
        "9999-12-31T23:59:60Z",
        "0001-01-01T00:00:00Z",
    ),
    *(
        "1970-01-01T00:00:00.0000000001Z",
        "-1",
        "1e5",
        "NaN",
        "Infinity",
        "AAAA===",
        "KIND_NOT_THERE",
    ),
)
_UNKNOWN: Final = (99, 1_000, 18_999, 2**29 - 1)
_MAX_DEPTH: Final = 4
# One request in this many is large: most faults need no more than a few bytes.
_LARGE_EVERY: Final = 60
_LARGE_BYTES: Final = 300_000

Pool = Mapping[str, Sequence[Any]]
Chunk = tuple[FieldDescriptor, bytes]


class Generator:
    """Generator of the requests of one method; the same seed gives the same requests."""

    def __init__(self, seed: str, *, pool: Pool) -> None:
        """Create a generator.

        Args:
            seed: of the random numbers.
            pool: valid values by `Message.field` or by the name of the field.
        """
        self._random = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._pool = pool

    def message(self, descriptor: Descriptor) -> bytes:
        """Return a serialized request: valid, or with some of its parts mutated."""
        content = self._small(descriptor)
        if self._random.randrange(_LARGE_EVERY) == 0:
            content += self._large(descriptor)
        return content

    def _small(self, descriptor: Descriptor) -> bytes:
        chunks = self._chunks(descriptor, depth=0)
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 3))):
            self._mutate(descriptor, chunks)
        content = b"".join(chunk for _, chunk in chunks)
        if self._random.random() < 0.06:
            content = self._damage(content)
        return content

    def chance(self, wanted: int, *, of: int) -> bool:
        """Return true with a probability of `wanted` in `of`."""
        return self._random.randrange(of) < wanted

    def number(self) -> int:
        """Return a random opaque number."""
        return self._random.getrandbits(64)

    def one(self, name: str) -> Any:
        """Return a valid value of the pool."""
        return self._random.choice(self._pool[name])

    def json(self, message_class: type[Message]) -> bytes:
        """Return a request as JSON, or as malformed JSON."""
        message = message_class()
        try:
            message.ParseFromString(self._small(message_class.DESCRIPTOR))
        except DecodeError:
            message.ParseFromString(
                b"".join(c for _, c in self._chunks(message.DESCRIPTOR, depth=0))
            )
        try:
            content: Any = json_format.MessageToDict(message)
        except (
            json_format.Error,
            ValueError,
            TypeError,
            OverflowError,
        ):  # times that JSON cannot express
            content = {}
        for _ in range(self._random.choice((0, 1, 1, 2))):
            content = self._mutate_json(content, message.DESCRIPTOR)
        if isinstance(content, dict) and self._random.randrange(_LARGE_EVERY) == 0:
            content = content | {self._json_name(message.DESCRIPTOR): self._large_json()}
        text = json.dumps(content, ensure_ascii=self._random.random() < 0.5)
        written = text.encode(errors="surrogatepass")
        if self._random.random() < 0.08:
            written = self._damage(written)
        return written

    def _chunks(self, descriptor: Descriptor, *, depth: int) -> list[Chunk]:
        """Return the serialized fields of a mostly valid message."""
        chosen: dict[str, FieldDescriptor] = {}
        for field in descriptor.fields:
            key = field.containing_oneof.full_name if field.containing_oneof else field.full_name
            if key not in chosen or self._random.random() < 0.3:
                chosen[key] = field
        share = 0.9 if depth == 0 else 0.6
        return [
            (field, self._value(field, depth=depth))
            for field in chosen.values()
            if self._random.random() < share
            for _ in range(self._random.choice((1, 1, 2, 3)) if field.is_repeated else 1)
        ]

    def _value(self, field: FieldDescriptor, *, depth: int) -> bytes:
        """Return a valid value of a field, as far as the descriptor and the pool allow."""
        if field.message_type is not None:
            return wire.of_bytes(field.number, self._nested(field.message_type, depth=depth + 1))
        known = self._known(field)
        if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
            text = self._random.choice(known) if known else self._random.choice(("x", "hello", ""))
            if callable(text):
                text = text()
            return wire.of_bytes(field.number, text.encode() if isinstance(text, str) else text)
        if field.enum_type is not None:
            number = self._random.choice(field.enum_type.values).number
        else:
            numbers = [value for value in known if isinstance(value, int)]
            number = self._random.choice(numbers or (0, 1, 2, 5))
        return self._number(field, number)

    def _nested(self, descriptor: Descriptor, *, depth: int) -> bytes:
        if depth > _MAX_DEPTH:
            return b""
        if descriptor.full_name == "google.protobuf.Timestamp":
            return wire.of_varint(1, self._random.choice(self._pool["seconds"]))
        return b"".join(chunk for _, chunk in self._chunks(descriptor, depth=depth))

    def _known(self, field: FieldDescriptor) -> Sequence[Any]:
        own = f"{field.containing_type.name}.{field.name}" if field.containing_type else ""
        return self._pool.get(own) or self._pool.get(field.name) or ()

    def _number(self, field: FieldDescriptor, value: int) -> bytes:
        if field.type in {FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_SFIXED32}:
            return wire.of_fixed(field.number, value, size=4)
        if field.type in {FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}:
            return wire.of_fixed(field.number, value, size=8)
        return wire.of_varint(field.number, value)

    def _mutate(self, descriptor: Descriptor, chunks: list[Chunk]) -> None:
        """Apply one mutation."""
        if not descriptor.fields:
            return
        field = self._random.choice(descriptor.fields)
        mutations: tuple[Callable[[FieldDescriptor], bytes], ...] = (
            *(self._extreme, self._extreme, self._extreme, self._deep, self._many),
            *(self._wrong_type, self._bad_utf8, self._unknown),
        )
        mutation = self._random.choice((*mutations, None))
        if mutation is None and chunks:
            # For a singular field the last one counts; for a repeated field each is an element.
            chunks.extend([self._random.choice(chunks)] * self._random.choice((1, 2, 20)))
        elif mutation is not None:
            chunks.append((field, mutation(field)))

    def _extreme(self, field: FieldDescriptor) -> bytes:
        if field.message_type is not None:
            if field.message_type.full_name == "google.protobuf.Timestamp":
                seconds, nanos = self._random.choice(INTEGERS), self._random.choice(INTEGERS)
                return wire.of_bytes(
                    field.number, wire.of_varint(1, seconds) + wire.of_varint(2, nanos)
                )
            return wire.of_bytes(field.number, b"")
        if field.type == FieldDescriptor.TYPE_STRING:
            return wire.of_bytes(field.number, self._random.choice(TEXTS).encode())
        if field.type == FieldDescriptor.TYPE_BYTES:
            return wire.of_bytes(
                field.number, self._random.randbytes(self._random.choice((0, 3, 4_000)))
            )
        return self._number(field, self._random.choice(INTEGERS))

    def _deep(self, field: FieldDescriptor) -> bytes:
        """Mutate a nested message."""
        if field.message_type is None or not field.message_type.fields:
            return self._extreme(field)
        chunks = self._chunks(field.message_type, depth=1)
        self._mutate(field.message_type, chunks)
        return wire.of_bytes(field.number, b"".join(chunk for _, chunk in chunks))

    def _many(self, field: FieldDescriptor) -> bytes:
        count = self._random.choice((20, 101, 257, 1_001))
        return b"".join(self._value(field, depth=_MAX_DEPTH) for _ in range(count))

    def _wrong_type(self, field: FieldDescriptor) -> bytes:
        made = (
            wire.of_varint(field.number, self._random.choice(INTEGERS)),
            wire.of_fixed(field.number, self._random.choice(INTEGERS), size=4),
            wire.of_fixed(field.number, self._random.choice(INTEGERS), size=8),
            wire.of_bytes(field.number, b"\x08\x96\x01"),
            wire.nested_groups(field.number, 3),
        )
        return self._random.choice(made)

    def _bad_utf8(self, field: FieldDescriptor) -> bytes:
        return wire.of_bytes(field.number, self._random.choice(BAD_UTF8))

    def _unknown(self, _: FieldDescriptor) -> bytes:
        number = self._random.choice(_UNKNOWN)
        made = (
            wire.of_varint(number, -1),
            wire.of_bytes(number, self._random.randbytes(200)),
            wire.of_fixed(number, 7, size=4),
            wire.nested_groups(number, self._random.choice((1, 90, 150, 1_000))),
        )
        return self._random.choice(made)

    def _damage(self, content: bytes) -> bytes:
        """Truncate a request or change some of its bytes."""
        if not content:
            return self._random.randbytes(40)
        if self._random.random() < 0.5:
            return content[: self._random.randrange(len(content))]
        damaged = bytearray(content)
        for _ in range(self._random.choice((1, 3, 10))):
            damaged[self._random.randrange(len(damaged))] = self._random.randrange(256)
        return bytes(damaged)

    def _large(self, descriptor: Descriptor) -> bytes:
        """Return a field that makes a request large."""
        number = self._random.choice((*(field.number for field in descriptor.fields), 1_000))
        made = (
            wire.of_bytes(number, b"x" * _LARGE_BYTES),
            wire.of_bytes(number, "字".encode() * (_LARGE_BYTES // 3)),
            wire.of_bytes(number, b"") * (_LARGE_BYTES // 2),
            wire.of_varint(number, 1) * (_LARGE_BYTES // 3),
        )
        return self._random.choice(made)

    def _json_name(self, descriptor: Descriptor) -> str:
        return self._random.choice([f.json_name for f in descriptor.fields] + ["unknown", ""])

    def _large_json(self) -> Any:
        """Return a value that makes JSON large: long, of many values, or both."""
        made = (
            "x" * _LARGE_BYTES,
            "字" * (_LARGE_BYTES // 3),
            [0] * (_LARGE_BYTES // 3),
            [{}] * (_LARGE_BYTES // 4),
            {str(number): "" for number in range(_LARGE_BYTES // 12)},
            [["x" * 1_000]] * (_LARGE_BYTES // 1_000),
        )
        return self._random.choice(made)

    def _mutate_json(self, content: Any, descriptor: Descriptor) -> Any:
        if not isinstance(content, dict):
            return self._random.choice(JSON_VALUES)
        name = self._json_name(descriptor)
        field = descriptor.fields_by_camelcase_name.get(name)
        inside = content.get(name)
        if field is not None and field.message_type is not None and isinstance(inside, dict):
            return content | {name: self._mutate_json(inside, field.message_type)}
        value = self._random.choice(JSON_VALUES)
        if isinstance(inside, list) and inside:
            value = [*inside, value] if self._random.random() < 0.7 else inside * 200
        return content | {name: value}
