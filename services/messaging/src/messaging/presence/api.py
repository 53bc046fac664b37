"""SignalService: typing and presence."""

from typing import Any

from plexus.messaging.v1 import signal_service_pb2, signal_service_pb2_grpc
from plexuskit.clock import Clock
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor
from plexuskit.timestamps import timestamp

from messaging.messages.store.stores import Store
from messaging.presence.domain import State
from messaging.presence.events import PRESENCE_STATES
from messaging.presence.operations.presence import (
    Presences,
    UserPresence,
    list_presence,
    signal_presence,
)
from messaging.presence.operations.signals import Signals
from messaging.presence.operations.typing import signal_typing

pb = signal_service_pb2

MAX_PEOPLE = 200

_STATES = {number: state for state, number in PRESENCE_STATES.items()}


class SignalApi(signal_service_pb2_grpc.SignalServiceServicer):
    """Short-lived signals; none of them waits for Kafka."""

    def __init__(
        self, store: Store, signals_: Signals, presences: Presences, *, clock: Clock
    ) -> None:
        self._store = store
        self._signals = signals_
        self._presences = presences
        self._clock = clock

    async def SignalTyping(
        self, request: pb.SignalTypingRequest, context: Any
    ) -> pb.SignalTypingResponse:
        if request.root_seq < 0:
            raise InvalidArgument(field="root_seq", problem="is negative")
        await signal_typing(
            self._store,
            self._signals,
            actor=actor(),
            conversation_id=request.conversation_id,
            root_seq=request.root_seq,
            stopped=request.stopped,
            now=self._clock.now(),
        )
        return pb.SignalTypingResponse()

    async def SignalPresence(
        self, request: pb.SignalPresenceRequest, context: Any
    ) -> pb.SignalPresenceResponse:
        signal_presence(
            self._signals, actor=actor(), state=_state(request.state), now=self._clock.now()
        )
        return pb.SignalPresenceResponse()

    async def ListPresence(
        self, request: pb.ListPresenceRequest, context: Any
    ) -> pb.ListPresenceResponse:
        wanted = list(dict.fromkeys(request.person_ids))
        if len(wanted) > MAX_PEOPLE:
            raise InvalidArgument(field="person_ids", problem=f"takes at most {MAX_PEOPLE}")
        presences = await list_presence(
            self._store,
            self._presences,
            actor=actor(),
            person_ids=wanted,
            now=self._clock.now(),
        )
        return pb.ListPresenceResponse(presences=[_presence(each) for each in presences])


def _state(number: pb.Presence.State.ValueType) -> State:
    if number not in _STATES:
        raise InvalidArgument(field="state", problem="must be online, away or offline")
    return _STATES[number]


def _presence(presence: UserPresence) -> pb.Presence:
    seen_at = None if presence.seen_at is None else timestamp(presence.seen_at)
    return pb.Presence(
        person_id=presence.person_id, state=PRESENCE_STATES[presence.state], seen_at=seen_at
    )
