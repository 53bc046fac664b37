"""Open work of a person, for handing it over."""

from dataclasses import dataclass
from typing import Final

from plexuskit.paging import Listing, cut

from tasks.domain import inputs
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.domain.task import Task
from tasks.queries.tasks import bytes_of
from tasks.store import Store

PROJECTS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """A page of open tasks; the first page has the projects, too."""

    tasks: tuple[Task, ...]
    projects: tuple[Project, ...]
    next_page_token: str


async def list_open_work(
    store: Store, *, actor: Actor, person_id: str, page_size: int, page_token: str
) -> OpenWork:
    """Return open tasks of which a person is owner or assignee, and projects that they own.

    Refusals: InvalidArgument, InvalidPageToken.
    """
    size = inputs.page_size(page_size)
    person = inputs.identifier(person_id, field="person_id")
    listing = Listing(name="open_work", filters=(actor.tenant_id, person))
    after = listing.last_id(page_token)
    found = await store.tasks.open_of(
        person, tenant_id=actor.tenant_id, after=after, limit=size + 1
    )
    items, more = cut(found, limit=size, size_of=bytes_of)
    projects = (
        []
        if after
        else await store.projects.open_of_owner(person, tenant_id=actor.tenant_id, limit=PROJECTS)
    )
    return OpenWork(
        tasks=tuple(items),
        projects=tuple(projects),
        next_page_token=listing.token(items[-1].id) if more else "",
    )
