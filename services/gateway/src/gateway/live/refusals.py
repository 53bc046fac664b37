"""Everything that a stream or an item of it is refused for, by name."""

from plexus.messaging.v1.messaging_service_pb2 import SendRefusal, SendVerdict
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc.status import CODES


class HelloMissing(Refusal):
    """A session begins with Hello, in its first frame and in no other."""

    kind = Kind.INVALID
    text = "Send Hello in the first frame of a session, and only there."


class SessionMismatch(Refusal):
    """Reauthenticate takes a token of the same session alone (GW-1)."""

    kind = Kind.UNAUTHENTICATED
    text = "The token belongs to another session; open a new stream for it."


class StreamExpired(Refusal):
    """The token of the stream is past its life and its grace."""

    kind = Kind.UNAUTHENTICATED
    reason = "TOKEN_EXPIRED"
    text = "The access token of this stream has expired; refresh it and open a new stream."


class GatewayDraining(Refusal):
    """This gateway is going away."""

    kind = Kind.UNAVAILABLE
    text = "This gateway is stopping; open a new stream."


class ItemTooLarge(Refusal):
    """An item is larger than any message may be (MSG-18)."""

    kind = Kind.INVALID
    text = "The item has {bytes} bytes; at most {limit} fit."


class TooManyUnacknowledged(Refusal):
    """A session has more on its way than it may (MSG-18)."""

    kind = Kind.EXHAUSTED
    text = "{limit} messages wait for their acknowledgement; wait for some of them."


class TooManyItems(Refusal):
    """A frame has more items than one frame may."""

    kind = Kind.INVALID
    text = "The frame has {items} items; at most {most} fit."


class SendsWaiting(Refusal):
    """More messages are waiting in this gateway than it accepts."""

    kind = Kind.EXHAUSTED
    text = "Too many messages are waiting; try again in a moment."


class OwnerUnreachable(Refusal):
    """The outcome of an item is unknown; the same request id stores it once (MSG-3)."""

    kind = Kind.UNAVAILABLE
    text = "Messages cannot be stored now; send it again with the same request id."


def refused_verdict(refusal: Refusal) -> SendVerdict:
    """Return a refusal as the verdict on one item, with the same fields as in a gRPC status."""
    retry = refusal.retry_after
    return SendVerdict(
        refused=SendRefusal(
            code=CODES[refusal.kind].value[0],
            reason=refusal.reason,
            message=refusal.message(),
            metadata=dict(refusal.metadata),
            retry_after_ms=0 if retry is None else int(retry.total_seconds() * 1000),
        )
    )
