"""Moving, merging and splitting departments, on a real database (GW-3)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.people import operations, queries
from directory.people.domain import departments as department_tree
from directory.people.domain.departments import Department
from directory.people.domain.groups import Rule
from directory.people.domain.imports import Imported
from directory.people.domain.people import Kind
from directory.people.domain.posts import Post
from directory.people.domain.refusals import DepartmentCycle
from directory.shared.domain.refusals import DepartmentNotFound, PermissionMissing, PersonNotFound
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import VersionConflict

from ..requests_support import request

Facts = Callable[[], Awaitable[list[Envelope]]]


def common(company: Any) -> dict[str, Any]:
    return {"actor": company.actor, "request": None, "now": company.now}


async def move(company: Any, department_id: str, parent_id: str) -> Any:
    return await operations.move_department(
        company.store, department_id=department_id, parent_id=parent_id, **common(company)
    )


async def merge(company: Any, department_id: str, into_id: str) -> Any:
    return await operations.merge_department(
        company.store, department_id=department_id, into_id=into_id, **common(company)
    )


async def tree(company: Any, *, include_closed: bool = False) -> dict[str, Department]:
    found, _ = await queries.list_departments(
        company.store,
        actor=company.actor,
        page_size=1_000,
        page_token="",
        include_closed=include_closed,
    )
    for each in found:
        above = next((other.path for other in found if other.id == each.parent_id), ())
        assert each.path == (*above, each.id)
    return {each.id: each for each in found}


async def test_gw_03_a_move_takes_everything_below_along_each_with_its_fact(
    company: Any, facts: Facts
) -> None:
    one, other = await company.department("一"), await company.department("二")
    below = await company.department("下", one)
    deep = await company.department("深", below)
    before = len(await facts())
    done = await move(company, below, other)
    assert (done.department.path, done.departments_moved) == ((other, below), 2)
    told = [events_pb2.DepartmentChanged.FromString(f.fact) for f in (await facts())[before:]]
    assert [list(each.department.path) for each in told] == [[other, below], [other, below, deep]]
    assert {each.department.version for each in told} == {2}
    assert (await move(company, below, other)).departments_moved == 0
    assert len(await facts()) == before + 2
    assert (await move(company, below, "")).department.path == (below,)
    await tree(company)


async def test_gw_03_moves_that_would_make_a_cycle_together_are_not_both_done(
    company: Any,
) -> None:
    one, other = await company.department("一"), await company.department("二")
    with pytest.raises(DepartmentCycle):
        await move(company, one, one)
    outcomes = await asyncio.gather(
        move(company, one, other), move(company, other, one), return_exceptions=True
    )
    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["DepartmentCycle", "Restructured"]
    await tree(company)


async def test_gw_03_people_hired_while_their_department_is_merged_are_in_an_open_one(
    company: Any,
) -> None:
    closing, into = await company.department("旧"), await company.department("新")
    hires = (company.hire(f"p{number}", department_ids=[closing]) for number in range(4))
    outcomes = await asyncio.gather(*hires, merge(company, closing, into), return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert {type(each) for each in refused} <= {DepartmentNotFound}
    people, _ = await queries.list_people(
        company.store,
        actor=company.actor,
        page_size=0,
        page_token="",
        department_id=into,
        query="",
        include_deactivated=False,
    )
    assert len(people) == 4 - len(refused)


async def test_gw_03_a_merge_takes_people_posts_and_departments_over_and_closes(
    company: Any, facts: Facts
) -> None:
    closing = await company.department("旧", external_id="hr:old")
    into = await company.department("新")
    below = await company.department("下", closing)
    li = await company.hire(
        "li",
        department_ids=[closing, into],
        posts=[Post(closing, "采购经理")],  # type: ignore[arg-type]
    )
    wang = await company.dismiss(await company.hire("wang", department_ids=[closing]))
    done = await merge(company, closing, into)
    assert (done.department.id, done.people_moved, done.departments_moved) == (into, 2, 1)

    moved = await company.load(li)
    assert (moved.department_ids, moved.version) == ((into,), 2)
    assert moved.posts == (Post(into, "采购经理"),)  # type: ignore[arg-type]
    assert (await company.load(wang)).department_ids == (into,)
    assert set(await tree(company)) == {into, below}
    closed = (await tree(company, include_closed=True))[closing]
    assert (closed.closed, closed.merged_into_id) == (True, into)
    types = [fact.type.rpartition(".")[2] for fact in (await facts())[-4:]]
    assert types == ["DepartmentChanged", "DepartmentChanged", "PersonChanged", "PersonChanged"]
    # A feed that still names the old department reaches the one with its people.
    assert await company.department("旧", external_id="hr:old") == into
    for gone in (closing, "dep_none"):
        with pytest.raises(DepartmentNotFound):
            await company.hire("zhao", department_ids=[gone])
        with pytest.raises(DepartmentNotFound):
            await move(company, gone, into)
        with pytest.raises(DepartmentNotFound):
            await move(company, into, gone)
    with pytest.raises(DepartmentCycle):
        await merge(company, into, below)


async def test_gw_03_a_split_takes_what_is_named_and_only_of_the_department(company: Any) -> None:
    old = await company.department("采购")
    child, other = await company.department("芯片", old), await company.department("行政")
    li = await company.hire("li", department_ids=[old])
    wang = await company.hire("wang", department_ids=[old])

    async def split(people: list[str], children: list[str], *, below: bool = False) -> Any:
        return await operations.split_department(
            company.store,
            department_id=old,
            name="战略采购",
            below=below,
            person_ids=people,
            child_ids=children,
            **common(company),
        )

    new = (await split([li.id], [child])).department
    assert (new.parent_id, (await company.load(li)).department_ids) == ("", (new.id,))
    assert (await company.load(wang)).department_ids == (old,)
    assert (await tree(company))[child].path == (new.id, child)
    inside = (await split([wang.id], [], below=True)).department
    assert inside.path == (old, inside.id)
    with pytest.raises(PersonNotFound):
        await split([li.id], [])
    with pytest.raises(DepartmentNotFound):
        await split([], [other])
    assert len(await tree(company)) == 5


async def test_a_department_is_renamed_and_led_by_version(company: Any) -> None:
    one = await company.department("一")
    li = await company.hire("li")

    async def update(version: int = 0, **fields: Any) -> Department:
        given = {"name": None, "leader_id": None, **fields}
        return await operations.update_department(
            company.store,
            department_id=one,
            expected_version=version,
            **given,
            **common(company),
        )

    assert (await update(1, name="壹", leader_id=li.id)).version == 2
    assert (await update(name="壹")).version == 2
    with pytest.raises(VersionConflict):
        await update(1, name="x")
    await company.dismiss(li)
    assert (await update(leader_id="")).leader_id == ""
    for leader in (li.id, "per_none"):
        with pytest.raises(PersonNotFound):
            await update(leader_id=leader)


async def test_gw_06_a_move_that_comes_again_is_answered_the_same(company: Any) -> None:
    one, other = await company.department("一"), await company.department("二")
    asked = {"department_id": one, "parent_id": other, **common(company), "request": request("r1")}
    first = await operations.move_department(company.store, **asked)
    await move(company, one, "")
    again = await operations.move_department(company.store, **asked)
    assert again.departments_moved == first.departments_moved == 1
    assert again.department == (await tree(company))[one]
    assert again.department.parent_id == ""


async def test_gw_1_a_member_changes_no_department(company: Any) -> None:
    one, other = await company.department("一"), await company.department("二")
    asked = common(company) | {"actor": company.acting_as(await company.hire("li"))}
    with pytest.raises(PermissionMissing):
        await operations.move_department(company.store, department_id=one, parent_id=other, **asked)
    with pytest.raises(PermissionMissing):
        await operations.merge_department(company.store, department_id=one, into_id=other, **asked)


async def test_gw_03_600_departments_move_and_1000_people_merge_in_one_step_each(
    company: Any, facts: Facts
) -> None:
    root, target = await company.department("一"), await company.department("二")
    store, tenant = company.store, company.tenant.id
    above = await store.departments.get(root, tenant_id=tenant)
    made = [above]
    for number in range(599):
        parent = made[number // 6]
        made.append(
            department_tree.create(
                department_id=f"dep_{number:03}",
                tenant_id=tenant,
                name=f"部门 {number}",
                parent=parent,
                external_id="",
            )
        )

    async def add(tx: Any) -> None:
        for each in made[1:]:
            await store.departments.add(each, tx=tx)

    await store.transact(add)
    # The server ends a transaction after 3 s, so a successful one took less.
    assert (await move(company, root, target)).departments_moved == 600
    assert len(await tree(company)) == 601

    rows = [
        Imported(
            external_id=f"hr:{n}", handle=f"p{n}", display_name="x", department_ids=(made[-1].id,)
        )
        for n in range(1_000)
    ]
    await operations.import_people(
        store, company.hashes, actor=company.actor, imported=rows, now=company.now
    )
    everybody = operations.GroupDraft(name="都", rule=Rule(kinds=(Kind.HUMAN,)))
    group = await operations.create_group(store, draft=everybody, **common(company))
    assert group.size == 1_000
    assert (await merge(company, made[-1].id, target)).people_moved == 1_000
    told = [fact for fact in await facts() if fact.type.endswith("PersonChanged")]
    assert len(told) == 1_000
