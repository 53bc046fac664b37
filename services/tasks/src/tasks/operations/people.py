"""People as they change in directory."""

from collections.abc import Sequence
from typing import Final

from tasks.domain.identity import TenantId
from tasks.domain.people import Person
from tasks.store import Store

# Open tasks of one person whose days end elsewhere now; more are looked at when they are due.
REARMED: Final = 500


async def note_people(store: Store, *, people: Sequence[Person]) -> None:
    """Keep people; days of their open tasks end in their new zones from now on (TSK-3)."""
    previous = await store.people.zones(each.id for each in people)
    await store.people.put(people)
    current = await store.people.zones(each.id for each in people)
    for person in people:
        before = previous.get(person.id)
        if before is None or before == current.get(person.id):
            continue
        tasks = await store.tasks.open_of(
            person.id, tenant_id=TenantId(person.tenant_id), limit=REARMED
        )
        await store.tasks.look_again([task for task in tasks if task.awaits_due])
