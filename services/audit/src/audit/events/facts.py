"""Facts as entries of the ledger and states of the history.

Options in proto/ declare which facts are recorded, and their object. Messages are left out:
conversations are logs with chains of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.directory.v1 import events_pb2 as directory_facts
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_facts
from plexus.tasks.v1 import events_pb2 as tasks_facts
from plexus.topics import AUDIT_FACTS
from plexuskit.facts import FACT_TYPES

from audit.domain.entries import Occurrence
from audit.domain.history import State
from audit.events import directory, work
from audit.events.reading import Unreadable, happened_at
from audit.events.sign_in import sign_in_details

__all__ = ["ParsedFact", "Unreadable", "parse_fact"]

_TRACE_PARTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFact:
    """An occurrence for the ledger and states for the history, read from a fact."""

    occurrence: Occurrence
    states: tuple[State, ...]


_READ: Final = {
    name: type_ for name, type_ in FACT_TYPES.items() if type_.topic in AUDIT_FACTS.topics
}
RECORDED: Final = frozenset(name for name, type_ in _READ.items() if type_.recorded)
"""Full names of the facts that are entries of the ledger."""
LEFT_OUT: Final = _READ.keys() - RECORDED
"""Full names of those that are not: a conversation's own log has them."""

_STATES: Final[Mapping[type, Callable[[Envelope, Any], list[State]]]] = MappingProxyType(
    {
        directory_facts.PersonAdded: directory.person_states,
        directory_facts.PersonChanged: directory.person_states,
        directory_facts.PersonDeactivated: directory.person_states,
        directory_facts.DepartmentAdded: directory.department_states,
        directory_facts.DepartmentChanged: directory.department_states,
        directory_facts.GroupChanged: directory.group_states,
        directory_facts.RoleChanged: directory.role_states,
        directory_facts.RoleBindingChanged: directory.binding_states,
        directory_facts.AccessPolicyChanged: directory.policy_states,
        directory_facts.ModuleChanged: directory.module_states,
        messaging_facts.ConversationCreated: work.conversation_states,
        messaging_facts.ConversationChanged: work.conversation_states,
        messaging_facts.ConversationArchived: work.conversation_states,
        messaging_facts.MembersAdded: work.member_states,
        messaging_facts.MembersRemoved: work.member_states,
        tasks_facts.TaskCreated: work.task_states,
        tasks_facts.TaskChanged: work.task_states,
        tasks_facts.TaskOverdue: work.task_states,
        tasks_facts.ProjectCreated: work.project_states,
        tasks_facts.ProjectChanged: work.project_states,
    }
)
"""States of the history by type of fact; the other facts are entries alone."""


def parse_fact(envelope: Envelope, *, traceparent: str = "") -> ParsedFact | None:
    """Read the entry and states of a fact; None for a fact that is not recorded.

    Args:
        envelope: the event.
        traceparent: W3C trace context of the command behind it; empty when unknown.

    Raises:
        Unreadable: it breaks its contract.
    """
    if envelope.type not in RECORDED:
        return None
    type_ = _READ[envelope.type]
    try:
        fact = type_.message.FromString(envelope.fact)
    except DecodeError as error:
        raise Unreadable(f"the fact is no {envelope.type}") from error
    if not envelope.tenant_id or not envelope.entity_id:
        raise Unreadable("the event names no tenant or no entity")
    states = _STATES.get(type_.message)
    after = envelope.entity_version
    occurrence = Occurrence(
        tenant_id=envelope.tenant_id,
        occurred_at=happened_at(envelope),
        event_id=envelope.event_id,
        action=envelope.type.rpartition(".")[2],
        actor_id=envelope.actor_id,
        object=f"{type_.subject}:{type_.subject_id_of(envelope, fact)}",
        version_before=0 if type_.sparse else after - 1,
        version_after=after,
        trace_id=trace_id(traceparent),
        details=_details(envelope, fact),
        about=_about(fact),
    )
    return ParsedFact(occurrence=occurrence, states=tuple(states(envelope, fact)) if states else ())


def trace_id(traceparent: str) -> str:
    """Return the trace's id in a W3C trace context; empty when there is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == _TRACE_PARTS else ""


def _about(fact: Any) -> str:
    """Return the object whose departments an entry belongs to; empty for the fact's own."""
    if isinstance(fact, directory_facts.SessionRevoked):
        return f"person:{fact.person_id}"
    if isinstance(fact, directory_facts.RoleBindingChanged):
        return str(fact.binding.scope)
    return ""


def _details(envelope: Envelope, fact: Any) -> Mapping[str, str]:
    details: dict[str, str] = dict(sign_in_details(fact))
    if isinstance(fact, messaging_facts.MembersRemoved):
        details["left"] = "true" if fact.left else "false"
    if envelope.origin:
        details["origin"] = envelope.origin
    return details
