"""SCIM 2.0 for HR feeds: HTTP requests below `/scim/v2` go to directory as they are."""

import json
import re
from collections.abc import Mapping
from typing import Final

import grpc
from plexus.directory.v1.scim_service_pb2 import ExchangeScimRequest, ExchangeScimResponse
from plexuskit.grpc import requirements
from plexuskit.grpc.status import Answer

from gateway.answers import MessageTooLarge
from gateway.connect.asgi import Headers, Message, Receive, Scope, Send, value_of
from gateway.connect.bodies import peer_of
from gateway.connect.connections import Known, client_of
from gateway.connect.errors import reason_of, retry_after
from gateway.proxy import CallAborted, Calls, Forwarding

PREFIX: Final = "/scim/v2"
_EXCHANGE: Final = "/plexus.directory.v1.ScimService/ExchangeScim"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_PASSED: Final = (b"if-match", b"if-none-match", b"content-type", b"accept")
_CONTENT_TYPE: Final = "application/scim+json; charset=utf-8"
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_HOST: Final = re.compile(r"[A-Za-z0-9._\-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_CHALLENGE: Final = 'Bearer realm="scim"'

_STATUSES: Final[Mapping[grpc.StatusCode, int]] = {
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


class ScimSite:
    """Passes exchanges on, and answers in SCIM's form also where directory is not asked."""

    def __init__(
        self,
        calls: Calls,
        forwarding: Forwarding,
        *,
        max_body_bytes: int,
        public_url: str,
        known: Known = lambda _: None,
    ) -> None:
        """Set up the endpoint.

        Args:
            calls: admits and measures.
            forwarding: client of directory.
            max_body_bytes: maximum size of a body; a larger one is answered with 413.
            public_url: URL of this site for clients, for the locations of resources; empty: their
                own `Host`.
            known: called for connections on which a caller was identified.

        Raises KeyError when directory is not known.
        """
        self._calls = calls
        self._known = known
        self._method = requirements()[_EXCHANGE]
        self._once = forwarding.once(self._method)
        self._maximum = max_body_bytes
        self._public_url = public_url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers: Headers = scope["headers"]
        problem = self._problem(scope)
        if problem is not None:
            await _refuse(send, *problem)
            return
        metadata = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        try:
            with self._calls.call(self._method, metadata) as call:
                # Before the body is read: unauthenticated callers must not fill memory.
                identity = await call.identify(lambda: peer_of(scope))
                self._known(client_of(scope))
                request = ExchangeScimRequest(
                    method=scope["method"],
                    path=scope["raw_path"].decode("latin-1")[len(PREFIX) :],
                    query=scope["query_string"].decode("latin-1"),
                    headers=_passed(headers),
                    body=await _read(headers, receive, maximum=self._maximum),
                    base_url=self._base_url(scope),
                )
                answer = await self._once(request.SerializeToString(), identity, None)
                response = ExchangeScimResponse.FromString(answer)
        except CallAborted as ended:
            await _refuse(send, _status_of(ended.answer), ended.answer.text, ended.answer)
            return
        await _answer(send, response.status, dict(response.headers), response.body)

    def _problem(self, scope: Scope) -> tuple[int, str] | None:
        headers: Headers = scope["headers"]
        if scope["method"] not in _METHODS:
            return 405, "SCIM takes GET, POST, PUT, PATCH and DELETE."
        if value_of(headers, b"content-encoding") not in {b"", b"identity"}:
            return 415, "Compressed bodies are not taken."
        host = value_of(headers, b"host").decode("latin-1")
        if not self._public_url and not _HOST.fullmatch(host):
            return 400, "The header Host is not one."
        return None

    def _base_url(self, scope: Scope) -> str:
        if self._public_url:
            return f"{self._public_url}{PREFIX}"
        host = value_of(scope["headers"], b"host").decode("latin-1")
        return f"{scope['scheme']}://{host}{PREFIX}"


def serves(path: str) -> bool:
    """Return whether a path is one of SCIM."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _status_of(answer: Answer) -> int:
    if reason_of(answer) == MessageTooLarge.reason:
        return 413
    return _STATUSES.get(answer.code, 500)


def _passed(headers: Headers) -> dict[str, str]:
    found = {name: value_of(headers, name) for name in _PASSED}
    return {name.decode(): value.decode("latin-1") for name, value in found.items() if value}


async def _read(headers: Headers, receive: Receive, *, maximum: int) -> bytes:
    announced = value_of(headers, b"content-length")
    if announced.isdigit() and int(announced) > maximum:
        raise MessageTooLarge
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > maximum:
            raise MessageTooLarge
        if not message.get("more_body", False):
            return bytes(body)


async def _refuse(send: Send, status: int, detail: str, answer: Answer | None = None) -> None:
    headers = {"content-type": _CONTENT_TYPE}
    if status == 401:  # noqa: PLR2004 - HTTP's own number
        headers["www-authenticate"] = _CHALLENGE
    if answer is not None and (seconds := retry_after(answer)):
        headers["retry-after"] = seconds
    body = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    await _answer(send, status, headers, json.dumps(body, ensure_ascii=False).encode())


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    named = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    fixed = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
    if status not in {204, 304}:
        fixed.append((b"content-length", str(len(body)).encode()))
    start: Message = {"type": "http.response.start", "status": status, "headers": [*named, *fixed]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
