"""Bounds of request bodies: small for anyone, large only for identified callers (GW-13).

A body larger than 16 KiB is read only once its caller has been identified, before the first byte if
the length is announced. Bodies in transit are bounded by bytes, per person and in total. Incomplete
small bodies are bounded by number: per person, or per network if the caller is unknown.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo

from gateway.answers import MessageTooLarge, not_served
from gateway.connect import content_types
from gateway.connect.asgi import (
    App,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    send_json,
    value_of,
    values_of,
)
from gateway.connect.errors import error_of, json_of
from gateway.limits import FORWARDED_FOR, LIMITED, MethodClass, Strangers, Uses
from gateway.proxy import CallAborted, Calls
from gateway.sizes import MAX_UNKNOWN_BYTES, max_request_bytes

MAX_PERSON_BYTES: Final = 16 * 1024 * 1024
_RETRY: Final = timedelta(seconds=1)
_FORWARDED_FOR: Final = FORWARDED_FOR.encode()


class TooManyBodies(Refusal):
    """Too many request bodies are on their way at once."""

    kind = Kind.EXHAUSTED
    text = "Too much is being uploaded at once; try again in a moment."


class Unfinished:
    """Bytes and numbers of the bodies that are on their way."""

    def __init__(
        self, strangers: Strangers, *, max_bytes: int, max_of_network: int, allowance: int
    ) -> None:
        """Set the bounds.

        Args:
            strangers: knows networks.
            max_bytes: bytes of all large bodies together.
            max_of_network: unfinished bodies of unknown callers of one network, and small
                unfinished bodies of one person.
            allowance: multiple of that for a company network.
        """
        self._strangers = strangers
        self._maximum = max_bytes
        self._bytes = 0
        self._of_person: dict[str, int] = {}
        self._small_of_person = Uses(max_of_network)
        self._of_network = Uses(max_of_network)
        self._of_company = Uses(max_of_network * allowance)

    def wait_as_person(self, person_id: str) -> "Place":
        """Count a small body of a person that is half sent; raises TooManyBodies."""
        return _entered(self._small_of_person, person_id, MethodClass.CHANGE)

    def wait_as_stranger(self, peer: str, forwarded: Sequence[str]) -> "Place | None":
        """Count an incomplete body of an unknown caller, by network.

        A trusted proxy that does not name its client must bound its clients itself: all of them
        would share one count. Returns None if nothing was counted.

        Raises:
            TooManyBodies: the network has too many.
        """
        network = self._strangers.networks.of(peer, forwarded)
        if self._strangers.networks.include(network):
            return None
        uses = self._of_company if self._strangers.is_company(network) else self._of_network
        return _entered(uses, network, MethodClass.PUBLIC)

    def hold(self, person_id: str, size: int) -> None:
        """Count bytes of a person's body. Raises TooManyBodies."""
        own = self._of_person.get(person_id, 0) + size
        if own > MAX_PERSON_BYTES or self._bytes + size > self._maximum:
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


Place = tuple[Uses, str]
"""Count of an incomplete body."""


def _entered(uses: Uses, key: str, kind: MethodClass) -> Place:
    if not uses.enter(key):
        LIMITED.labels("bodies", kind).inc()
        raise TooManyBodies(retry_after=_RETRY)
    return uses, key


class Bodies:
    """Wraps the endpoints of the methods, and passes them bodies within bounds."""

    def __init__(
        self,
        endpoints: App,
        *,
        methods: Mapping[str, MethodInfo],
        calls: Calls,
        unfinished: Unfinished,
        max_body_bytes: int,
    ) -> None:
        """Wrap the endpoints.

        Args:
            endpoints: serves the methods.
            methods: methods by path.
            calls: identifies callers.
            unfinished: counts bodies in transit.
            max_body_bytes: maximum size of any body.
        """
        self._endpoints = endpoints
        self._methods = methods
        self._calls = calls
        self._unfinished = unfinished
        self._limits = {
            path: max_request_bytes(method, maximum=max_body_bytes)
            for path, method in methods.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        method = self._methods.get(scope["path"])
        if method is None:
            # Internal methods have the same answer, so that none can be enumerated (GW-2).
            await send_json(send, 404, json_of(not_served()))
            return
        refusal = content_types.refusal_of(method, scope["headers"])
        if refusal is not None:
            await self._refuse(send, method, refusal)
            return
        limit = self._limits[method.path]
        body = _Body(self._calls, method, scope, receive, limit=limit, unfinished=self._unfinished)
        try:
            await self._endpoints(scope, body, send)
        finally:
            body.close()

    async def _refuse(self, send: Send, method: MethodInfo, refusal: Refusal) -> None:
        try:
            with self._calls.refusing(method):
                raise refusal
        except CallAborted as ended:
            headers = content_types.headers_of(method)
            await send_json(send, 415, json_of(ended.answer), headers)


class _Body:
    """The body of one request; reading it raises ConnectError for a refused body."""

    __slots__ = (
        "_begun",
        "_calls",
        "_ended",
        "_held",
        "_limit",
        "_method",
        "_person_id",
        "_place",
        "_receive",
        "_scope",
        "_size",
        "_unfinished",
        "_waits",
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
        self._begun = self._ended = self._waits = False
        self._size = self._held = 0
        self._person_id = ""
        self._place: Place | None = None

    async def __call__(self) -> Message:
        """Receive the next part."""
        if self._ended:
            return await self._receive()
        if not self._begun:
            self._begun = True
            announced = value_of(self._scope["headers"], b"content-length")
            await self._expect(int(announced) if announced.isdigit() else 0)
        elif not self._waits and not self._held:
            self._waits = True
            await self._wait()
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
                self._leave()
                self._unfinished.hold(self._person_id, size - self._held)
                self._held = size
        except CallAborted as ended:
            raise error_of(ended.answer) from None

    async def _identified(self) -> str:
        headers: Headers = self._scope["headers"]
        metadata = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        call = self._calls.call(self._method, metadata)
        identity = await call.authenticate(lambda: peer_of(self._scope))
        return identity.person_id if identity is not None else ""

    async def _wait(self) -> None:
        """Count a body that has begun and is not whole, of its person where that is known.

        A person is never counted with the strangers of their network, so that these cannot keep
        out people who are signed in.
        """
        try:
            with self._calls.refusing(self._method):
                if not self._person_id and not self._method.requirement.public:
                    self._person_id = await self._identified()
                if self._person_id:
                    self._place = self._unfinished.wait_as_person(self._person_id)
                else:
                    self._place = self._unfinished.wait_as_stranger(
                        peer_of(self._scope), values_of(self._scope["headers"], _FORWARDED_FOR)
                    )
        except CallAborted as ended:
            raise error_of(ended.answer) from None

    def _leave(self) -> None:
        if self._place is not None:
            uses, key = self._place
            uses.leave(key)
            self._place = None


def peer_of(scope: Scope) -> str:
    """Return the address and port that a request came from."""
    host, port = scope.get("client") or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
