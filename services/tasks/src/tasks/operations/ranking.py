"""Placing in a column; long keys are redistributed (TSK-6)."""

from dataclasses import dataclass
from datetime import datetime

from plexuskit.mongo import Retry, Transaction

from tasks.domain import boards, ranks, steps
from tasks.domain.history import Changed
from tasks.domain.identity import ColumnId, ProjectId, TaskId
from tasks.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place in a column between two ranks; empty is the top or the bottom."""

    project_id: ProjectId
    column_id: ColumnId
    low: str
    high: str


async def take_spot(
    store: Store,
    spot: Spot,
    *,
    task_id: TaskId,
    number: int,
    salt: str,
    now: datetime,
    tx: Transaction,
) -> tuple[str, tuple[Changed, ...]]:
    """Return a rank for the task there, and the steps of those that had to get another one.

    Raises:
        Retry: the column changed at the same moment.
    """
    rank = ranks.between(low=spot.low, high=spot.high, salt=salt)
    if len(rank) <= ranks.MAX_LENGTH:
        await store.touch_column_lock(spot.project_id, spot.column_id, number=number, tx=tx)
        return rank, ()

    await store.close_column(spot.project_id, spot.column_id, tx=tx)
    order = await store.tasks.ranks(spot.project_id, spot.column_id, without=task_id, tx=tx)
    spread = boards.spread_around(
        [boards.Card(task_id=card_id, rank=card_rank) for card_id, card_rank in order],
        moved=task_id,
        after=spot.low,
        salt=salt,
    )
    keys = {card.task_id: card.rank for card in spread}
    rank = keys.pop(task_id)
    others = await store.tasks.whole(list(keys), tx=tx)
    if others.keys() != keys.keys():
        raise Retry
    return rank, tuple(
        steps.rerank(others[other], rank=key, now=now) for other, key in keys.items()
    )
