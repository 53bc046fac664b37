"""Conversion between protobuf's JSON and its bytes: owners accept bytes only.

The library converts in pure Python, a few microseconds per value. So values are counted on the raw
bytes first, at the speed of C; a body with too many is refused before it is parsed, and one with
many is converted in a thread, one request at a time and people in turn: a thread releases the
interpreter every 5 ms, so the loop continues, slower. Values therefore count towards the caller's
rate too.
"""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import Message
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo

from gateway.connect.json_faults import fault_of
from gateway.connect.lane import Lane
from gateway.sizes import max_json_values

# Values converted on the loop itself: about 10 ms.
INLINE_VALUES: Final = 2_000
INLINE_ANSWER_BYTES: Final = 32 * 1024
# As much as one call more: some 5 ms.
VALUES_OF_A_CALL: Final = 1_000
ANSWER_BYTES_OF_A_CALL: Final = 64 * 1024

Charge = Callable[[int], None]
"""Charges this many further calls to the caller."""


class TooManyValues(Refusal):
    """The JSON of a request has more values than the method takes."""

    kind = Kind.INVALID
    text = "The body has more than {most} JSON values; send less at once."


class Converter:
    """Converts the requests and answers of all calls; close it at the end."""

    def __init__(self) -> None:
        self._lane = Lane("json")

    async def to_bytes(self, body: bytes, method: MethodInfo, *, who: str, charge: Charge) -> bytes:
        """Return the serialized request of a JSON body.

        Args:
            body: body of the request.
            method: the method, with its request type.
            who: the caller, who takes turns with others if much is converted.
            charge: charges the cost of the values before they are read.

        Raises:
            TooManyValues: refused before the body was read.
            JsonUnreadable: it is not a JSON form of the request.
            FieldUnknown, EnumValueUnknown: it names a field or value that the request lacks.
        """
        count = counted(body, maximum=max_json_values(method))
        charge(count // VALUES_OF_A_CALL)
        if count <= INLINE_VALUES:
            return _to_bytes(body, method.request_class)
        return await self._lane.run(who, _to_bytes, body, method.request_class)

    async def to_json(
        self, serialized: bytes, method: MethodInfo, *, who: str, charge: Charge
    ) -> bytes:
        """Return the JSON form of a serialized answer, on one line; see to_bytes."""
        charge(len(serialized) // ANSWER_BYTES_OF_A_CALL)
        if len(serialized) <= INLINE_ANSWER_BYTES:
            return _to_json(serialized, method.response_class)
        return await self._lane.run(who, _to_json, serialized, method.response_class)

    def close(self) -> None:
        """Accept no more work."""
        self._lane.close()


def counted(body: bytes, *, maximum: int) -> int:
    """Return an upper bound of the JSON values of a body, its objects and lists included.

    Characters of texts count only where that could refuse the body. A body of 4 MiB takes 6 ms, one
    made of nothing but escapes 60 ms.

    Raises:
        TooManyValues: there are more than `maximum`.
    """
    bound = _structure(body)
    if bound <= maximum:
        return bound
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # A value has a name and a text at most, and each of them two quotes.
    if bare.count(b'"') > 4 * maximum:
        raise TooManyValues(most=maximum)
    bound = _structure(b"".join(bare.split(b'"')[::2]))
    if bound > maximum:
        raise TooManyValues(most=maximum)
    return bound


def _structure(body: bytes) -> int:
    return body.count(b",") + body.count(b"{") + body.count(b"[") + 1


def _to_bytes(body: bytes, message_class: type[Message]) -> bytes:
    message = message_class()
    try:
        _parse(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        # The stubs name a second class for the same descriptors.
        descriptor: Any = message_class.DESCRIPTOR
        raise fault_of(body, descriptor, problem=str(error)) from None
    return message.SerializeToString()


def _parse(body: bytes, into: Message) -> None:
    if body.lstrip()[:1] != b"{":
        # The library would take an empty list for a message without fields.
        raise json_format.ParseError("it is no object")
    json_format.Parse(body, into)


def _to_json(serialized: bytes, message_class: type[Message]) -> bytes:
    message = message_class.FromString(serialized)
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode()
