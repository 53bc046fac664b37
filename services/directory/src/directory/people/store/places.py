"""People and groups with their positions (GW-3)."""

from typing import Final

from plexuskit.mongo import Transaction

from directory.access.domain.grants import ACCOUNT, Grants, Place, place_of_departments
from directory.access.store.places import PATHS, Places
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.store import documents
from directory.people.store.groups import group_from
from directory.shared.domain.ids import TenantId
from directory.shared.domain.refusals import PersonNotFound

PEOPLE: Final = "people.manage"


class PeoplePlaces(Places):
    """Finds people and groups with the ways to them."""

    async def get_person(
        self, person_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> tuple[Person, Place]:
        """Load a person with their positions.

        Raises:
            PersonNotFound: there is none in the tenant.
        """
        found = await self.person_with_paths(person_id, tenant_id=tenant_id, tx=tx)
        return documents.PEOPLE.from_document(found), place_of_departments(
            each["path"] for each in found[PATHS]
        )

    async def managed_person(
        self,
        grants: Grants,
        person_id: str,
        *,
        permission: str = PEOPLE,
        tenant_id: TenantId,
        tx: Transaction | None = None,
    ) -> Person:
        """Load a person on whom a permission is held.

        A permission for a part of the tenant covers people who belong to that part with every
        department and hold no role for the tenant except those that come with an account.

        Raises:
            PersonNotFound: no person has that id, or they are not covered (GW-2).
        """
        person, place = await self.get_person(person_id, tenant_id=tenant_id, tx=tx)
        if not grants.holds_everywhere(permission) and not (
            grants.holds(permission, place) and ACCOUNT.issuperset(person.roles)
        ):
            raise PersonNotFound
        return person

    async def get_group(
        self, group_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> tuple[Group, Place]:
        """Load a group, and its position by the department that manages it.

        Raises:
            GroupNotFound: there is none in the tenant.
        """
        found, place = await self.group_with_path(group_id, tenant_id=tenant_id, tx=tx)
        return group_from(found), place
