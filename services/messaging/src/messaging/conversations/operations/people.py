"""Asking directory's Authority whether people exist and may be addressed."""

from collections.abc import Sequence
from typing import Protocol

from plexuskit.grpc import Actor

from messaging.conversations.domain.refusals import PersonDeactivated, PersonNotFound


class People(Protocol):
    """Directory's answers on people: a true seam, since it is another process."""

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        """Return the ids that name no person whom the asker may address.

        Raises:
            DependencyDown: directory cannot be reached.
        """
        ...


async def require_people(people: People, actor: Actor, person_ids: Sequence[str]) -> None:
    """Refuse unless directory knows every person.

    Raises:
        PersonNotFound: naming the first unknown.
        DependencyDown: directory cannot be reached; never a guess.
    """
    unknown = await people.unknown(
        tenant_id=actor.tenant_id, asker_id=actor.person_id, person_ids=person_ids
    )
    if unknown:
        raise PersonNotFound(person_id=unknown[0])


async def require_active(people: People, *, tenant_id: str, person_id: str) -> None:
    """Refuse unless the person is active: directory finds no one for a deactivated asker (MSG-17).

    Raises:
        PersonDeactivated: not active, or not there.
        DependencyDown: directory cannot be reached; never a guess.
    """
    if await people.unknown(tenant_id=tenant_id, asker_id=person_id, person_ids=[person_id]):
        raise PersonDeactivated(person_id=person_id)
