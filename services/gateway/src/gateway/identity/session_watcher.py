"""Detection of ended sessions: events at once, and a re-check that needs no Kafka."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from google.protobuf.message import DecodeError
from plexus.directory.v1 import session_service_pb2 as pb
from plexus.directory.v1.events_pb2 import PersonDeactivated, SessionRevoked
from plexus.topics import DIRECTORY_PERSON_V1
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.items import item_failed
from plexuskit.kafka import InvalidRecord, Record
from plexuskit.service import Health
from plexuskit.timestamps import instant_of

from gateway.identity.ended import EndedSessions

RECHECKED_EVERY: Final = 30.0
MAX_ASKED: Final = 10_000
EVENTS_CHECK: Final = "session_events"
RECHECK_CHECK: Final = "session_recheck"

log = structlog.get_logger()


FindEndedSessions = Callable[[pb.FindEndedSessionsRequest], Awaitable[pb.FindEndedSessionsResponse]]
"""Directory's method, as its stub calls it."""


class SessionWatcher:
    """Feeds EndedSessions (GW-4: at most 1 s by event, at most 60 s without Kafka)."""

    def __init__(
        self, ended: EndedSessions, *, find_ended_sessions: FindEndedSessions, health: Health
    ) -> None:
        """Set up the watch.

        Args:
            ended: receives the ended sessions.
            find_ended_sessions: queries directory, for the re-check.
            health: gets two checks for display that never make the process unready.
        """
        self._ended = ended
        self._find_ended_sessions = find_ended_sessions
        self._health = health
        self._recheck_now = asyncio.Event()

    # By the tail that follows directory for the relations (`plexus_access.feeding.Listener`).

    def entered(self) -> None:
        """Begin receiving directory's events."""
        self._health.set(EVENTS_CHECK, ok=True, required=False)
        # Sessions that ended while nothing was consumed are in no later event.
        self._recheck_now.set()

    def received(self, records: Sequence[Record]) -> None:
        """Process records of directory's topics; only those about people matter here."""
        self.apply([each for each in records if each.topic == DIRECTORY_PERSON_V1.name])

    def lost(self, error: str) -> None:
        """Record that events have stopped arriving; the re-check continues."""
        self._health.set(EVENTS_CHECK, ok=False, detail=error, required=False)

    def apply(self, records: Sequence[Record]) -> None:
        """Apply records of `directory.person.v1`; one that cannot be read is skipped."""
        for record in records:
            try:
                self._apply(record)
            except (InvalidRecord, DecodeError) as error:
                log.warning("session.event_unreadable", offset=record.offset, error=str(error))
            except Exception as error:  # noqa: BLE001 - one record fails alone (GW-8)
                item_failed(error, of="gateway.session_events")
                self._recheck_now.set()

    async def recheck(self) -> None:
        """Query directory every 30 s, until cancelled, for sessions in use that have ended."""
        while True:
            try:
                async with asyncio.timeout(RECHECKED_EVERY):
                    await self._recheck_now.wait()
            except TimeoutError:
                self._ended.forget()
            self._recheck_now.clear()
            try:
                await self.recheck_once()
            except (Refusal, RemoteFailure) as error:
                self._health.set(RECHECK_CHECK, ok=False, detail=str(error), required=False)
            else:
                self._health.set(RECHECK_CHECK, ok=True, required=False)

    async def recheck_once(self) -> None:
        """Ask directory now. Raises DependencyDown when it cannot be asked."""
        sessions = self._ended.in_use()
        for start in range(0, len(sessions), MAX_ASKED):
            asked = sessions[start : start + MAX_ASKED]
            answer = await self._find_ended_sessions(pb.FindEndedSessionsRequest(session_ids=asked))
            self._ended.end(answer.ended_session_ids)

    def _apply(self, record: Record) -> None:
        envelope = record.envelope
        if envelope.type == SessionRevoked.DESCRIPTOR.full_name:
            self._ended.end([SessionRevoked.FromString(envelope.fact).session_id])
        elif envelope.type == PersonDeactivated.DESCRIPTOR.full_name:
            person = PersonDeactivated.FromString(envelope.fact).person
            self._ended.deactivate(person.id, at=instant_of(envelope.occurred_at))
