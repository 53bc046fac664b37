"""The methods that the gateway's gRPC server has: every service's own, and the client streams."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc
from plexuskit import bounds
from plexuskit.grpc import MethodInfo, requirements
from plexuskit.grpc.frame import Context
from plexuskit.grpc.handlers import (
    Handler,
    Registry,
    Requests,
    behaviour_of,
    handler_of,
    read_request,
    tolerant,
)

from gateway.answers import MessageTooLarge
from gateway.identity import Identity
from gateway.proxy.calls import Behaviour, Calls
from gateway.proxy.forwarding import Forwarding
from gateway.proxy.refusals import RequestUnreadable
from gateway.sizes import MAX_REQUEST_BYTES

GATEWAY: Final = "gateway"


def forwarded_methods() -> Mapping[str, MethodInfo]:
    """Return every method that is forwarded to an owner, by its path.

    Methods between services are excluded: from outside they are as unknown as methods that do not
    exist. Raises UndeclaredMethod when a contract declares a method without a requirement.
    """
    return {
        path: method
        for path, method in requirements().items()
        if not method.requirement.internal and method.service != GATEWAY
    }


class Handlers(grpc.GenericRpcHandler):
    """Finds the handler of a path; gRPC answers UNIMPLEMENTED for unknown ones."""

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
        """Add every method of every service, without decoding the requests.

        Raises KeyError for a contract whose owner is not known.
        """
        for method in forwarded_methods().values():
            serve = self._calls.wrapped(method, forwarding.behaviour(method))
            self._handlers[method.path] = handler_of(
                method, serve, deserializer=None, serializer=None
            )

    def serve(self, add_to_server: Callable[[Any, Any], None], servicer: Any) -> None:
        """Add a service of the gateway's own, whose methods run as `gateway.identity.current()`.

        Args:
            add_to_server: generated for the service.
            servicer: its methods yield or write messages, or the bytes of messages that were
                serialized before because they are the same for many.
        """
        registry = Registry(self._own)
        add_to_server(servicer, registry)
        for service, handlers in registry.services.items():
            for name, handler in handlers.items():
                self._handlers[f"/{service}/{name}"] = handler

    def _own(self, method: MethodInfo, handler: Handler) -> Handler:
        return handler_of(
            method,
            self._calls.wrapped(method, _adapted(method, behaviour_of(handler))),
            deserializer=tolerant(
                handler.request_deserializer,
                maximum=MAX_REQUEST_BYTES,
                too_large=lambda: MessageTooLarge(most=MAX_REQUEST_BYTES),
                unreadable=lambda: RequestUnreadable.of(method),
            ),
            serializer=_serialized,
        )


def _adapted(method: MethodInfo, behaviour: Callable[[Any, Context], Any]) -> Behaviour:
    """Return a servicer's method as the rest here calls it, whether it yields or writes."""
    check = bounds.compiled(method.request_class.DESCRIPTOR)

    def read(request: Any, context: Context) -> Any:
        return Requests(context, check) if method.client_streaming else read_request(request, check)

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


def _serialized(message: Any) -> bytes:
    if isinstance(message, bytes):
        return message
    serialized: bytes = message.SerializeToString()
    return serialized
