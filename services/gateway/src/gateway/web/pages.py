"""Serving of the web client's files, with the policy that keeps foreign code out of it."""

from collections.abc import Iterator
from typing import Final

from gateway.connect.asgi import Headers, Receive, Scope, Send, value_of
from gateway.web.files import INDEX, File, Files

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types plexus"
)
_FIXED: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"vary", b"Accept-Encoding"),
)
_IMMUTABLE: Final = b"public, max-age=31536000, immutable"
_CHECKED: Final = b"no-cache"
# Best first.
_ENCODINGS: Final = ("br", "gzip")


class Pages:
    """Answers GET and HEAD: a file of the build, or the client for one of its own addresses."""

    def __init__(self, files: Files) -> None:
        """Set the files of the build."""
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - a GET has no body
        """Serve one request."""
        headers: Headers = scope["headers"]
        file = self._find(scope["path"].removeprefix("/"), accept=value_of(headers, b"accept"))
        if file is None:
            await _answer(send, 404, [], b"There is nothing here.\n")
            return
        described = list(_described(file))
        if value_of(headers, b"if-none-match").decode("latin-1") == file.etag:
            await _answer(send, 304, described, b"")
            return
        encoding = _encoding(file, value_of(headers, b"accept-encoding").decode("latin-1"))
        if encoding:
            described.append((b"content-encoding", encoding.encode()))
        body = file.bodies[encoding]
        described.append((b"content-length", str(len(body)).encode()))
        await _answer(send, 200, described, body if scope["method"] == "GET" else b"")

    def _find(self, path: str, *, accept: bytes) -> File | None:
        found = self._files.get(path or INDEX)
        if found is not None:
            return found
        # The client's own addresses have no file; a missing script must not be answered with HTML.
        is_address = "." not in path.rpartition("/")[2] and b"text/html" in accept
        return self._files.index if is_address else None


def _described(file: File) -> Iterator[tuple[bytes, bytes]]:
    yield b"content-type", file.content_type.encode()
    yield b"etag", file.etag.encode()
    yield b"cache-control", _IMMUTABLE if file.immutable else _CHECKED


def _encoding(file: File, accepted: str) -> str:
    """Choose the smallest body that the client takes."""
    offers = {}
    for offer in accepted.lower().split(","):
        name, _, parameters = offer.partition(";")
        offers[name.strip()] = parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00"}
    return next((name for name in _ENCODINGS if name in file.bodies and offers.get(name)), "")


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    if status == 404:  # noqa: PLR2004 - HTTP's own number
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_FIXED]})
    await send({"type": "http.response.body", "body": body})
