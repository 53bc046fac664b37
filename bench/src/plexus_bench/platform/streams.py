"""Start of gateway streams, independent of the client that carries them."""

from typing import Any, Final

import grpc

from plexus_bench.platform import frames
from plexus_bench.platform.frames import Decoder, Response
from plexus_bench.system import NotStored

METHOD: Final = "/plexus.gateway.v1.SessionService/Session"
# Channels to one address share a connection unless each has a pool of its own.
OWN_CONNECTION: Final = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


class StreamEnded(NotStored):
    """The stream ended before the answer arrived; it is unknown whether the message is stored."""


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that authenticates a call."""
    return (("authorization", f"Bearer {token}"),)


def own_channel(address: str) -> grpc.aio.Channel:
    """Open a grpcio channel with its own connection."""
    return grpc.aio.insecure_channel(address, options=OWN_CONNECTION)


def open_stream(channel: grpc.aio.Channel, token: str) -> Any:
    """Start a stream of serialized requests and responses."""
    return channel.stream_stream(METHOD)(metadata=bearer(token))


async def welcomed(call: Any, decoder: Decoder) -> Response:
    """Send Hello and return the response that begins with Welcome.

    Args:
        call: Result of `open_stream`, or an `http2.Call`.
        decoder: Decoder of the response.

    Raises:
        StreamEnded: The gateway ended the stream instead.
        grpc.aio.AioRpcError, CallEnded: It was refused, or the gateway cannot be reached.
    """
    await call.write(frames.hello("bench"))
    data = await call.read()
    if not isinstance(data, bytes):
        raise StreamEnded("the gateway ended the stream before Welcome")
    response = decoder.read(data)
    if not response.welcomed:
        raise StreamEnded("the first frame is no Welcome")
    return response
