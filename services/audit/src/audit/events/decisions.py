"""Decisions of the gateway as occurrences."""

from typing import Final

from google.protobuf.message import DecodeError
from plexus.authz.v1.options_pb2 import Requirement
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.events_pb2 import DecisionMade

from audit.domain.entries import Decision, Occurrence
from audit.events.reading import Unreadable, happened_at

# A privileged read is recorded before its owner has answered.
_DONE: Final = frozenset({"", "OK"})
_EFFECTS: Final = {
    Requirement.EFFECT_CHANGE: "change",
    Requirement.EFFECT_PRIVILEGED_READ: "privileged_read",
    Requirement.EFFECT_LOGGED: "logged",
}


def decision(envelope: Envelope) -> Occurrence:
    """Read a decision of the gateway. Raises Unreadable when it breaks its contract."""
    try:
        fact = DecisionMade.FromString(envelope.fact)
    except DecodeError as error:
        raise Unreadable(f"the fact is no {envelope.type}") from error
    if not envelope.tenant_id:
        raise Unreadable("the event names no tenant")
    details = {"permission": fact.permission}
    if effect := _EFFECTS.get(fact.effect):
        details["effect"] = effect
    return Occurrence(
        tenant_id=envelope.tenant_id,
        occurred_at=happened_at(envelope),
        event_id=envelope.event_id,
        action=_short(fact.method),
        actor_id=fact.person_id,
        api_token_id=fact.api_token_id,
        session_id=fact.session_id,
        object=fact.object or f"tenant:{envelope.tenant_id}",
        decision=_decided(fact),
        outcome=fact.outcome,
        rule=fact.rule,
        access_version=fact.access_version,
        reason=fact.reason,
        trace_id=fact.trace_id,
        details=details,
    )


def _decided(fact: DecisionMade) -> Decision:
    """Return whether it was carried out: the owner may refuse a call that the gateway allowed."""
    done = fact.allowed and fact.outcome in _DONE
    return Decision.ALLOWED if done else Decision.REFUSED


def _short(method: str) -> str:
    """Shorten a full method name to service and method."""
    service, _, name = method.rpartition("/")
    return f"{service.rpartition('.')[2]}/{name}" if service else name
