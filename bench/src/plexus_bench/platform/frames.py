"""Encoding of a client stream, and the parts of its responses that a benchmark needs."""

from typing import Final, NamedTuple

from plexus.gateway.v1.session_service_pb2 import (
    Acknowledgement,
    Events,
    Hello,
    SendItem,
    SessionRequest,
    SessionResponse,
)
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest

_POSTED: Final = ".MessagePosted"
_MAX_REMEMBERED: Final = 1024


# gRPC codes of transient refusals: the client sends again.
_PASSING: Final = frozenset({1, 4, 8, 14})  # CANCELLED, DEADLINE_EXCEEDED, RESOURCE_…, UNAVAILABLE


class Told(NamedTuple):
    """An acknowledgement; `reason` is empty if the message is stored."""

    client_ref: int
    reason: str
    passing: bool


class Posted(NamedTuple):
    """A change of a conversation; `ref` is empty if it is not a message."""

    change_no: int
    ref: str
    seq: int


class Changes(NamedTuple):
    """Consecutive changes of a conversation, with numbers in (after, through]."""

    conversation: str
    after: int
    through: int
    posted: tuple[Posted, ...]


class Response(NamedTuple):
    """Content of one response of the stream."""

    welcomed: bool
    told: tuple[Told, ...]
    changes: tuple[Changes, ...]
    positions: tuple[tuple[str, int], ...]
    # Conversations to fetch again, `""` for all of them.
    lost: tuple[str, ...]


class Decoder:
    """Decoder of responses; bytes that many sessions receive are decoded once."""

    def __init__(self) -> None:
        self._remembered: dict[bytes, Response] = {}

    def read(self, data: bytes) -> Response:
        """Decode one response."""
        known = self._remembered.get(data)
        if known is None:
            if len(self._remembered) >= _MAX_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[data] = _read(data)
        return known


def hello(device: str) -> bytes:
    """Return the first frame of a stream."""
    return SessionRequest(hello=Hello(device=device)).SerializeToString()


def send(client_ref: int, conversation: str, *, ref: str, body: str) -> bytes:
    """Return the frame that sends one message."""
    command = SendMessageRequest(conversation_id=conversation, request_id=ref, text=body)
    item = SendItem(
        client_ref=client_ref,
        conversation_id=conversation,
        command=command.SerializeToString(),
    )
    return SessionRequest(sends=[item]).SerializeToString()


def _read(data: bytes) -> Response:
    welcomed, told, changes, positions, lost = False, [], [], [], []
    for frame in SessionResponse.FromString(data).frames:
        match frame.WhichOneof("frame"):
            case "acknowledgement":
                told.append(_told(frame.acknowledgement))
            case "events":
                changes.append(_changes(frame.events))
            case "welcome":
                welcomed = True
                positions += [
                    (each.conversation_id, each.through) for each in frame.welcome.positions
                ]
            case "heartbeat":
                positions += [
                    (each.conversation_id, each.through) for each in frame.heartbeat.positions
                ]
            case "resync":
                lost += list(frame.resync.conversation_ids) or [""]
            case _:
                pass
    return Response(welcomed, tuple(told), tuple(changes), tuple(positions), tuple(lost))


def _told(answer: Acknowledgement) -> Told:
    if answer.verdict.HasField("stored"):
        return Told(answer.client_ref, "", passing=False)
    refused = answer.verdict.refused
    reason = refused.reason or f"code {refused.code}"
    return Told(answer.client_ref, reason, passing=refused.code in _PASSING)


def _changes(events: Events) -> Changes:
    posted = []
    for envelope in events.events:
        if envelope.type.endswith(_POSTED):
            message = MessagePosted.FromString(envelope.fact).message
            posted.append(Posted(envelope.change_no, message.request_id, message.seq))
        else:
            posted.append(Posted(envelope.change_no, "", 0))
    return Changes(events.conversation_id, events.after, events.through, tuple(posted))
