"""Projects, as their members see them."""

from typing import Final

from plexuskit.paging import Listing, Page, cut

from tasks.domain import inputs
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.store import Store

# Bytes of a project on a page with its columns and words, and of each member.
PROJECT_BYTES: Final = 8_000


ID_BYTES: Final = 40


async def list_projects(
    store: Store, *, actor: Actor, page_size: int, page_token: str
) -> Page[Project]:
    """Return the actor's projects, newest first.

    Refusals: InvalidArgument, InvalidPageToken.
    """
    size = inputs.page_size(page_size)
    listing = Listing(name="projects", filters=(actor.tenant_id, actor.person_id))
    before = listing.last_id(page_token) or None

    found = await store.projects.page_of_member(actor, before=before, limit=size + 1)
    items, more = cut(
        found, limit=size, size_of=lambda each: PROJECT_BYTES + ID_BYTES * len(each.member_ids)
    )
    token = listing.token(items[-1].id) if more else ""
    return Page(items=tuple(items), next_page_token=token)
