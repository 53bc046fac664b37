"""The ways in which an administrator ends a person's sessions."""

from typing import Any

from directory.people import operations as people_operations
from directory.people.domain.people import Person
from directory.sign_in import operations


async def deactivate(company: Any, person: Person) -> None:
    await people_operations.deactivate_person(
        company.store, actor=company.actor, person_id=person.id, request=None, now=company.now
    )


async def set_password(company: Any, person: Person) -> None:
    await operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=person.id,
        old_password="",
        new_password="another battery",
        reason="a test",
        now=company.now,
    )


async def revoke_all(company: Any, person: Person) -> int:
    return await operations.revoke_sessions(
        company.store, actor=company.actor, session_id="", person_id=person.id, now=company.now
    )
