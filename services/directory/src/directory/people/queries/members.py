"""Current members of departments and groups, from the owner and not a projection (MSG-13)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument

from directory.people.store import Store
from directory.shared.domain.ids import TenantId

MAX_SETS: Final = 50
MAX_PEOPLE: Final = 10_000
_DEPARTMENT: Final = "department"
_GROUP: Final = "group"


async def filter_members(
    store: Store,
    *,
    tenant_id: str,
    sets: Sequence[str],
    person_ids: Sequence[str],
    now: datetime,
) -> list[str]:
    """Return the people who are active and belong to one of the sets, in request order (MSG-13).

    In: sets as `department:<id>`, which includes the departments below, or `group:<id>`; an unknown
    set is empty (GW-2). At most two queries, both on majority-committed data.

    Raises:
        InvalidArgument: more than 50 sets or 10,000 people, or a set of another kind.
    """
    if len(sets) > MAX_SETS:
        raise InvalidArgument(field="sets", problem=f"holds more than {MAX_SETS}")
    if len(person_ids) > MAX_PEOPLE:
        raise InvalidArgument(field="person_ids", problem=f"holds more than {MAX_PEOPLE}")
    named: dict[str, list[str]] = {_DEPARTMENT: [], _GROUP: []}
    for each in sets:
        kind, _, id_ = each.partition(":")
        if kind not in named or not id_:
            raise InvalidArgument(field="sets", problem=f"holds {each!r}, which is no set")
        named[kind].append(id_)

    tenant = TenantId(tenant_id)
    departments = await store.departments.below(named[_DEPARTMENT], tenant_id=tenant)
    belonging = await store.members.belonging(
        person_ids, departments=departments, groups=named[_GROUP], tenant_id=tenant, now=now
    )
    return [person_id for person_id in dict.fromkeys(person_ids) if person_id in belonging]
