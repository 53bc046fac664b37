"""A service's own calls to another one: signed, traced, bounded in time, with named refusals.

The channel wraps what a stub asks it for. gRPC's client interceptors would cost each call several
tasks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import grpc
from plexus.authz.v1.caller_pb2 import CallerContext

from plexuskit import telemetry
from plexuskit.clock import Clock, SystemClock
from plexuskit.config import TlsSection
from plexuskit.grpc import budget
from plexuskit.grpc.caller import METADATA_KEY, CallerSigner, CallerTokens
from plexuskit.grpc.certificates import (
    Certificates,
    channel_credentials,
    server_name,
    watched_certificates,
)
from plexuskit.grpc.ending import Ending
from plexuskit.grpc.following import FollowingChannel
from plexuskit.grpc.options import MAX_MESSAGE_BYTES, channel_options
from plexuskit.grpc.status import translated
from plexuskit.grpc.tracing import answered, client_span

DEFAULT_TIMEOUT = 5.0

Metadata = tuple[tuple[str, str | bytes], ...]


@asynccontextmanager
async def channel(
    target: str,
    *,
    audience: str,
    signer: CallerSigner,
    service: str,
    tls: TlsSection | None = None,
    clock: Clock | None = None,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> AsyncIterator[grpc.aio.Channel]:
    """Connect to another service, to call it on behalf of this service itself (KIND_SERVICE).

    Stubs made on the channel add the signed context and the traceparent. A unary call ends after 5
    s unless its `timeout` is set, and never later than the request being served. A failed call
    raises RemoteRefusal, DependencyDown (no response) or RemoteFailure (the other side failed).

    Args:
        target: gRPC name of the other service, for example `directory:7070`.
        audience: name of the other service.
        signer: signs with this service's key.
        service: name of this service; it must own the signer's key.
        tls: this service's certificate; None speaks in plain text.
        clock: time, to renew a signed context halfway through its life; the system's unless given.
        max_message_bytes: maximum size of a message in either direction.
    """
    if service != signer.service:
        raise ValueError(f"{service} cannot sign with the key of {signer.service}")
    tokens = CallerTokens(
        signer,
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=clock or SystemClock(),
    )
    async with open_channel(
        target, tls=tls, service=service, audience=audience, max_message_bytes=max_message_bytes
    ) as raw:
        yield _ServiceChannel(raw, audience=audience, tokens=tokens)


def open_channel(
    target: str,
    *,
    tls: TlsSection | None = None,
    service: str = "",
    audience: str = "",
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> grpc.aio.Channel:
    """Return a channel that fits Plexus servers; nothing is added to its calls.

    Args:
        target: gRPC name of the other service.
        tls: this service's certificate; with it the other side must prove to be `audience`,
            whatever its address. None speaks in plain text.
        service: name of this service, which the certificate must have.
        audience: name of the other service.
        max_message_bytes: largest message either way.

    Raises UnusableCertificates.
    """
    options = channel_options(max_message_bytes=max_message_bytes)
    plain = grpc.Compression.NoCompression
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options, compression=plain)
    if not service or not audience:
        raise ValueError("a channel with certificates needs to know both its ends")
    options.append(("grpc.ssl_target_name_override", server_name(audience)))

    def make(found: Certificates) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(
            target, channel_credentials(found), options=options, compression=plain
        )

    return FollowingChannel(watched_certificates(tls, service=service), make)


class _ServiceChannel(grpc.aio.Channel):
    """Gives stubs callables that sign, trace, bound and translate."""

    def __init__(self, raw: grpc.aio.Channel, *, audience: str, tokens: CallerTokens) -> None:
        self._raw = raw
        self._audience = audience
        self._tokens = tokens

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close the connection; calls get `grace` seconds to end."""
        await self._raw.close(grace)

    def get_state(
        self,
        try_to_connect: bool = False,  # noqa: FBT001, FBT002 - gRPC's signature
    ) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._raw.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the connection leaves a state."""
        await self._raw.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the connection is ready."""
        await self._raw.channel_ready()

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a plain method."""
        return self._answering_once(method, self._raw.unary_unary(method, *args, **options))

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method that takes many messages."""
        call = self._raw.stream_unary(method, *args, **options)
        return self._answering_once(method, call, many=True)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method that answers many messages."""
        return self._streaming(self._raw.unary_stream(method, *args, **options))

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method with many messages in both directions."""
        return self._streaming(self._raw.stream_stream(method, *args, **options))

    def _answering_once(
        self, path: str, call: Callable[..., Any], *, many: bool = False
    ) -> Callable[..., Awaitable[Any]]:
        async def invoke(
            request: Any = None,
            *,
            timeout: float | None = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - gRPC's name for it
            metadata: Metadata = (),
            wait_for_ready: bool | None = None,
        ) -> Any:
            with client_span(path, server=self._audience) as current:
                started = call(
                    request,
                    timeout=budget.within(timeout),
                    metadata=(*metadata, *self._metadata()),
                    wait_for_ready=wait_for_ready,
                )
                ending = Ending(started) if many else None
                try:
                    response = await started
                except grpc.aio.AioRpcError as error:
                    ended = await ending.of(error) if ending else error
                    answered(current, ended.code())
                    raise translated(ended, dependency=self._audience) from ended
                answered(current, grpc.StatusCode.OK)
                return response

        return invoke

    def _streaming(self, call: Callable[..., Any]) -> Callable[..., "_Stream"]:
        def invoke(
            request: Any = None,
            *,
            timeout: float | None = None,
            metadata: Metadata = (),
            wait_for_ready: bool | None = None,
        ) -> _Stream:
            started = call(
                request,
                timeout=budget.within(timeout),
                metadata=(*metadata, *self._metadata()),
                wait_for_ready=wait_for_ready,
            )
            return _Stream(started, dependency=self._audience)

        return invoke

    def _metadata(self) -> Metadata:
        token = self._tokens.for_audience(self._audience)
        traceparent = telemetry.inject()
        if not traceparent:
            return ((METADATA_KEY, token),)
        return ((METADATA_KEY, token), (telemetry.TRACEPARENT, traceparent))


class _Stream:
    """A running stream; its end is translated like that of any call."""

    def __init__(self, call: Any, *, dependency: str) -> None:
        self._call = call
        self._responses = aiter(call)
        self._ending = Ending(call)
        self._dependency = dependency

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for response in self._responses:
                yield response
        except grpc.aio.AioRpcError as error:
            raise await self._translated(error) from error
        finally:
            # A caller who stops reading does not need the rest.
            self._call.cancel()

    async def read(self) -> Any:
        """Return the next message, or `grpc.aio.EOF`."""
        return await self._step(anext(self._responses, grpc.aio.EOF))

    async def write(self, request: Any) -> None:
        """Send a message; returns when the flow control takes it."""
        await self._step(self._call.write(request))

    async def done_writing(self) -> None:
        """Half-close: send no more messages."""
        await self._step(self._call.done_writing())

    def cancel(self) -> bool:
        """End the stream at once."""
        return bool(self._call.cancel())

    async def _step(self, step: Awaitable[Any]) -> Any:
        try:
            return await step
        except grpc.aio.AioRpcError as error:
            raise await self._translated(error) from error

    async def _translated(self, error: grpc.aio.AioRpcError) -> Exception:
        return translated(await self._ending.of(error), dependency=self._dependency)
