"""Calls to any method by its path, bytes in and bytes out, for proxies."""

from collections.abc import AsyncIterable
from typing import Any

import grpc

from plexuskit.grpc.methods import MethodInfo, requirements

__all__ = ["MethodInfo", "RawClient", "requirements"]

Metadata = tuple[tuple[str, str | bytes], ...]
Unary = grpc.aio.UnaryUnaryCall[bytes, bytes]


class RawClient:
    """Calls methods without knowing their messages.

    Each method returns gRPC's own call: await it for one response, iterate it (or `read()`) for
    many, `cancel()` it. Failures raise `grpc.aio.AioRpcError`, whose code, details and trailing
    metadata can be passed on unchanged. Nothing is added to the metadata, the trace included.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Wrap a plain channel, as `open_channel` returns it."""
        self._channel = channel
        # Making the callable of a path costs more than a look-up; there are as many as methods.
        self._callables: dict[tuple[str, str], Any] = {}

    def unary_unary(
        self,
        path: str,
        request: bytes,
        *,
        metadata: Metadata,
        timeout: float | None,
    ) -> Unary:
        """Send one message for one answer.

        Args:
            path: `/<service>/<method>`.
            request: the serialized message.
            metadata: sent as it is.
            timeout: seconds until DEADLINE_EXCEEDED; None for no end.
        """
        call = self._callable("unary_unary", path)
        started: Unary = call(request, metadata=metadata, timeout=timeout)
        return started

    def unary_stream(
        self,
        path: str,
        request: bytes,
        *,
        metadata: Metadata,
        timeout: float | None,
    ) -> grpc.aio.UnaryStreamCall[bytes, bytes]:
        """Send one message for many answers; arguments as for `unary_unary`."""
        call = self._callable("unary_stream", path)
        started: grpc.aio.UnaryStreamCall[bytes, bytes] = call(
            request,
            metadata=metadata,
            timeout=timeout,
        )
        return started

    def stream_unary(
        self,
        path: str,
        requests: AsyncIterable[bytes] | None,
        *,
        metadata: Metadata,
        timeout: float | None,
    ) -> grpc.aio.StreamUnaryCall[bytes, bytes]:
        """Send many messages for one answer; without `requests` the call's `write` sends them."""
        call = self._callable("stream_unary", path)
        started: grpc.aio.StreamUnaryCall[bytes, bytes] = call(
            requests,
            metadata=metadata,
            timeout=timeout,
        )
        return started

    def stream_stream(
        self,
        path: str,
        requests: AsyncIterable[bytes] | None,
        *,
        metadata: Metadata,
        timeout: float | None,
    ) -> grpc.aio.StreamStreamCall[bytes, bytes]:
        """Send many messages for many answers; without `requests` the call's `write` sends them."""
        call = self._callable("stream_stream", path)
        started: grpc.aio.StreamStreamCall[bytes, bytes] = call(
            requests,
            metadata=metadata,
            timeout=timeout,
        )
        return started

    def _callable(self, shape: str, path: str) -> Any:
        key = (shape, path)
        known = self._callables.get(key)
        if known is None:
            known = getattr(self._channel, shape)(path)
            self._callables[key] = known
        return known
