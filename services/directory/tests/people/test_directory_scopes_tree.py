"""Departments within scopes: the tree is changed within what one manages."""

from dataclasses import replace
from typing import Any

from directory.people import operations
from directory.people.domain.departments import Department
from directory.shared.domain.actors import ADMIN
from directory.shared.domain.refusals import DepartmentNotFound, PermissionMissing, PersonNotFound

from ..access_support import department
from ..scopes_support import Scoped, bind_person, merge, move, refused, sameness, update


async def test_gw_3_departments_below_are_managed_and_others_are_absent(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    made = await department(part, "new", scoped.deep.id, "hr:new")
    assert made.path == (scoped.north.id, scoped.deep.id, made.id)
    assert await department(part, "new", scoped.deep.id, "hr:new") == made
    sameness(
        [
            await refused(department(part, "x", parent), DepartmentNotFound)
            for parent in (scoped.south.id, "dep_none")
        ]
    )
    await refused(department(part, "root"), PermissionMissing)
    known = await department(company, "known", scoped.south.id, "hr:known")
    assert known.external_id == "hr:known"
    await refused(department(part, "known", scoped.deep.id, "hr:known"), DepartmentNotFound)


async def update_department(company: Any, department_id: str, name: str) -> Department:
    return await operations.update_department(
        company.store,
        actor=company.actor,
        department_id=department_id,
        name=name,
        leader_id=None,
        expected_version=0,
        request=None,
        now=company.now,
    )


async def split(company: Any, department_id: str, *, below: bool) -> Any:
    return await operations.split_department(
        company.store,
        actor=company.actor,
        department_id=department_id,
        name="half",
        below=below,
        person_ids=[],
        child_ids=[],
        request=None,
        now=company.now,
    )


async def test_gw_3_the_tree_is_changed_within_what_one_manages(scoped: Scoped) -> None:
    part = scoped.part
    other = await department(part, "other", scoped.north.id)
    assert (await update_department(part, scoped.north.id, "North")).name == "North"
    moved = await move(part, scoped.deep.id, other.id)
    assert moved.department.path[-2:] == (other.id, scoped.deep.id)
    half = await split(part, scoped.deep.id, below=False)
    assert half.department.parent_id == other.id
    await split(part, scoped.north.id, below=True)
    await merge(part, half.department.id, scoped.deep.id)

    for attempt in (
        lambda id_: update_department(part, id_, "x"),
        lambda id_: move(part, id_, scoped.north.id),
        lambda id_: move(part, scoped.deep.id, id_),
        lambda id_: merge(part, id_, scoped.north.id),
        lambda id_: merge(part, scoped.deep.id, id_),
        lambda id_: split(part, id_, below=True),
    ):
        sameness(
            [
                await refused(attempt(id_), DepartmentNotFound)
                for id_ in (scoped.south.id, "dep_none")
            ]
        )


async def test_gw_3_what_one_manages_is_not_taken_out_of_what_it_stands_in(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    li = await company.hire("li")
    await bind_person(company, ADMIN, li, f"department:{scoped.deep.id}")
    part = replace(company, actor=company.acting_as(li))
    below = await department(part, "below", scoped.deep.id)
    for attempt in (
        move(part, scoped.deep.id, below.id),
        merge(part, scoped.deep.id, below.id),
        split(part, scoped.deep.id, below=False),
    ):
        await refused(attempt, DepartmentNotFound)
    await refused(move(part, below.id, ""), PermissionMissing)


async def test_gw_3_a_move_takes_what_is_managed_along_at_once(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    li = await company.hire("li", department_ids=[scoped.south.id])
    await refused(update(part, li.id, title="x"), PersonNotFound)
    await move(company, scoped.south.id, scoped.deep.id)
    assert (await update(part, li.id, title="x")).title == "x"
    await move(company, scoped.south.id, "")
    await refused(update(part, li.id, title="y"), PersonNotFound)
