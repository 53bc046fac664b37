"""Boards of projects, as their members see them."""

import asyncio
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import MAX_PAGE_BYTES, Listing, cut

from tasks.domain.identity import Actor
from tasks.domain.projects import Column, Project
from tasks.domain.task import Task
from tasks.queries.tasks import bytes_of
from tasks.store import Store

# Cards per column.
BOARD_LANE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A column with its tasks in rank order, and the token of those after them or ""."""

    column: Column
    tasks: tuple[Task, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A project with its lanes in the order of its columns."""

    project: Project
    lanes: tuple[Lane, ...]


async def get_board(
    store: Store, *, actor: Actor, project_id: str, column_id: str = "", page_token: str = ""
) -> Board:
    """Return the board of a project, each column's tasks without their descriptions.

    A column holds at most 300 tasks and its share of 2 MiB; more come with its token.

    Args:
        store: the service's database.
        actor: the caller.
        project_id: the project.
        column_id: the only column to return; empty for all.
        page_token: of that column; empty for its beginning.

    Refusals: ProjectNotFound (GW-2), InvalidArgument, InvalidPageToken.
    """
    project = await store.visible_project(project_id, actor=actor)
    columns = [each for each in project.columns if column_id in ("", each.id)]
    if not columns:
        raise InvalidArgument(field="column_id", problem="names no column of the board")
    if page_token and not column_id:
        raise InvalidArgument(field="page_token", problem="needs the column_id of its lane")
    max_bytes = MAX_PAGE_BYTES // len(columns)
    lanes = await asyncio.gather(
        *(
            _lane(store, project, column, page_token=page_token, max_bytes=max_bytes)
            for column in columns
        )
    )
    return Board(project=project, lanes=tuple(lanes))


async def _lane(
    store: Store, project: Project, column: Column, *, page_token: str, max_bytes: int
) -> Lane:
    listing = Listing(name="lane", filters=(project.id, column.id))
    # The id in a lane's token is the task's rank.
    after = listing.last_id(page_token)
    found = await store.tasks.lane(project.id, column.id, after=after, limit=BOARD_LANE + 1)
    tasks, more = cut(found, limit=BOARD_LANE, size_of=bytes_of, max_bytes=max_bytes)
    token = listing.token(tasks[-1].rank) if more else ""
    return Lane(column=column, tasks=tuple(tasks), next_page_token=token)
