"""Decoding of requests, with a bound for bytes that mean nothing in them."""

from typing import Final, TypeVar

from google.protobuf.message import Message

from plexuskit.bounds.checks import check
from plexuskit.bounds.refusals import FieldOutOfRange

M = TypeVar("M", bound=Message)

# Unknown fields (a newer client's), repeats of single fields, and numbers written longer than
# needed: together at most this much of a request.
MAX_UNUSED_BYTES: Final = 16 * 1024


def read(message_class: type[M], content: bytes) -> M:
    """Decode a message and check it.

    Args:
        message_class: type of the message.
        content: its serialized form.

    Raises:
        DecodeError: the bytes are no such message.
        FieldOutOfRange: a field is outside its bounds, or too many bytes have no meaning.
    """
    message = message_class.FromString(content)
    check_unused(message, content)
    check(message)
    return message


def check_unused(message: Message, content: bytes) -> None:
    """Refuse a message whose serialized form contains too many meaningless bytes.

    Unknown fields are dropped from a message that is larger than the bound.

    Raises:
        FieldOutOfRange: more than MAX_UNUSED_BYTES.
    """
    if len(content) <= MAX_UNUSED_BYTES:
        return
    message.DiscardUnknownFields()
    unused = len(content) - message.ByteSize()
    if unused > MAX_UNUSED_BYTES:
        raise FieldOutOfRange(
            field="unknown fields",
            problem=f"and repeated single fields have {unused} bytes; send {MAX_UNUSED_BYTES} of"
            " them at most, or use the server's contract",
            rule="unused_bytes",
            limit=MAX_UNUSED_BYTES,
            size=unused,
        )
