"""Conversion from protobuf to domain values; the reverse is in `tasks.events`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from plexus.tasks.v1 import tasks_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import actor

from tasks import events
from tasks.domain.dues import Due, due_at, due_on
from tasks.domain.identity import Actor, PersonId, TenantId
from tasks.domain.states import Priority, State

_STATES: Final[Mapping[int, State]] = MappingProxyType(
    {value: state for state, value in events.STATES.items()}
)
_PRIORITIES: Final[Mapping[int, Priority]] = MappingProxyType(
    {value: priority for priority, value in events.PRIORITIES.items()}
)


def current_actor() -> Actor:
    """Return the person of the request being served. Refusals: Unauthenticated for others."""
    person = actor()
    return Actor(tenant_id=TenantId(person.tenant_id), person_id=PersonId(person.person_id))


def state_of(value: int) -> State:
    """Return a state. Refusals: InvalidArgument."""
    if value not in _STATES:
        raise InvalidArgument(field="state", problem=f"has no value {value}; use a known state")
    return _STATES[value]


def optional_state_of(value: int) -> State | None:
    """Return a state, or nothing where it is unspecified. Refusals: InvalidArgument."""
    return state_of(value) if value != tasks_pb2.Task.STATE_UNSPECIFIED else None


def optional_priority_of(value: int) -> Priority | None:
    """Return a priority, or nothing where it is unspecified. Refusals: InvalidArgument."""
    if value == tasks_pb2.TASK_PRIORITY_UNSPECIFIED:
        return None
    if value not in _PRIORITIES:
        problem = f"has no value {value}; use a known priority"
        raise InvalidArgument(field="priority", problem=problem)
    return _PRIORITIES[value]


def due_of(message: tasks_pb2.Due) -> Due:
    """Return a due value that is set. Refusals: InvalidArgument."""
    which = message.WhichOneof("due")
    if which is None:
        raise InvalidArgument(field="due", problem="names neither `at` nor `date`; send one")
    if which == "at":
        return due_at(seconds=message.at.seconds, nanos=message.at.nanos)
    return due_on(message.date)
