"""Methods as endpoints of `connectrpc`, which knows the protocol and sees only bytes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from connectrpc.codec import Codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, StreamType
from connectrpc.method import MethodInfo as ConnectMethod
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from plexuskit.grpc import MethodInfo
from plexuskit.grpc.status import Answer

from gateway.connect.asgi import App
from gateway.connect.bodies import Bodies, Unfinished
from gateway.connect.connections import Known as Mark
from gateway.connect.errors import error_of, retry_after
from gateway.connect.json import Charge, Converter
from gateway.identity import Identity
from gateway.proxy import Call, CallAborted, Calls, Forwarding, Many, Once, forwarded_methods

Context = RequestContext[bytes, bytes]
# The library exports the base of these and takes only its subclasses.
Known: TypeAlias = Any


class _Passing(Codec[bytes, bytes]):
    """Leaves bytes unchanged; they are decoded after admission, if at all."""

    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        """Return the name in content types."""
        return self._name

    def encode(self, message: bytes) -> bytes:
        """Return the message, which is encoded already."""
        return message

    def decode(self, data: bytes | bytearray, message_class: type[bytes]) -> bytes:
        """Return the bytes that came in."""
        return message_class(data)


_CODECS: Final = (_Passing("proto"), _Passing("json"))
_JSON: Final = ("application/json", "application/connect+json", "application/grpc-web+json")


class Endpoints:
    """The methods that can be called over HTTP: those that take one message."""

    def __init__(self, calls: Calls, *, known: Mark = lambda _: None) -> None:
        """Set up the endpoints.

        Args:
            calls: admits and measures.
            known: called for connections on which a caller was identified.
        """
        self._calls = calls
        self._known = known
        self._converter = Converter()
        self._endpoints: dict[str, Known] = {}
        self._methods: dict[str, MethodInfo] = {}

    def forward(self, forwarding: Forwarding) -> None:
        """Add every service's methods that take one message; raises KeyError as `once` does."""
        for method in forwarded_methods().values():
            if method.client_streaming:
                # HTTP/1.1 has one body at a time; native clients use the gRPC port for these.
                continue
            if method.server_streaming:
                self.add_many(method, forwarding.many(method))
            else:
                self.add_once(method, forwarding.once(method))

    def add_once(self, method: MethodInfo, once: Once) -> None:
        """Add a plain method."""

        async def serve(request: bytes, context: Context) -> bytes:
            try:
                with self._calls.call(method, _metadata(context)) as call:
                    identity = await self._identified(call, context)
                    asked = await self._read(method, request, context, identity)
                    answer = await once(asked, identity, _seconds(context))
                    return await self._written(method, answer, context, identity)
            except CallAborted as ended:
                raise _error(ended.answer, context) from None

        self._methods[method.path] = method
        self._endpoints[method.path] = Endpoint.unary(_described(method), serve)

    def add_many(self, method: MethodInfo, many: Many) -> None:
        """Add a method with many answers."""

        async def serve(request: bytes, context: Context) -> AsyncIterator[bytes]:
            try:
                with self._calls.call(method, _metadata(context)) as call:
                    identity = await self._identified(call, context)
                    asked = await self._read(method, request, context, identity)
                    answers = many(asked, identity, _seconds(context))
                    async with aclosing(answers):
                        async for answer in answers:
                            yield await self._written(method, answer, context, identity)
            except CallAborted as ended:
                raise _error(ended.answer, context) from None

        self._methods[method.path] = method
        self._endpoints[method.path] = Endpoint.server_stream(_described(method), serve)

    def application(self, *, max_body_bytes: int, unfinished: Unfinished) -> App:
        """Return the ASGI application of all endpoints.

        Args:
            max_body_bytes: of any body; most methods take less.
            unfinished: counts the bodies on their way.
        """
        return Bodies(
            Application(self._endpoints, max_body_bytes=max_body_bytes),
            methods=self._methods,
            calls=self._calls,
            unfinished=unfinished,
            max_body_bytes=max_body_bytes,
        )

    def close(self) -> None:
        """Convert nothing more."""
        self._converter.close()

    async def _identified(self, call: Call, context: Context) -> Identity | None:
        client = context.client_address
        identity = await call.identify(lambda: client or "")
        if identity is not None:
            self._known(client)
        return identity

    async def _read(
        self, method: MethodInfo, request: bytes, context: Context, identity: Identity | None
    ) -> bytes:
        if not _is_json(context):
            return request
        return await self._converter.to_bytes(
            request, method, who=_who(identity), charge=self._charge(method, identity)
        )

    async def _written(
        self, method: MethodInfo, answer: bytes, context: Context, identity: Identity | None
    ) -> bytes:
        if not _is_json(context):
            return answer
        return await self._converter.to_json(
            answer, method, who=_who(identity), charge=self._charge(method, identity)
        )

    def _charge(self, method: MethodInfo, identity: Identity | None) -> Charge:
        def charge(calls: int) -> None:
            if identity is not None and calls:
                self._calls.limits.charge(method, identity, calls)

        return charge


class Application(ConnectASGIApplication[Any]):
    """The Connect protocol, and gRPC-Web beside it, for every endpoint; nothing is compressed."""

    def __init__(self, endpoints: Mapping[str, Known], *, max_body_bytes: int) -> None:
        super().__init__(
            service=None,
            endpoints=lambda _: endpoints,
            read_max_bytes=max_body_bytes,
            compressions=(),
            codecs=_CODECS,
        )

    @property
    def path(self) -> str:
        """Path at which it is mounted."""
        return "/"


def _described(method: MethodInfo) -> ConnectMethod[bytes, bytes]:
    service, _, name = method.path[1:].partition("/")
    return ConnectMethod(
        name=name,
        service_name=service,
        input=bytes,
        output=bytes,
        # Without GET: a request in a URL ends in logs and caches.
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY,
    )


def _error(answer: Answer, context: Context) -> ConnectError:
    seconds = retry_after(answer)
    if seconds:
        context.response_headers["retry-after"] = seconds
    return error_of(answer)


def _metadata(context: Context) -> list[tuple[str, str]]:
    return list(context.request_headers.allitems())


def _seconds(context: Context) -> float | None:
    left = context.timeout_ms
    return None if left is None else max(0.0, left / 1000)


def _who(identity: Identity | None) -> str:
    return "" if identity is None else identity.person_id


def _is_json(context: Context) -> bool:
    content_type = context.request_headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower() in _JSON
