"""Superior of a person: the named manager, or else a leader of their departments."""

from plexuskit.mongo import Transaction

from directory.people.domain import managers
from directory.people.domain.people import Person
from directory.people.store.departments import Departments
from directory.people.store.people import People


class Reporting:
    """Reads people and departments together."""

    def __init__(self, people: People, departments: Departments) -> None:
        self._people = people
        self._departments = departments

    async def manager_of(self, person: Person, *, tx: Transaction | None = None) -> str:
        """Find the superior of a person: the named manager, else by department; or "".

        By department: the leader of the main one, or of the next one above that has another who is
        active.
        """
        if person.manager_id or not person.department_ids:
            return person.manager_id
        path = await self._departments.way_up(
            person.department_ids[0], tenant_id=person.tenant_id, tx=tx
        )
        leaders = managers.leaders_up(path, of=person.id)
        active = await self._people.active(leaders, tenant_id=person.tenant_id, tx=tx)
        return next((leader for leader in leaders if leader in active), "")
