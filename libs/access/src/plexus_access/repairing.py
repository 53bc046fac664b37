"""Repair of directory's facts that did not arrive whole, by reading them from directory.

A fact that was too large for a record is read by its number. For a record that cannot be read even
the entity is unknown, so the current state behind its topic is read. Neither replaces newer data:
everything is applied by version.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from plexus.authz.v1.authority_pb2 import ReadFactsRequest, SnapshotRequest
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure

from plexus_access.replica import Replica

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

log = structlog.get_logger()

REPAIRED_EVERY: Final = 5.0
"""Seconds between two repairs, however many records are broken."""
MAX_FACTS: Final = 100
_BACK_OFF: Final = (0.2, 30.0)

_Place = tuple[str, str, int]
"""Topic, scope and number of a fact."""


class Repairs:
    """Reads missing facts, one repair at a time and at a bounded rate."""

    def __init__(
        self, replica: Replica, directory: "AuthorityAsyncStub", *, every: float = REPAIRED_EVERY
    ) -> None:
        """Set up the repair.

        Args:
            replica: receives the facts.
            directory: client of its Authority.
            every: seconds between two repairs.
        """
        self._replica = replica
        self._directory = directory
        self._every = every
        self._facts: set[_Place] = set()
        self._topics: set[str] = set()
        self._awake = asyncio.Event()

    def omitted(self, topic: str, envelope: Envelope) -> None:
        """Record a fact whose content its topic leaves out."""
        if len(self._facts) < MAX_FACTS:
            self._facts.add((topic, envelope.scope, envelope.change_no))
        else:
            self._topics.add(topic)
        self._awake.set()

    def unreadable(self, topic: str) -> None:
        """Record a record or fact that cannot be read."""
        self._topics.add(topic)
        self._awake.set()

    async def run(self) -> None:
        """Repair until cancelled, each time again with back-off until directory has answered."""
        failures = 0
        while True:
            await self._awake.wait()
            self._awake.clear()
            facts, self._facts = self._facts, set()
            topics, self._topics = self._topics, set()
            try:
                topics |= {place[0] for place in facts if not await self._read(place)}
                for topic in topics:
                    await self._load(topic)
            except (Refusal, RemoteFailure) as error:
                log.warning("access.repair_failed", error=str(error))
                self._facts |= facts
                self._topics |= topics
                self._awake.set()
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
            else:
                log.info("access.repaired", facts=len(facts), topics=sorted(topics))
                failures = 0
                await asyncio.sleep(self._every)

    async def _read(self, place: _Place) -> bool:
        """Apply one fact; return whether directory had it whole."""
        topic, scope, number = place
        request = ReadFactsRequest(
            topic=topic, scope=scope, from_change_no=number, through_change_no=number
        )
        try:
            answer = await self._directory.ReadFacts(request)
        except RemoteFailure as error:
            log.warning("access.fact_not_read", topic=topic, scope=scope, error=str(error))
            return False
        whole = [fact for fact in answer.facts if not fact.omitted]
        self._replica.take(whole)
        return bool(whole)

    async def _load(self, topic: str) -> None:
        async for frame in self._directory.Snapshot(SnapshotRequest(topics=[topic])):
            self._replica.take(frame.facts)
