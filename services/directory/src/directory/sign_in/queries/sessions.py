"""Reading the sessions and API tokens of a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexuskit.paging import Listing, PageBudget, from_milliseconds, to_milliseconds

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import Session
from directory.people.domain.people import Person
from directory.shared.domain.actors import Actor, require
from directory.shared.queries import paging
from directory.sign_in.store import Store

# Stands for the time of use in page tokens among the API tokens, which follow the sessions.
_AMONG_TOKENS: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSessions:
    """Page of a person's live sessions and tokens: session used last first, then newest token.

    Attributes:
        next_page_token: empty after the last page.
    """

    sessions: tuple[Session, ...]
    api_tokens: tuple[ApiToken, ...]
    next_page_token: str


async def list_sessions(
    store: Store,
    *,
    actor: Actor,
    person_id: str,
    page_size: int,
    page_token: str,
    now: datetime,
) -> OpenSessions:
    """List live sessions and API tokens; an empty person means oneself.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage sessions nowhere.
        PersonNotFound: there is none whose sessions the actor manages.
        InvalidArgument, InvalidPageToken: page size or token are wrong.
    """
    require(actor, "sessions.read")
    budget = paging.budget(page_size)
    person = await _person(store, person_id, actor=actor, now=now)
    listing = Listing(name="sessions", filters=(person.id,))
    position = listing.position(page_token, shape=(int, str))
    used_at, last_id = (int(position[0]), str(position[1])) if position else (0, "")

    sessions: list[Session] = []
    if used_at != _AMONG_TOKENS:
        sessions, more = await store.sessions.list_alive(
            person.id,
            tenant_id=actor.tenant_id,
            after=(from_milliseconds(used_at), last_id) if position else None,
            budget=budget,
            now=now,
        )
        if more:
            last = sessions[-1]
            token = listing.token(to_milliseconds(last.last_used_at), last.id)
            return OpenSessions(sessions=tuple(sessions), api_tokens=(), next_page_token=token)
        last_id = ""
    alive = await store.api_tokens.list_alive(person.id, tenant_id=actor.tenant_id, now=now)
    left = [each for each in alive if not last_id or each.id < last_id]
    page = _fitting(left, budget)
    more = len(page) < len(left)
    last_id = page[-1].id if page else last_id
    return OpenSessions(
        sessions=tuple(sessions),
        api_tokens=tuple(page),
        next_page_token=listing.token(_AMONG_TOKENS, last_id) if more else "",
    )


async def _person(store: Store, person_id: str, *, actor: Actor, now: datetime) -> Person:
    if person_id in {"", actor.person_id}:
        return await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    grants = await store.grants.holding(actor, "sessions.manage", now=now)
    return await store.places.managed_person(
        grants, person_id, permission="sessions.manage", tenant_id=actor.tenant_id
    )


def _fitting(tokens: list[ApiToken], budget: PageBudget) -> list[ApiToken]:
    """Return the first tokens that fit on a page; at most 100 of one person, so all are read."""
    for number, token in enumerate(tokens):
        if not budget.takes(token.shown_bytes):
            return tokens[:number]
    return tokens
