"""Signing in from a browser: directory's own methods, with secrets in cookies (ADR 31).

A POST to `/session/plexus.directory.v1.SessionService/SignIn` is the same call as without the
prefix, through the same limits and checks. Only the refresh token and the device key differ: they
travel in cookies that no script can read, and never in a body.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from plexus.directory.v1 import session_service_pb2 as contract
from plexuskit.clock import Clock
from plexuskit.timestamps import instant_of

from gateway.connect.asgi import App, Headers, Message, Receive, Scope, Send, value_of
from gateway.connect.site import SESSION_PREFIX
from gateway.web import cookies

_SERVICE: Final = "/plexus.directory.v1.SessionService/"
_REFRESH: Final = f"{_SERVICE}RefreshSession"
_SIGN_IN: Final = f"{_SERVICE}SignIn"
_SIGN_OUT: Final = f"{_SERVICE}SignOut"
_ANSWERS: Final[Mapping[str, type[Any]]] = {
    _SIGN_IN: contract.SignInResponse,
    f"{_SERVICE}CompleteSignIn": contract.CompleteSignInResponse,
    f"{_SERVICE}CompleteSingleSignOn": contract.CompleteSingleSignOnResponse,
    _REFRESH: contract.RefreshSessionResponse,
    _SIGN_OUT: contract.SignOutResponse,
}
_CONTENT_TYPE: Final = b"application/proto"
_OK: Final = 200
_UNAUTHENTICATED: Final = 401


class Sessions:
    """Moves secrets from responses into cookies, and from cookies into requests."""

    def __init__(self, endpoints: App, *, clock: Clock) -> None:
        """Wrap the endpoints.

        Args:
            endpoints: serves the methods without the prefix.
            clock: time for the expiry of cookies.
        """
        self._endpoints = endpoints
        self._now = clock.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers: Headers = scope["headers"]
        path = scope["path"][len(SESSION_PREFIX) - 1 :]
        problem = _problem(scope["method"], path, headers)
        if problem is not None:
            await _refuse(send, *problem)
            return
        added = _added(path, headers)
        if path == _REFRESH:
            # The cookie is the whole request; its body is ignored.
            receive = _whole(receive, added)
            headers = _with_length(headers, len(added))
        elif added:
            receive = _longer(receive, added)
            announced = value_of(headers, b"content-length")
            headers = _with_length(headers, int(announced or 0) + len(added))
        passed = {**scope, "path": path, "raw_path": path.encode(), "headers": headers}
        await self._endpoints(passed, receive, self._outgoing(send, path))

    def _outgoing(self, send: Send, path: str) -> Send:
        """Return the receiver of the method's response, which sends it without its secrets."""
        start: Message = {}
        body = bytearray()

        async def outgoing(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            content, extra = self._answer(path, start["status"], bytes(body))
            headers = _with_length(start.get("headers", ()), len(content))
            extra += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
            await send({**start, "headers": [*headers, *extra]})
            await send({"type": "http.response.body", "body": content})

        return outgoing

    def _answer(self, path: str, status: int, body: bytes) -> tuple[bytes, Headers]:
        """Return the part of a response for the page, and the cookies with the rest."""
        if status != _OK:
            gone = status == _UNAUTHENTICATED and path in {_REFRESH, _SIGN_OUT}
            return body, [cookies.removed(cookies.REFRESH)] if gone else []
        if path == _SIGN_OUT:
            return body, [cookies.removed(cookies.REFRESH)]
        answer = _ANSWERS[path].FromString(body)
        headers: Headers = []
        if answer.tokens.refresh_token:
            tokens = answer.tokens
            until = instant_of(tokens.refresh_expires_at)
            seconds = cookies.seconds_until(until, now=self._now())
            headers.append(cookies.kept(cookies.REFRESH, tokens.refresh_token, seconds=seconds))
            tokens.ClearField("refresh_token")
        if getattr(answer, "device_key", ""):
            key, seconds = answer.device_key, cookies.DEVICE_SECONDS
            headers.append(cookies.kept(cookies.DEVICE, key, seconds=seconds))
            answer.ClearField("device_key")
        return answer.SerializeToString(), headers


def _problem(method: str, path: str, headers: Headers) -> tuple[int, bytes] | None:
    """Return why a request is refused: it is no call of our own page.

    A form or an image of another site cannot have this content type, its browser names it in
    `Sec-Fetch-Site` and `Origin`, and sends it without the cookies (`SameSite=Strict`).
    """
    if path not in _ANSWERS:
        return 404, b"There is nothing here.\n"
    if method != "POST":
        return 405, b"Sessions take POST.\n"
    if value_of(headers, b"content-type") != _CONTENT_TYPE:
        return 415, b"Sessions take application/proto.\n"
    if not value_of(headers, b"content-length").isdigit():
        return 411, b"Give the length of the body.\n"
    if not _is_own_page(headers):
        return 403, b"Sessions are opened by the page of this address.\n"
    return None


def _is_own_page(headers: Headers) -> bool:
    site = value_of(headers, b"sec-fetch-site")
    if site:
        return site == b"same-origin"
    # Browsers leave it out on plain HTTP.
    host, origin = value_of(headers, b"host"), value_of(headers, b"origin")
    return bool(host) and urlsplit(origin.decode("latin-1")).netloc == host.decode("latin-1")


def _added(path: str, headers: Headers) -> bytes:
    """Return the request fields from cookies: concatenated messages are merged."""
    if path == _REFRESH:
        token = cookies.read(headers, cookies.REFRESH)
        return contract.RefreshSessionRequest(refresh_token=token).SerializeToString()
    if path == _SIGN_IN:
        key = cookies.read(headers, cookies.DEVICE)
        return contract.SignInRequest(device_key=key).SerializeToString() if key else b""
    return b""


def _with_length(headers: Headers, length: int) -> Headers:
    kept = [(key, value) for key, value in headers if key not in {b"content-length", b"cookie"}]
    return [*kept, (b"content-length", str(length).encode())]


def _whole(receive: Receive, body: bytes) -> Receive:
    """Return a receiver of this body instead of the client's, and then of the disconnect."""
    left = [body]

    async def receiving() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        while (message := await receive())["type"] == "http.request":
            pass
        return message

    return receiving


def _longer(receive: Receive, added: bytes) -> Receive:
    async def receiving() -> Message:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            return {**message, "body": message.get("body", b"") + added}
        return message

    return receiving


async def _refuse(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
