"""Shared helpers of the scope tests: a company with an administrator of one of its departments."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from directory.people import operations
from directory.people.domain.departments import Department
from directory.people.domain.people import Changes, Person
from plexus_testkit.commands import StoreCommands
from plexuskit.errors import Refusal


async def asked(commands: StoreCommands, attempt: Awaitable[Any]) -> list[str]:
    """Return the commands sent to the store, in order, each with its collection."""
    heard = await commands.of(lambda: attempt, without={})
    return [f"{name} {what}" for name, what in (next(iter(each.items())) for each in heard)]


@dataclass(frozen=True, kw_only=True)
class Scoped:
    """`lead` administers `north`; `deep` lies below it, `south` beside it."""

    whole: Any  # the company as its administrator acts in it
    part: Any  # the company as `lead` acts in it
    lead: Person
    north: Department
    deep: Department
    south: Department


async def bind_person(company: Any, role: str, person: Person, scope: str, **rest: Any) -> None:
    await company.bind(role, f"person:{person.id}", scope, **rest)


async def update(company: Any, person_id: str, **changes: Any) -> Person:
    return await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=person_id,
        changes=Changes(**changes),
        expected_version=0,
        request=None,
        now=company.now,
    )


def sameness(refusals: Sequence[Refusal]) -> None:
    """Check that the caller cannot distinguish the refusals (GW-2)."""
    [first, *others] = [(r.kind, r.reason, dict(r.metadata), r.message()) for r in refusals]
    assert all(other == first for other in others)


async def refused(attempt: Awaitable[Any], as_: type[Refusal]) -> Refusal:
    with pytest.raises(as_) as raised:
        await attempt
    return raised.value


async def move(company: Any, department_id: str, parent_id: str) -> Any:
    return await operations.move_department(
        company.store,
        actor=company.actor,
        department_id=department_id,
        parent_id=parent_id,
        request=None,
        now=company.now,
    )


async def merge(company: Any, department_id: str, into_id: str) -> Any:
    return await operations.merge_department(
        company.store,
        actor=company.actor,
        department_id=department_id,
        into_id=into_id,
        request=None,
        now=company.now,
    )
