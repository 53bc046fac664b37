"""The states of a task and the allowed transitions (TSK-1)."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tasks.domain.refusals import TransitionNotAllowed


class State(enum.StrEnum):
    """State of a task; the value is stored in history and documents."""

    TODO = "todo"
    DOING = "doing"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Return whether work on the task remains."""
        return self not in {State.DONE, State.CANCELLED}


class Priority(enum.StrEnum):
    """Urgency of a task."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


# Work is started before it is done or blocked, so that cycle times are meaningful (TSK-9). A task
# done or cancelled by mistake is reopened rather than created again.
FOLLOWING: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.TODO: frozenset({State.DOING, State.CANCELLED}),
        State.DOING: frozenset({State.TODO, State.BLOCKED, State.DONE, State.CANCELLED}),
        State.BLOCKED: frozenset({State.TODO, State.DOING, State.DONE, State.CANCELLED}),
        State.DONE: frozenset({State.DOING}),
        State.CANCELLED: frozenset({State.TODO}),
    }
)


def check_transition(*, source: State, target: State) -> None:
    """Check that a task may go from one state to the other; staying is always possible.

    Refusals: TransitionNotAllowed, naming what is possible.
    """
    if source is not target and target not in FOLLOWING[source]:
        allowed = ", ".join(state for state in State if state in FOLLOWING[source])
        raise TransitionNotAllowed(source=source, target=target, allowed=allowed)
