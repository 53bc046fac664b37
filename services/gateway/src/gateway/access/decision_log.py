"""Decisions on their way to the ledger (GW-7): `gateway.decision.v1`.

A privileged read is recorded before it is answered, and refused while it cannot be recorded.
Changes of state are in the owner's facts already, written in the same transaction; the record of
the allowed or refused caller follows at once in the background and survives an outage of Kafka as
far as memory allows.
"""

import asyncio
from collections import deque
from itertools import islice
from typing import Final

import structlog
from opentelemetry import trace
from plexus.authz.v1.options_pb2 import Requirement
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.events_pb2 import DecisionMade
from plexus.topics import GATEWAY_DECISION_V1
from plexus_access.objects import Object
from plexuskit.backoff import pause
from plexuskit.clock import Clock
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo
from plexuskit.ids import new_id
from plexuskit.kafka import KafkaUnavailable, Outgoing, Producer
from plexuskit.metrics import counter
from plexuskit.service import Health
from plexuskit.timestamps import timestamp

from gateway.access.refusals import ReasonRequired
from gateway.identity import Identity

LOST: Final = counter(
    "plexus_gateway_decisions_lost_total",
    "Decisions that memory could not hold while Kafka was away",
)
CHECK: Final = "decisions"
MAX_WAITING: Final = 50_000
MAX_TOGETHER: Final = 500
MAX_REASON: Final = 500
REASON_KEY: Final = "plexus-reason"
REASON_BYTES_KEY: Final = "plexus-reason-bin"
OK: Final = "OK"
_BACK_OFF: Final = (0.2, 5.0)
_PRIVILEGED: Final = Requirement.EFFECT_PRIVILEGED_READ
_RECORDED: Final = frozenset({Requirement.EFFECT_CHANGE, _PRIVILEGED, Requirement.EFFECT_LOGGED})

log = structlog.get_logger()


class NotRecorded(Refusal):
    """A privileged read cannot be recorded now, so it is not done."""

    kind = Kind.UNAVAILABLE
    text = "This has to be recorded, and the record cannot be kept now; try again in a moment."


class DecisionLog:
    """Sends decisions to Kafka, those that something waits for first."""

    def __init__(self, producer: Producer, *, clock: Clock, health: Health) -> None:
        """Set up the publishing of records.

        Args:
            producer: durable; decisions are acknowledged by all replicas.
            clock: time of a decision.
            health: gets the check `decisions`, for display only.
        """
        self._producer = producer
        self._clock = clock
        self._health = health
        self._waiting: deque[Outgoing] = deque()
        self._awake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def before(
        self,
        method: MethodInfo,
        identity: Identity,
        *,
        object_: Object | None,
        rule: str,
        reason: str,
    ) -> None:
        """Record a privileged read before it is carried out; does nothing for other calls.

        Args:
            method: the method called.
            identity: the caller.
            object_: the object.
            rule: the ground of the decision.
            reason: the reason given by the caller; at most 500 characters are kept.

        Raises:
            ReasonRequired: the method needs a reason and the caller gave none.
            NotRecorded: Kafka does not take it.
        """
        if method.requirement.effect != _PRIVILEGED:
            return
        if method.requirement.needs_reason and not reason.strip():
            raise ReasonRequired
        record = self._record(
            method, identity, object_=object_, allowed=True, outcome="", rule=rule, reason=reason
        )
        try:
            await self._producer.send_batch([record])
        except KafkaUnavailable as error:
            raise NotRecorded from error

    def after(
        self,
        method: MethodInfo,
        identity: Identity,
        *,
        object_: Object | None,
        rule: str,
        outcome: str = OK,
    ) -> None:
        """Record an allowed call with its owner's result, if it changes state.

        A change that the owner's own log records is recorded here only when it was refused.
        """
        effect = method.requirement.effect
        if effect == Requirement.EFFECT_CHANGE or (
            effect == Requirement.EFFECT_LOGGED and outcome != OK
        ):
            self._put(
                self._record(
                    method, identity, object_=object_, allowed=True, outcome=outcome, rule=rule
                )
            )

    def refusals(
        self, method: MethodInfo, identity: Identity, object_: Object | None
    ) -> "RecordedRefusals":
        """Return a context that records the refusal which ends it."""
        return RecordedRefusals(self, method, identity, object_)

    def refused(
        self, method: MethodInfo, identity: Identity, *, object_: Object | None, refusal: Refusal
    ) -> None:
        """Record that a call was refused here, if it would change state or read by privilege."""
        if method.requirement.effect not in _RECORDED:
            return
        self._put(
            self._record(
                method,
                identity,
                object_=object_,
                allowed=False,
                outcome=refusal.reason,
                rule=_rule_of(refusal),
            )
        )

    async def run(self) -> None:
        """Publish until cancelled; while Kafka is down, decisions wait."""
        failures = 0
        while True:
            await self._awake.wait()
            together = list(islice(self._waiting, MAX_TOGETHER))
            if not together:
                self._awake.clear()
                self._idle.set()
                continue
            try:
                await self._producer.send_batch(together)
            except KafkaUnavailable as error:
                self._health.set(CHECK, ok=False, detail=str(error), required=False)
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
                continue
            failures = 0
            self._health.set(CHECK, ok=True, required=False)
            for _ in together:
                self._waiting.popleft()

    async def flush(self) -> None:
        """Wait until nothing waits, at a stop; the caller bounds how long."""
        await self._idle.wait()

    def _put(self, record: Outgoing) -> None:
        if len(self._waiting) >= MAX_WAITING:
            # The newest is dropped: the first ones of a flood are as informative as the last.
            LOST.inc()
            return
        self._waiting.append(record)
        self._idle.clear()
        self._awake.set()

    def _record(
        self,
        method: MethodInfo,
        identity: Identity,
        *,
        object_: Object | None,
        allowed: bool,
        outcome: str,
        rule: str,
        reason: str = "",
    ) -> Outgoing:
        now = self._clock.now()
        span = trace.get_current_span().get_span_context()
        decision = DecisionMade(
            method=method.path[1:],
            permission=method.requirement.permission,
            effect=method.requirement.effect,
            person_id=identity.person_id,
            session_id=identity.session_id,
            api_token_id=identity.api_token_id,
            object=str(object_) if object_ is not None else "",
            allowed=allowed,
            outcome=outcome,
            rule=rule,
            reason=reason[:MAX_REASON],
            trace_id=trace.format_trace_id(span.trace_id) if span.is_valid else "",
        )
        event_id = new_id("evt", now=now)
        envelope = Envelope(
            event_id=event_id,
            tenant_id=identity.tenant_id,
            scope=event_id,
            change_no=1,
            entity_id=decision.object,
            entity_version=1,
            occurred_at=timestamp(now),
            schema_version=1,
            type=DecisionMade.DESCRIPTOR.full_name,
            fact=decision.SerializeToString(),
            actor_id=identity.person_id,
        )
        return (GATEWAY_DECISION_V1.name, identity.tenant_id, envelope.SerializeToString(), {})


class RecordedRefusals:
    """The block in which a call is decided on; every send passes one, so it is no generator."""

    __slots__ = ("_identity", "_log", "_method", "_object")

    def __init__(
        self, log: DecisionLog, method: MethodInfo, identity: Identity, object_: Object | None
    ) -> None:
        self._log = log
        self._method = method
        self._identity = identity
        self._object = object_

    def __enter__(self) -> None:
        """Begin to decide."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Record a refusal, which goes on to the caller."""
        if isinstance(error, Refusal):
            self._log.refused(self._method, self._identity, object_=self._object, refusal=error)


def _rule_of(refusal: Refusal) -> str:
    """Return the rule that refused, from the refusal's metadata."""
    for name in ("permission", "module", "policy", "limit"):
        if name in refusal.metadata:
            return f"{name}:{refusal.metadata[name]}"
    return ""
