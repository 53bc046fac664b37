"""Streams of the gateway: how they begin, whichever client carries them."""

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
    """The stream ended before the answer came; whether the message is stored is unknown."""


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that authenticates a call."""
    return (("authorization", f"Bearer {token}"),)


def own_channel(address: str) -> grpc.aio.Channel:
    """Open a channel of grpcio that shares its connection with no other."""
    return grpc.aio.insecure_channel(address, options=OWN_CONNECTION)


def open_stream(channel: grpc.aio.Channel, token: str) -> Any:
    """Begin a stream of serialized requests and responses."""
    return channel.stream_stream(METHOD)(metadata=bearer(token))


async def welcomed(call: Any, decoder: Decoder) -> Response:
    """Say Hello and return the response that begins with Welcome.

    Args:
        call: Of `open_stream`, or `http2.Call`.
        decoder: Reads the response.

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
