"""What a message would meet, before it is sent."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from plexuskit.grpc import Actor

from messaging.domain.availability import Addressed, OffHours, off_hours
from messaging.domain.people import Person, department_versions
from messaging.domain.refusals import ConversationNotFound
from messaging.store import Store


@dataclass(frozen=True, slots=True)
class Preview:
    """How many would get a message, and who of them outside their working hours."""

    audience: int
    off_hours: tuple[OffHours, ...]


async def preview_send(
    store: Store, *, actor: Actor, conversation_id: str, addressed: Addressed, at: datetime
) -> Preview:
    """Tell who would be reached outside their working hours at an instant.

    Two reads, whatever the size of the conversation; two more where departments are addressed.
    Members whom directory has not told of yet count in the audience and are never off hours.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        DepartmentNotFound: an addressed department is not in the caller's tenant.
    """
    members = await store.conversations.active_ids(conversation_id)
    if actor.person_id not in members:
        raise ConversationNotFound(conversation_id=conversation_id)
    subtree = await _subtree(store, actor, addressed.department_ids)
    others = members - {actor.person_id}
    if not addressed.is_everybody and not subtree:
        others &= addressed.person_ids
    known = await store.people.find(others)
    wanted = {
        person_id
        for person_id in others
        if addressed.is_everybody
        or person_id in addressed.person_ids
        or _belongs(known.get(person_id), subtree)
    }
    people = [known[person_id] for person_id in wanted if person_id in known]
    active = [person for person in people if person.active]
    return Preview(
        audience=len(wanted) - len(people) + len(active),
        off_hours=tuple(off_hours(active, at=at)),
    )


async def _subtree(store: Store, actor: Actor, department_ids: Collection[str]) -> frozenset[str]:
    if not department_ids:
        return frozenset()
    known = await store.people.find_departments(department_ids)
    department_versions(sorted(department_ids), known, tenant_id=actor.tenant_id)
    return await store.people.below(department_ids)


def _belongs(person: Person | None, subtree: frozenset[str]) -> bool:
    return person is not None and not subtree.isdisjoint(person.department_ids)
