"""HTTP site: the endpoints, the API reference, a health check, a first page."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from gateway.connect import docs, scim
from gateway.connect.asgi import App, Headers, Message, Receive, Scope, Send, value_of
from gateway.connect.docs import DocsSite

_ALLOWED_HEADERS: Final = (
    b"authorization, content-type, connect-protocol-version, connect-timeout-ms, grpc-timeout,"
    b" traceparent, x-grpc-web, x-user-agent"
)
_EXPOSED_HEADERS: Final = b"grpc-status, grpc-message, grpc-status-details-bin, retry-after"
_PREFLIGHT_SECONDS: Final = b"7200"
_TEXT: Final = b"text/plain; charset=utf-8"
_PLAIN_GRPC: Final = b"application/grpc"
_GRPC_WEB: Final = b"application/grpc-web"

# Of a method, whether there is one or not (GW-2).
_METHOD: Final = re.compile(r"/plexus\.[a-z0-9.]+\.v[0-9]+\.[A-Za-z]+/[A-Za-z]+/?")
_BY_POST: Final = b"Methods are called by POST, with their request as the body; see /docs.\n"
SESSION_PREFIX: Final = "/session/"
# A browser sends about twenty.
MAX_HEADERS: Final = 64
MAX_HEADER_BYTES: Final = 16 * 1024

_PAGE: Final = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Plexus</title>
<h1>Plexus</h1>
<p>这里是 Plexus 网关:程序经由它以 Connect、gRPC-Web 或 gRPC 访问;
请用贵公司的 Plexus 客户端登录。接口文档:<a href="/docs" hreflang="en">/docs</a>。</p>
<p lang="en">This is the Plexus gateway. Programs reach it with Connect, gRPC-Web or gRPC;
people sign in with their company's Plexus client. API reference: <a href="/docs">/docs</a>.</p>
</html>
""".encode()


class Site:
    """Routes requests, and announces which other pages may call (CORS)."""

    def __init__(
        self,
        endpoints: App,
        *,
        feed: App,
        reference: DocsSite | None,
        origins: Iterable[str],
        is_serving: Callable[[], bool],
        pages: App | None = None,
        sessions: App | None = None,
    ) -> None:
        """Set up the routes.

        Args:
            endpoints: serves the methods; receives every POST.
            feed: serves the paths below `/scim/v2`; not available to pages.
            reference: serves the paths below `/docs`; None serves nothing there.
            origins: origins of other pages that may call.
            is_serving: whether the process accepts new work, for the health check.
            pages: serves the web client: receives every other GET and HEAD; None: there is none.
            sessions: serves POST below `/session/` for the web client; not available to pages of
                other origins.
        """
        self._endpoints = endpoints
        self._feed = feed
        self._reference = reference
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)
        self._is_serving = is_serving
        self._pages = pages
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if is_ambiguous(scope["headers"]):
            await _respond(send, 400, b"Give a length or chunks, not both.\n", connection=b"close")
            return
        if scim.serves(scope["path"]):
            await self._feed(scope, receive, send)
            return
        headers: Headers = scope["headers"]
        if len(headers) > MAX_HEADERS or _size(headers) > MAX_HEADER_BYTES:
            await _respond(send, 431, b"There are too many headers, or they are too long.\n")
            return
        if not all(value.isascii() for _, value in headers):
            await _respond(send, 400, b"Header values are ASCII.\n")
            return
        origin = value_of(headers, b"origin")
        allowed = origin if origin in self._origins else b""

        method, path = scope["method"], scope["path"]
        if path.startswith(SESSION_PREFIX) and self._sessions is not None:
            await self._sessions(scope, receive, send)
        elif method == "OPTIONS":
            await _preflight(send, origin=allowed)
        elif method == "POST":
            await self._call(scope, receive, _with_cors(send, origin=allowed))
        elif method in ("GET", "HEAD"):
            await self._get(scope, receive, send)
        else:
            await _respond(send, 405, b"", allow=b"GET, HEAD, POST, OPTIONS")

    async def _get(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/healthz":
            serving = self._is_serving()
            await _respond(send, 200 if serving else 503, b"ok\n" if serving else b"draining\n")
        elif self._reference is not None and docs.serves(path):
            await self._reference(scope, send)
        elif _METHOD.fullmatch(path):
            await _respond(send, 405, _BY_POST, allow=b"POST, OPTIONS")
        elif self._pages is not None:
            await self._pages(scope, receive, send)
        elif path == "/":
            await _respond(send, 200, _PAGE, content_type=b"text/html; charset=utf-8")
        else:
            await _respond(send, 404, b"There is nothing here.\n")

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_type = value_of(scope["headers"], b"content-type").lower()
        if content_type.startswith(_PLAIN_GRPC) and not content_type.startswith(_GRPC_WEB):
            # Native gRPC needs HTTP/2 and its trailers.
            await _respond(send, 415, b"Native gRPC is served on the gRPC port.\n")
            return
        await self._endpoints(scope, receive, send)


def is_ambiguous(headers: Headers) -> bool:
    """Return whether a body has two lengths: a proxy may use the other one (RFC 9112, 6.3)."""
    names = {name for name, _ in headers}
    return b"transfer-encoding" in names and b"content-length" in names


def _with_cors(send: Send, *, origin: bytes) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra: Headers = [(b"x-content-type-options", b"nosniff"), (b"vary", b"Origin")]
            if origin:
                extra += [
                    (b"access-control-allow-origin", origin),
                    (b"access-control-expose-headers", _EXPOSED_HEADERS),
                ]
            message = {**message, "headers": [*message.get("headers", ()), *extra]}
        await send(message)

    return sending


async def _preflight(send: Send, *, origin: bytes) -> None:
    if not origin:
        await _respond(send, 403, b"This origin may not call; see GATEWAY_HTTP__ORIGINS.\n")
        return
    await _respond(
        send,
        204,
        b"",
        vary=b"Origin",
        access_control_allow_origin=origin,
        access_control_allow_methods=b"POST",
        access_control_allow_headers=_ALLOWED_HEADERS,
        access_control_max_age=_PREFLIGHT_SECONDS,
    )


async def _respond(
    send: Send, status: int, body: bytes, *, content_type: bytes = _TEXT, **headers: bytes
) -> None:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    fixed = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", b"default-src 'none'"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 204:  # noqa: PLR2004 - No Content has neither type nor length
        fixed = []
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *named]})
    await send({"type": "http.response.body", "body": body})


def _size(headers: Headers) -> int:
    return sum(len(key) + len(value) for key, value in headers)
