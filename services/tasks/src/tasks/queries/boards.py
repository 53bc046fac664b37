"""Projects and their boards, as their members see them."""

import asyncio
from dataclasses import dataclass
from typing import Final

from plexuskit.paging import Listing, Page, cut

from tasks.domain import inputs
from tasks.domain.identity import Actor
from tasks.domain.projects import Column, Project
from tasks.domain.task import Task
from tasks.store import Store

# Cards per column: with the longest titles and most assignees a board stays below 8 MiB.
BOARD_LANE: Final = 300
# Bytes of a project on a page with its columns and words, and of each member.
PROJECT_BYTES: Final = 8_000
ID_BYTES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A column with its tasks in rank order."""

    column: Column
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A project with its lanes in the order of its columns."""

    project: Project
    lanes: tuple[Lane, ...]


async def get_board(store: Store, *, actor: Actor, project_id: str) -> Board:
    """Return the board of a project: per column the first 300 tasks, without their descriptions.

    Refusals: ProjectNotFound (GW-2).
    """
    project = await store.visible_project(project_id, actor=actor)
    lanes = await asyncio.gather(
        *(store.tasks.lane(project.id, column.id, limit=BOARD_LANE) for column in project.columns)
    )
    return Board(
        project=project,
        lanes=tuple(
            Lane(column=column, tasks=tuple(tasks))
            for column, tasks in zip(project.columns, lanes, strict=True)
        ),
    )


async def list_projects(
    store: Store, *, actor: Actor, page_size: int, page_token: str
) -> Page[Project]:
    """Return the actor's projects, newest first.

    Refusals: InvalidArgument, InvalidPageToken.
    """
    size = inputs.page_size(page_size)
    listing = Listing(name="projects", filters=(actor.tenant_id, actor.person_id))
    position = listing.position(page_token, shape=(str,))

    found = await store.projects.page_of_member(
        actor, before=str(position[0]) if position else None, limit=size + 1
    )
    items, more = cut(
        found, limit=size, size_of=lambda each: PROJECT_BYTES + ID_BYTES * len(each.member_ids)
    )
    token = listing.token(items[-1].id) if more else ""
    return Page(items=tuple(items), next_page_token=token)
