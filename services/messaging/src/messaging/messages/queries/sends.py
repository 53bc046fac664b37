"""Preview of a message's audience before it is sent."""

from dataclasses import dataclass
from datetime import datetime

from plexus_access.roles import holds
from plexuskit.grpc import Actor

from messaging.conversations.domain.people import department_versions
from messaging.log.domain.refusals import ConversationNotFound
from messaging.messages.domain.availability import Addressed, OffHours, off_hours
from messaging.messages.store.stores import Store

MAX_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """Size of the audience, how many are off hours, and the first 20 of those."""

    audience: int
    off_hours: int
    people: tuple[OffHours, ...]


async def preview_send(
    store: Store, *, actor: Actor, conversation_id: str, addressed: Addressed, at: datetime
) -> Preview:
    """Find the members outside their working hours at an instant.

    Takes two reads for a conversation of any size; two more if departments are addressed. Members
    whose facts from directory have not arrived count in the audience and are never off hours.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        DepartmentNotFound: an addressed department is not in the caller's tenant.
    """
    others = await store.conversations.active_ids(conversation_id)
    if actor.person_id not in others:
        raise ConversationNotFound(conversation_id=conversation_id)
    others.remove(actor.person_id)
    subtree = await _subtree(store, actor, addressed)
    if not addressed.is_everybody and not subtree:
        others &= addressed.person_ids
    shifts = await store.people.shifts(
        others, person_ids=addressed.person_ids, department_ids=subtree
    )
    known = {person_id for shift in shifts for person_id in shift.person_ids}
    untold = (others & addressed.person_ids if subtree else others) - known
    active = sum(len(shift.person_ids) for shift in shifts if shift.active)
    count, first = off_hours(shifts, at=at, maximum=MAX_SHOWN)
    return Preview(audience=active + len(untold), off_hours=count, people=tuple(first))


async def _subtree(store: Store, actor: Actor, addressed: Addressed) -> frozenset[str]:
    """Return the addressed departments and those below; empty if everyone is addressed."""
    wanted = addressed.department_ids
    if not wanted:
        return frozenset()
    # Without the permission a department that exists is answered like one that does not (GW-5).
    reads = holds("departments.read", roles=actor.roles, extra=actor.extra, scopes=actor.scopes)
    known = await store.people.find_departments(wanted) if reads else {}
    department_versions(sorted(wanted), known, tenant_id=actor.tenant_id)
    return frozenset() if addressed.is_everybody else await store.people.below(wanted)
