"""Moves on a board: the target place and its ranks (TSK-6)."""

from collections.abc import Sequence
from dataclasses import dataclass

from plexuskit.errors import InvalidArgument

from tasks.domain import ranks
from tasks.domain.identity import NO_COLUMN, ColumnId, TaskId
from tasks.domain.projects import Project
from tasks.domain.refusals import ColumnStateMismatch, TaskNotOnBoard
from tasks.domain.states import State
from tasks.domain.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Target of a move: a state, and a column of the board unless the task leaves it."""

    state: State
    column_id: ColumnId = NO_COLUMN


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A task of a column as far as order needs it."""

    task_id: TaskId
    rank: str


def target(
    task: Task,
    *,
    project: Project | None,
    state: State | None,
    column_id: str,
    after_task_id: str,
) -> Target:
    """Resolve the target of a move.

    The default state is that of the column, else the current one; the default column is the first
    one of the state, or the current one if there is no state either. The neighbour only matters
    here to refuse a place where there is no board.

    Refusals: InvalidArgument (names no target), ColumnNotFound, ColumnStateMismatch,
        TaskNotOnBoard.
    """
    if state is None and not column_id and not (after_task_id and task.column_id):
        raise InvalidArgument(field="state", problem="is missing; name a state or a column")

    column = None
    if project and column_id:
        column = project.column(column_id)
    elif project and state:
        column = project.first_column(state)
    elif project:
        column = project.column(task.column_id)

    if column is None and (column_id or after_task_id):
        raise TaskNotOnBoard(task_id=task.id)
    if column is None:
        return Target(state=state or task.state)
    if state and column.state is not state:
        raise ColumnStateMismatch(
            column_id=column.id, column_state=column.state.value, state=state.value
        )
    return Target(state=column.state, column_id=column.id)


def is_between(task: Task, *, at: Target, low: str, high: str) -> bool:
    """Return whether a task is already there, so that a repeated move changes nothing (TSK-6)."""
    return (
        task.column_id == at.column_id
        and task.state is at.state
        and low < task.rank
        and (not high or task.rank < high)
    )


def spread_around(
    cards: Sequence[Card], *, moved: TaskId, after: str, salt: str
) -> tuple[Card, ...]:
    """Return new, short keys for a crowded part of a column, with room between them.

    Args:
        cards: the column in order, without the moved task.
        moved: the task to place.
        after: rank of the card it goes after; empty: at the top.
        salt: text that differs between concurrent callers.

    Returns: the moved task and those that get another key, in order; all others stay.
    """
    position = sum(1 for card in cards if card.rank <= after) if after else 0
    first, last = ranks.window([card.rank for card in cards], around=position)
    order = [
        *(card.task_id for card in cards[first:position]),
        moved,
        *(card.task_id for card in cards[position:last]),
    ]

    keys = ranks.spread(
        low=cards[first - 1].rank if first else "",
        high=cards[last].rank if last < len(cards) else "",
        count=len(order),
        taken={card.rank for card in cards[first:last]},
        salt=salt,
    )
    return tuple(Card(task_id=task_id, rank=key) for task_id, key in zip(order, keys, strict=True))
