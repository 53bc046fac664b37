"""The methods that the gateway's gRPC server has: every service's own, and the client streams."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, Self, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from plexuskit import bounds
from plexuskit.errors import Refusal
from plexuskit.grpc import MethodInfo, requirements

from gateway.answers import MessageTooLarge
from gateway.identity import Identity
from gateway.proxy.calls import Behaviour, Calls, Context
from gateway.proxy.forwarding import Forwarding
from gateway.proxy.refusals import RequestUnreadable
from gateway.sizes import MAX_REQUEST_BYTES

# Generic in the type stubs only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

GATEWAY: Final = "gateway"

_MAKERS: Final[Mapping[tuple[bool, bool], Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def forwarded_methods() -> Mapping[str, MethodInfo]:
    """Return every method that goes on to an owner, by its path.

    Methods between services are not among them: from outside they are as unknown as those that do
    not exist. Raises UndeclaredMethod when a contract declares a method without a requirement.
    """
    return {
        path: method
        for path, method in requirements().items()
        if not method.requirement.internal and method.service != GATEWAY
    }


class Handlers(grpc.GenericRpcHandler):
    """Finds the handler of a path; what it does not know gRPC answers with UNIMPLEMENTED."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._handlers: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        """Return the handler of a call."""
        return self._handlers.get(handler_call_details.method)

    @property
    def services(self) -> list[str]:
        """Full names of the services that have a method here."""
        return sorted({path.split("/")[1] for path in self._handlers})

    def forward(self, forwarding: Forwarding) -> None:
        """Add every method of every service, without looking into what goes through.

        Raises KeyError for a contract whose owner is not known.
        """
        for method in forwarded_methods().values():
            # Without serializers gRPC passes bytes.
            self._add(method, forwarding.behaviour(method), deserializer=None, serializer=None)

    def serve(self, add_to_server: Callable[[Any, Any], None], servicer: Any) -> None:
        """Add a service of the gateway's own, whose methods run as `gateway.identity.current()`.

        Args:
            add_to_server: generated for the service.
            servicer: its methods yield or write messages, or the bytes of messages that were
                serialized before because they are the same for many.
        """
        add_to_server(servicer, _Registry(self._add_own))

    def _add_own(self, path: str, handler: Handler) -> None:
        method = requirements()[path]
        self._add(
            method,
            _own(method, _behaviour(handler)),
            deserializer=_tolerant(handler.request_deserializer, maximum=MAX_REQUEST_BYTES),
            serializer=_serialized,
        )

    def _add(
        self, method: MethodInfo, behaviour: Behaviour, *, deserializer: Any, serializer: Any
    ) -> None:
        make = _MAKERS[method.client_streaming, method.server_streaming]
        self._handlers[method.path] = make(
            self._calls.wrapped(method, behaviour),
            request_deserializer=deserializer,
            response_serializer=serializer,
        )


class _Registry:
    """Takes handlers from generated code as a server would."""

    def __init__(self, add: Callable[[str, Handler], None]) -> None:
        self._add = add

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Take the methods of a service."""
        for name, handler in method_handlers.items():
            self._add(f"/{service_name}/{name}", handler)

    def add_generic_rpc_handlers(self, _: Sequence[grpc.GenericRpcHandler]) -> None:
        """Ignore: generated code adds the same methods both ways, and only the other names them."""


def _behaviour(handler: Handler) -> Callable[[Any, Context], Any]:
    every: tuple[Callable[[Any, Any], Any] | None, ...] = (
        handler.unary_unary,
        handler.unary_stream,
        handler.stream_unary,
        handler.stream_stream,
    )
    return next(behaviour for behaviour in every if behaviour is not None)


def _own(method: MethodInfo, behaviour: Callable[[Any, Context], Any]) -> Behaviour:
    """Return a servicer's method as the rest here calls it, whether it yields or writes."""

    def read(request: Any, context: Context) -> Any:
        return _Requests(method, context) if method.client_streaming else _read_one(method, request)

    if inspect.isasyncgenfunction(behaviour):

        async def yielding(request: Any, context: Context, _: Identity | None) -> None:
            async with aclosing(behaviour(read(request, context), context)) as responses:
                async for response in responses:
                    await context.write(response)

        return yielding

    def writing(request: Any, context: Context, _: Identity | None) -> Awaitable[Any]:
        answer: Awaitable[Any] = behaviour(read(request, context), context)
        return answer

    return writing


# Raised where a deserializer runs, an error would be a traceback in gRPC's log for each of them.
_UNREADABLE: Final = object()
_TOO_LARGE: Final = object()


def _tolerant(
    deserialize: Callable[[bytes], Any] | None, *, maximum: int
) -> Callable[[bytes], Any]:
    """Read requests without raising; what cannot be read is refused where it is used."""

    def read(content: bytes) -> Any:
        if len(content) > maximum:
            return _TOO_LARGE
        if deserialize is None:
            return content
        try:
            request = deserialize(content)
            bounds.check_unused(request, content)
        except DecodeError:
            return _UNREADABLE
        except bounds.FieldOutOfRange as refusal:
            return refusal
        return request

    return read


def _read_one(method: MethodInfo, request: Any) -> Any:
    if request is _UNREADABLE:
        raise RequestUnreadable.of(method)
    if request is _TOO_LARGE:
        raise MessageTooLarge(most=MAX_REQUEST_BYTES)
    if isinstance(request, Refusal):
        raise request
    bounds.check(request)
    return request


class _Requests:
    """The requests of a stream; generators, gRPC's own too, would cost every open one memory."""

    __slots__ = ("_context", "_method")

    def __init__(self, method: MethodInfo, context: Context) -> None:
        self._method = method
        self._context = context

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        request = await self._context.read()
        if request is grpc.aio.EOF:
            raise StopAsyncIteration
        return _read_one(self._method, request)


def _serialized(message: Any) -> bytes:
    if isinstance(message, bytes):
        return message
    serialized: bytes = message.SerializeToString()
    return serialized
