"""Frames as bytes, built once and shared by every session that gets them.

A SessionResponse with one frame is a chunk; joined chunks are a SessionResponse with all their
frames, because a repeated field may be split anywhere. SubscribeResponse has the same shape. So
events pass through from Kafka without being decoded and encoded again.
"""

from collections.abc import Iterable, Iterator, Sequence

from plexus.gateway.v1.session_service_pb2 import (
    ConversationClosed,
    Drain,
    Events,
    Frame,
    Heartbeat,
    Position,
    Resync,
    SessionResponse,
    Signal,
    Welcome,
)
from plexus.messaging.v1.events_pb2 import Typing
from plexus.messaging.v1.messaging_service_pb2 import SendVerdict
from plexus.messaging.v1.signal_service_pb2 import Presence

_LENGTH_DELIMITED = 2
_SEVEN_BITS = 0x7F
_MORE = 0x80
_SHORT_VARINTS = (
    *(bytes((value,)) for value in range(_MORE)),
    *(bytes((value & _SEVEN_BITS | _MORE, value >> 7)) for value in range(_MORE, 2048)),
)
_FRAMES = bytes((SessionResponse.FRAMES_FIELD_NUMBER << 3 | _LENGTH_DELIMITED,))


class Chunk:
    """Frames for a stream. `conversation_id` is empty for frames of no conversation.

    A kept chunk is never dropped: acknowledgements and control. A passing one is dropped first and
    silently: signals.
    """

    __slots__ = ("conversation_id", "data", "kept", "passing")

    def __init__(
        self,
        data: bytes,
        *,
        conversation_id: str = "",
        kept: bool = True,
        passing: bool = False,
    ) -> None:
        self.data = data
        self.conversation_id = conversation_id
        self.kept = kept
        self.passing = passing


def field(number: int, payload: bytes) -> bytes:
    """Encode a length-delimited field of a protobuf message."""
    return b"%b%b%b" % (
        _varint(number << 3 | _LENGTH_DELIMITED),
        _varint(len(payload)),
        payload,
    )


def _framed(number: int, content: bytes) -> bytes:
    """Encode a SessionResponse with one frame, of which one field is set."""
    tag, size = _varint(number << 3 | _LENGTH_DELIMITED), _varint(len(content))
    return b"%b%b%b%b%b" % (
        _FRAMES,
        _varint(len(tag) + len(size) + len(content)),
        tag,
        size,
        content,
    )


def _varint(value: int) -> bytes:
    # Tags and nearly all lengths have one or two bytes.
    if value < len(_SHORT_VARINTS):
        return _SHORT_VARINTS[value]
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def events(conversation_id: str, *, after: int, through: int, envelopes: Sequence[bytes]) -> Chunk:
    """Return the changes of one conversation in (after, through], serialized envelopes in order."""
    head = Events(conversation_id=conversation_id, after=after, through=through)
    number = Events.EVENTS_FIELD_NUMBER
    body = head.SerializeToString() + b"".join([field(number, each) for each in envelopes])
    data = _framed(Frame.EVENTS_FIELD_NUMBER, body)
    return Chunk(data, conversation_id=conversation_id, kept=False)


def personal(envelope: bytes) -> Chunk:
    """Return a record for one person alone, given its serialized envelope."""
    event = field(1, envelope)  # PersonalEvent.event
    return Chunk(_framed(Frame.PERSONAL_FIELD_NUMBER, event), kept=False)


def typing(signal: Typing) -> Chunk:
    """Return a typing signal."""
    return _signal(field(Signal.TYPING_FIELD_NUMBER, signal.SerializeToString()))


def presence(signal: Presence) -> Chunk:
    """Return a presence signal."""
    return _signal(field(Signal.PRESENCE_FIELD_NUMBER, signal.SerializeToString()))


def _signal(body: bytes) -> Chunk:
    return Chunk(_framed(Frame.SIGNAL_FIELD_NUMBER, body), kept=False, passing=True)


def acknowledgement(client_ref: int, verdict: SendVerdict) -> Chunk:
    """Return the acknowledgement of one item."""
    return _acknowledgement(client_ref, field(2, verdict.SerializeToString()))


def acknowledgements(client_refs: Iterable[int], verdict: SendVerdict) -> Iterator[Chunk]:
    """Yield the same acknowledgement for many items; it is encoded once."""
    answer = field(2, verdict.SerializeToString())
    for client_ref in client_refs:
        yield _acknowledgement(client_ref, answer)


def _acknowledgement(client_ref: int, answer: bytes) -> Chunk:
    """Return an acknowledgement, given its encoded field with the verdict."""
    ref = b"\x08" + _varint(client_ref) if client_ref else b""  # Acknowledgement.client_ref
    return Chunk(_framed(Frame.ACKNOWLEDGEMENT_FIELD_NUMBER, ref + answer))


def welcome(
    *,
    session_id: str,
    person_id: str,
    token_expires_at_ms: int,
    heartbeat_seconds: int,
    positions: Iterable[tuple[str, int]],
) -> Chunk:
    """Return the first frame of a stream; position 0 is of a conversation not seen yet here."""
    return _control(
        Frame(
            welcome=Welcome(
                session_id=session_id,
                person_id=person_id,
                token_expires_at_ms=token_expires_at_ms,
                heartbeat_seconds=heartbeat_seconds,
                positions=_positions(positions),
            )
        )
    )


def resync(conversation_ids: Iterable[str], *, reason: str) -> Chunk:
    """Return the notice that events were not delivered; no conversation means all of them."""
    return _control(Frame(resync=Resync(conversation_ids=conversation_ids, reason=reason)))


def closed(conversation_id: str, *, change_no: int) -> Chunk:
    """Return the notice that the person is no longer a member (MSG-14)."""
    frame = ConversationClosed(conversation_id=conversation_id, change_no=change_no)
    return _control(Frame(conversation_closed=frame))


def drain(*, within_ms: int) -> Chunk:
    """Return the notice that this gateway is leaving."""
    return _control(Frame(drain=Drain(within_ms=within_ms)))


def heartbeat(*, server_time_ms: int, positions: Iterable[tuple[str, int]] = ()) -> Chunk:
    """Return the heartbeat of a stream, with positions of conversations."""
    beat = Heartbeat(server_time_ms=server_time_ms, positions=_positions(positions))
    return _control(Frame(heartbeat=beat))


def _control(frame: Frame) -> Chunk:
    return Chunk(SessionResponse(frames=[frame]).SerializeToString())


def _positions(pairs: Iterable[tuple[str, int]]) -> list[Position]:
    return [Position(conversation_id=id_, through=through) for id_, through in pairs]
