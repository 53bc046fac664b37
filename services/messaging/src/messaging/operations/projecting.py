"""Keeping what directory tells of people and departments; an older state never wins (MSG-4)."""

from collections.abc import Sequence

from messaging.domain.people import Department, Person
from messaging.store import Store


async def note_people(store: Store, *, people: Sequence[Person]) -> None:
    """Keep who is active, their zone, working hours and departments."""
    await store.people.put(people)


async def note_departments(store: Store, *, departments: Sequence[Department]) -> None:
    """Keep where departments stand in the tree."""
    await store.people.put_departments(departments)
