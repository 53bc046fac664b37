"""Request bodies within bounds: small ones of anybody, large ones of callers who are known (GW-13).

What is larger than 16 KiB is read only when its caller has been identified, by the announced length
before the first byte where there is one. Bodies on their way are bounded by bytes: of each person,
and of all together; those of strangers by number and network.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo

from gateway.answers import MessageTooLarge
from gateway.connect.asgi import App, Headers, Message, Receive, Scope, Send, value_of
from gateway.connect.errors import error_of
from gateway.limits import LIMITED, MethodClass, Uses
from gateway.proxy import Answered, Calls
from gateway.sizes import MAX_UNKNOWN_BYTES, max_request_bytes

MAX_PERSON_BYTES: Final = 16 * 1024 * 1024
_RETRY: Final = timedelta(seconds=1)


class TooManyBodies(Refusal):
    """Too many request bodies are on their way at once."""

    kind = Kind.EXHAUSTED
    text = "Too much is being uploaded at once; try again in a moment."


class Unfinished:
    """Bytes and numbers of the bodies that are on their way."""

    def __init__(self, *, most_bytes: int, most_of_network: int) -> None:
        """Take the bounds.

        Args:
            most_bytes: bytes of all large bodies together.
            most_of_network: unfinished bodies of callers of one network who are not known.
        """
        self._most = most_bytes
        self._bytes = 0
        self._of_person: dict[str, int] = {}
        self.of_network = Uses(most_of_network)

    def hold(self, person_id: str, size: int) -> None:
        """Count bytes of a person's body. Raises TooManyBodies."""
        own = self._of_person.get(person_id, 0) + size
        if own > MAX_PERSON_BYTES or self._bytes + size > self._most:
            LIMITED.labels("bodies", MethodClass.CHANGE).inc()
            raise TooManyBodies(retry_after=_RETRY)
        self._of_person[person_id] = own
        self._bytes += size

    def release(self, person_id: str, size: int) -> None:
        """Count them no longer."""
        self._bytes -= size
        left = self._of_person[person_id] - size
        if left:
            self._of_person[person_id] = left
        else:
            del self._of_person[person_id]


class Bodies:
    """Stands before the endpoints of the methods, and gives them bodies within bounds."""

    def __init__(
        self,
        endpoints: App,
        *,
        methods: Mapping[str, MethodInfo],
        calls: Calls,
        unfinished: Unfinished,
        max_body_bytes: int,
    ) -> None:
        """Take what is behind it.

        Args:
            endpoints: serves the methods.
            methods: by path.
            calls: identifies callers.
            unfinished: counts what is on its way.
            max_body_bytes: of any body.
        """
        self._endpoints = endpoints
        self._methods = methods
        self._calls = calls
        self._unfinished = unfinished
        self._limits = {
            path: max_request_bytes(method, most=max_body_bytes) for path, method in methods.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method = self._methods.get(scope["path"])
        if method is None:
            await self._endpoints(scope, receive, send)
            return
        limit = self._limits[method.path]
        body = _Body(self._calls, method, scope, receive, limit=limit, unfinished=self._unfinished)
        try:
            await self._endpoints(scope, body, send)
        finally:
            body.close()


class _Body:
    """The body of one request; reading it raises ConnectError for what is not taken."""

    __slots__ = (
        "_begun",
        "_calls",
        "_ended",
        "_held",
        "_limit",
        "_method",
        "_network",
        "_person_id",
        "_receive",
        "_scope",
        "_size",
        "_unfinished",
    )

    def __init__(
        self,
        calls: Calls,
        method: MethodInfo,
        scope: Scope,
        receive: Receive,
        *,
        limit: int,
        unfinished: Unfinished,
    ) -> None:
        self._calls = calls
        self._method = method
        self._scope = scope
        self._receive = receive
        self._limit = limit
        self._unfinished = unfinished
        self._begun = self._ended = False
        self._size = self._held = 0
        self._person_id = self._network = ""

    async def __call__(self) -> Message:
        """Receive the next part."""
        if self._ended:
            return await self._receive()
        if not self._begun:
            self._begun = True
            announced = value_of(self._scope["headers"], b"content-length")
            await self._expect(int(announced) if announced.isdigit() else 0)
        elif not self._person_id:
            self._wait()
        message = await self._receive()
        part = len(message.get("body", b""))
        self._size += part
        if self._size > self._held:
            await self._expect(self._size)
        if not message.get("more_body", False):
            self._ended = True
            self._leave()
        return message

    def close(self) -> None:
        """Count nothing of it any longer."""
        self._leave()
        if self._held:
            self._unfinished.release(self._person_id, self._held)
            self._held = 0

    async def _expect(self, size: int) -> None:
        """Refuse a size, or identify the caller for it."""
        if size <= MAX_UNKNOWN_BYTES:
            return
        try:
            with self._calls.refusing(self._method):
                if size > self._limit:
                    raise MessageTooLarge(most=self._limit)
                if not self._person_id:
                    self._person_id = await self._identified()
                self._unfinished.hold(self._person_id, size - self._held)
                self._held = size
        except Answered as ended:
            raise error_of(ended.answer) from None

    async def _identified(self) -> str:
        headers: Headers = self._scope["headers"]
        metadata = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        call = self._calls.call(self._method, metadata)
        identity = await call.authenticate(lambda: peer_of(self._scope))
        self._leave()
        return identity.person_id if identity is not None else ""

    def _wait(self) -> None:
        """Count a body that has begun and is not whole, of a caller who is not known."""
        if self._network:
            return
        network = self._calls.limits.networks.of(peer_of(self._scope))
        if not self._unfinished.of_network.enter(network):
            LIMITED.labels("bodies", MethodClass.PUBLIC).inc()
            try:
                with self._calls.refusing(self._method):
                    raise TooManyBodies(retry_after=_RETRY)
            except Answered as ended:
                raise error_of(ended.answer) from None
        self._network = network

    def _leave(self) -> None:
        if self._network:
            self._unfinished.of_network.leave(self._network)
            self._network = ""


def peer_of(scope: Scope) -> str:
    """Return the address and port that a request came from."""
    host, port = scope.get("client") or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
