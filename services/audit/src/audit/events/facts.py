"""Which facts stand in the ledger, and what each says of the history.

What is said in conversations is left out: conversations are logs with chains of their own.
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

from audit.domain.entries import Occurrence
from audit.domain.history import State
from audit.events import directory, work
from audit.events.reading import Unreadable, happened_at
from audit.events.sign_in import sign_in_details

__all__ = ["Told", "Unreadable", "told"]

_TRACE_PARTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a fact tells: an occurrence for the ledger, states for the history."""

    occurrence: Occurrence
    states: tuple[State, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    fact: Any
    object: str
    states: Callable[[Envelope, Any], list[State]]
    # Whether versions of the object are dense, so that the one before is one less.
    dense: bool = True
    name: Callable[[Envelope, Any], str] = lambda envelope, _: str(envelope.entity_id)


def _nothing(_: Envelope, __: Any) -> list[State]:
    return []


_READERS: Final[Mapping[str, _Reader]] = MappingProxyType(
    {
        reader.fact.DESCRIPTOR.full_name: reader
        for reader in (
            *(
                _Reader(fact=fact, object="person", states=directory.person_states)
                for fact in (
                    directory_facts.PersonAdded,
                    directory_facts.PersonChanged,
                    directory_facts.PersonDeactivated,
                )
            ),
            _Reader(
                fact=directory_facts.SessionRevoked, object="session", states=_nothing, dense=False
            ),
            *(
                _Reader(fact=fact, object=object_, states=_nothing, dense=False)
                for fact, object_ in (
                    (directory_facts.SessionStarted, "session"),
                    (directory_facts.PasswordSet, "person"),
                    (directory_facts.ApiTokenCreated, "api_token"),
                    (directory_facts.SecondFactorAdded, "second_factor"),
                    (directory_facts.SecondFactorRemoved, "second_factor"),
                )
            ),
            _Reader(
                fact=directory_facts.SignInFailed,
                object="sign_in",
                states=_nothing,
                dense=False,
                name=lambda envelope, fact: str(fact.person_id or envelope.tenant_id),
            ),
            *(
                _Reader(fact=fact, object="department", states=directory.department_states)
                for fact in (directory_facts.DepartmentAdded, directory_facts.DepartmentChanged)
            ),
            _Reader(
                fact=directory_facts.GroupChanged, object="group", states=directory.group_states
            ),
            _Reader(
                fact=directory_facts.RoleChanged,
                object="role",
                states=directory.role_states,
                # A built-in role has the same id in every tenant, its entity has not.
                name=lambda _, fact: str(fact.role.id),
            ),
            _Reader(
                fact=directory_facts.RoleBindingChanged,
                object="role_binding",
                states=directory.binding_states,
            ),
            _Reader(
                fact=directory_facts.AccessPolicyChanged,
                object="policy",
                states=directory.policy_states,
            ),
            _Reader(
                fact=directory_facts.ModuleChanged,
                object="module",
                states=directory.module_states,
                name=lambda _, fact: str(fact.module.name),
            ),
            _Reader(
                fact=directory_facts.FeedStopped,
                object="feed",
                states=_nothing,
                name=lambda envelope, _: str(envelope.tenant_id),
            ),
            *(
                _Reader(fact=fact, object="conversation", states=work.conversation_states)
                for fact in (
                    messaging_facts.ConversationCreated,
                    messaging_facts.ConversationChanged,
                    messaging_facts.ConversationArchived,
                )
            ),
            *(
                _Reader(fact=fact, object="conversation", states=work.member_states, dense=False)
                for fact in (messaging_facts.MembersAdded, messaging_facts.MembersRemoved)
            ),
            *(
                _Reader(fact=fact, object="task", states=work.task_states)
                for fact in (
                    tasks_facts.TaskCreated,
                    tasks_facts.TaskChanged,
                    tasks_facts.TaskOverdue,
                )
            ),
            *(
                _Reader(fact=fact, object="project", states=work.project_states)
                for fact in (tasks_facts.ProjectCreated, tasks_facts.ProjectChanged)
            ),
        )
    }
)
RECORDED: Final = frozenset(_READERS)
"""Full names of the facts that stand in the ledger."""
LEFT_OUT: Final = frozenset(
    fact.DESCRIPTOR.full_name
    for fact in (
        messaging_facts.MessagePosted,
        messaging_facts.MessageEdited,
        messaging_facts.MessageRecalled,
        messaging_facts.MessageReacted,
        messaging_facts.MessagePinned,
        messaging_facts.MessageLabeled,
        messaging_facts.ChainBegun,
    )
)
"""Full names of those that do not: a conversation's own log has them."""


def told(envelope: Envelope, *, traceparent: str = "") -> Told | None:
    """Read what a fact tells; nothing for one that is no entry.

    Args:
        envelope: the event.
        traceparent: W3C trace context of the command behind it; empty when unknown.

    Raises:
        Unreadable: it breaks its contract.
    """
    reader = _READERS.get(envelope.type)
    if reader is None:
        return None
    try:
        fact = reader.fact.FromString(envelope.fact)
    except DecodeError as error:
        raise Unreadable(f"the fact is no {envelope.type}") from error
    if not envelope.tenant_id or not envelope.entity_id:
        raise Unreadable("the event names no tenant or no entity")
    after = envelope.entity_version
    occurrence = Occurrence(
        tenant_id=envelope.tenant_id,
        occurred_at=happened_at(envelope),
        event_id=envelope.event_id,
        action=envelope.type.rpartition(".")[2],
        actor_id=envelope.actor_id,
        object=f"{reader.object}:{reader.name(envelope, fact)}",
        version_before=after - 1 if reader.dense else 0,
        version_after=after,
        trace_id=trace_id(traceparent),
        details=_details(envelope, fact),
        about=_about(fact),
    )
    return Told(occurrence=occurrence, states=tuple(reader.states(envelope, fact)))


def trace_id(traceparent: str) -> str:
    """Return the trace's id in a W3C trace context; empty when there is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == _TRACE_PARTS else ""


def _about(fact: Any) -> str:
    """Name the object whose departments an entry belongs to; empty for the fact's own."""
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
