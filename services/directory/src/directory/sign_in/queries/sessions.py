"""Reading the sessions and API tokens of a person."""

from dataclasses import dataclass
from datetime import datetime

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import Session
from directory.shared.domain.actors import Actor, require
from directory.sign_in.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSessions:
    """What of a person goes on: the session used last first, the newest token first."""

    sessions: tuple[Session, ...]
    api_tokens: tuple[ApiToken, ...]


async def list_sessions(
    store: Store, *, actor: Actor, person_id: str, now: datetime
) -> OpenSessions:
    """List sessions and API tokens that go on; an empty person means oneself.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage sessions nowhere.
        PersonNotFound: there is none whose sessions the actor manages.
    """
    require(actor, "sessions.read")
    if person_id in {"", actor.person_id}:
        person = await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    else:
        grants = await store.grants.holding(actor, "sessions.manage", now=now)
        person = await store.places.managed_person(
            grants, person_id, permission="sessions.manage", tenant_id=actor.tenant_id
        )
    return OpenSessions(
        sessions=tuple(
            await store.sessions.list_alive(person.id, tenant_id=actor.tenant_id, now=now)
        ),
        api_tokens=tuple(
            await store.api_tokens.list_alive(person.id, tenant_id=actor.tenant_id, now=now)
        ),
    )
