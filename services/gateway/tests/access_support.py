"""A gateway's view of permissions, without its owning services."""

from collections.abc import Sequence
from typing import Any, cast

from gateway.access import Access, DecisionLog, Projection
from gateway.config import LimitsSection
from plexus.authz.v1.authority_pb2 import RecheckRequest, RecheckResponse, Verdict
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.events_pb2 import DecisionMade
from plexuskit.clock import SystemClock
from plexuskit.kafka import KafkaUnavailable
from plexuskit.service import Health


class Standing:
    """Authorisation state of a gateway, and a sink for its decisions."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.projection = Projection()
        self.access = Access(
            self.projection,
            messaging=self._recheck,
            tasks=self._recheck,
            limits=LimitsSection(),
            clock=clock,
        )
        self.decision_log = DecisionLog(cast("Any", self), clock=clock, health=Health())
        self.records: list[Envelope] = []
        self.kafka_down = False
        # Objects that owners confirm, and the queries they received.
        self.readable: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str]] = []

    async def send_batch(self, records: Sequence[tuple[str, str, bytes, Any]]) -> None:
        """Record decisions as Kafka does."""
        if self.kafka_down:
            raise KafkaUnavailable(doing="send")
        self.records += [Envelope.FromString(value) for _, _, value, _ in records]

    @property
    def decisions(self) -> list[DecisionMade]:
        return [DecisionMade.FromString(record.fact) for record in self.records]

    async def _recheck(self, request: RecheckRequest) -> RecheckResponse:
        self.asked += [(request.person_id, f"{ref.kind}:{ref.id}") for ref in request.refs]
        return RecheckResponse(
            verdicts=[
                Verdict(readable=(request.person_id, f"{ref.kind}:{ref.id}") in self.readable)
                for ref in request.refs
            ]
        )
