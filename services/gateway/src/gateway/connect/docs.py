"""The API reference below `/docs`: documents that are made before the port opens."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from gateway.connect.asgi import Headers, Scope, Send, value_of, values_of
from gateway.connect.bodies import peer_of
from gateway.limits import FORWARDED_FOR, Limits, RateLimited

PREFIX: Final = "/docs"
HTML: Final = b"text/html; charset=utf-8"
JSON: Final = b"application/json"

_CACHE: Final = b"public, max-age=300"
_FORWARDED: Final = FORWARDED_FOR.encode()
_TEXT: Final = b"text/plain; charset=utf-8"
_NOTHING: Final = b"default-src 'none'"


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its compressed form.

    Attributes:
        content: the document.
        compressed: the same as gzip.
        content_type: value of the header of that name.
        policy: value of the header Content-Security-Policy.
        digest: of the content, for its entity tags.
    """

    content: bytes
    compressed: bytes
    content_type: bytes
    policy: bytes
    digest: str

    @classmethod
    def of(cls, content: bytes, *, content_type: bytes, policy: bytes) -> Self:
        """Return a document with this content."""
        return cls(
            content=content,
            # Without a time stamp, so that processes of one version answer the same bytes.
            compressed=gzip.compress(content, mtime=0),
            content_type=content_type,
            policy=policy,
            digest=sha256(content).hexdigest()[:32],
        )


class DocsSite:
    """Answers GET and HEAD for the documents; a client is limited by its network (GW-13)."""

    def __init__(self, documents: Mapping[str, Document], *, limits: Limits) -> None:
        """Set up the documents by path, and the limits of callers without an identity."""
        self._documents = documents
        self._limits = limits

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer one request."""
        try:
            self._limits.stranger(peer_of(scope), values_of(scope["headers"], _FORWARDED))
        except RateLimited as refusal:
            await _refuse(send, 429, refusal.message(), retry_after=_seconds(refusal))
            return
        path = scope["path"]
        document = self._documents.get(path)
        if document is not None:
            await _answer(send, document, scope["headers"])
        elif path == f"{PREFIX}/":
            await _refuse(send, 308, "The reference is at /docs.", location=PREFIX)
        else:
            await _refuse(send, 404, "There is no such page; see /docs.")


def serves(path: str) -> bool:
    """Return whether a path is one of the reference."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


async def _answer(send: Send, document: Document, headers: Headers) -> None:
    compressed = _accepts_gzip(headers)
    # The two forms are different bytes, so each has a tag of its own.
    tag = f'"{document.digest}{"-gzip" if compressed else ""}"'
    fixed: Headers = [
        (b"etag", tag.encode()),
        (b"cache-control", _CACHE),
        (b"vary", b"Accept-Encoding"),
        (b"content-security-policy", document.policy),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]
    if _is_known(headers, tag):
        await send({"type": "http.response.start", "status": 304, "headers": fixed})
        await send({"type": "http.response.body", "body": b""})
        return
    body = document.compressed if compressed else document.content
    fixed += [
        (b"content-type", document.content_type),
        (b"content-length", str(len(body)).encode()),
    ]
    if compressed:
        fixed.append((b"content-encoding", b"gzip"))
    await send({"type": "http.response.start", "status": 200, "headers": fixed})
    # The server leaves the body of a HEAD out.
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, status: int, text: str, **headers: str) -> None:
    body = f"{text}\n".encode()
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    fixed = [
        (b"content-type", _TEXT),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", _NOTHING),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *named]})
    await send({"type": "http.response.body", "body": body})


def _accepts_gzip(headers: Headers) -> bool:
    """Return whether a client takes gzip: it names the coding, and not with a weight of 0."""
    for value in values_of(headers, b"accept-encoding"):
        for each in value.lower().split(","):
            coding, _, weight = each.partition(";")
            if coding.strip() == "gzip":
                return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _is_known(headers: Headers, tag: str) -> bool:
    """Return whether a client has this form of a document already (RFC 9110, 13.1.2)."""
    known = value_of(headers, b"if-none-match").decode("latin-1")
    # A comparison for a cache is weak: a proxy may have weakened the tag.
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    return "*" in tags or tag in tags


def _seconds(refusal: RateLimited) -> str:
    wait = refusal.retry_after
    return "1" if wait is None else str(max(1, -(-int(wait.total_seconds() * 1000) // 1000)))
