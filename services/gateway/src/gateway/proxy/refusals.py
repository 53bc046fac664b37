"""Refusals of forwarding itself."""

from typing import Self

from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo


class RequestUnreadable(Refusal):
    """The request is not the message that the method takes."""

    kind = Kind.INVALID
    text = "The request cannot be read as {message}."

    @classmethod
    def of(cls, method: MethodInfo) -> Self:
        """Return the refusal with the limit of a method."""
        return cls(message=method.request_class.DESCRIPTOR.full_name)


class HeaderUnreadable(Refusal):
    """The value of a header cannot be decoded."""

    kind = Kind.INVALID
    text = "The header {header} cannot be read: it takes the base64 of UTF-8."
