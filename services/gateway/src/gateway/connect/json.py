"""Between protobuf's JSON and its bytes: owners speak bytes only."""

from google.protobuf import json_format
from google.protobuf.message import Message
from plexuskit.errors import Kind, Refusal


class JsonUnreadable(Refusal):
    """The body is not the JSON form of the message that the method takes."""

    kind = Kind.INVALID
    text = "The body cannot be read as the JSON form of {message}: {problem}"


def to_bytes(body: bytes, message_class: type[Message]) -> bytes:
    """Return the serialized message of a JSON body; fields that it does not know are left out.

    Raises JsonUnreadable.
    """
    message = message_class()
    try:
        _parse(body, message)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        # The problem quotes the body, whose escapes may stand for what UTF-8 cannot hold.
        problem = str(error).encode(errors="backslashreplace").decode()
        raise JsonUnreadable(message=message_class.DESCRIPTOR.full_name, problem=problem) from None
    return message.SerializeToString()


def _parse(body: bytes, into: Message) -> None:
    if body.lstrip()[:1] != b"{":
        # The library would take an empty list for a message without fields.
        raise json_format.ParseError("it is no object")
    json_format.Parse(body, into, ignore_unknown_fields=True)


def to_json(serialized: bytes, message_class: type[Message]) -> bytes:
    """Return the JSON form of a serialized message, on one line."""
    message = message_class.FromString(serialized)
    return json_format.MessageToJson(message, indent=None, ensure_ascii=False).encode()
