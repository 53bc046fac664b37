"""Content types of calls over HTTP: accepted ones, and suggestions for all others."""

from collections.abc import Mapping
from typing import Final

from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo

from gateway.connect.asgi import Headers, value_of

_GRPC_WEB: Final = "application/grpc-web"
_WEB: Final = (_GRPC_WEB, f"{_GRPC_WEB}+proto", f"{_GRPC_WEB}+json")
PLAIN: Final = ("application/json", "application/proto", *_WEB)
STREAMING: Final = ("application/connect+json", "application/connect+proto", *_WEB)
_EXAMPLE: Final = "curl -H 'Content-Type: application/json' -d '{{}}' https://PLEXUS{path}"
_CLIENT: Final = "a Connect client, which frames the messages of a stream"
_MAX_SHOWN: Final = 60


class ContentTypeNotAccepted(Refusal):
    """The body is of a type that the method does not take."""

    kind = Kind.INVALID
    text = "This method takes {accepted}, not {content_type}. Example: {example}"


def refusal_of(method: MethodInfo, headers: Headers) -> Refusal | None:
    """Return the refusal of a request's content type; None if the method takes it."""
    sent = value_of(headers, b"content-type").decode("latin-1")
    accepted = accepted_by(method)
    if sent.partition(";")[0].strip().lower() in accepted:
        return None
    example = _CLIENT if method.server_streaming else _EXAMPLE.format(path=method.path)
    return ContentTypeNotAccepted(
        content_type=_shown(sent) or "a request without Content-Type",
        # One name for the three of gRPC-Web: a text has 300 characters at most.
        accepted=", ".join([*(each for each in accepted if each not in _WEB), _GRPC_WEB]),
        example=example,
    )


def accepted_by(method: MethodInfo) -> tuple[str, ...]:
    """Return the content types that a method takes."""
    return STREAMING if method.server_streaming else PLAIN


def headers_of(method: MethodInfo) -> Mapping[bytes, bytes]:
    """Return the headers of an answer that names the accepted types (`Accept-Post`)."""
    return {b"accept-post": ", ".join(accepted_by(method)).encode()}


def _shown(content_type: str) -> str:
    return "".join(each for each in content_type[:_MAX_SHOWN] if each.isprintable())
