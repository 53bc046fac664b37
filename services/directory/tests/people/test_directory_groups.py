"""Groups by name and by rule, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.people import operations, queries
from directory.people.domain.groups import Group, Rule
from directory.people.domain.imports import Imported
from directory.people.domain.people import Kind, Person
from directory.people.domain.posts import Post
from directory.people.domain.refusals import GroupByRule, GroupNameTaken, PersonDeactivated
from directory.people.operations import GroupDraft
from directory.shared.domain.refusals import DepartmentNotFound, GroupNotFound, PersonNotFound
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope

Facts = Callable[[], Awaitable[list[Envelope]]]


def common(company: Any) -> dict[str, Any]:
    return {"actor": company.actor, "request": None, "now": company.now}


async def make(company: Any, name: str, **fields: object) -> Group:
    draft = GroupDraft(name=name, **fields)  # type: ignore[arg-type]
    return await operations.create_group(company.store, draft=draft, **common(company))


async def change_members(
    company: Any, group: Group, *, add: tuple[Person, ...] = (), remove: tuple[Person, ...] = ()
) -> Group:
    return await operations.change_group_members(
        company.store,
        group_id=group.id,
        add_ids=[person.id for person in add],
        remove_ids=[person.id for person in remove],
        **common(company),
    )


async def members(company: Any, group: Group) -> list[str]:
    found, _ = await queries.list_group_members(
        company.store, actor=company.actor, group_id=group.id, page_size=0, page_token=""
    )
    return [person.handle for person in found]


async def last_told(facts: Facts, group: Group) -> events_pb2.GroupChanged:
    own = [fact for fact in await facts() if fact.scope == group.id]
    assert [fact.change_no for fact in own] == list(range(1, len(own) + 1))
    return events_pb2.GroupChanged.FromString(own[-1].fact)


async def test_msg_4_a_group_by_name_tells_everybody_who_belongs(
    company: Any, facts: Facts
) -> None:
    li, wang, zhao = [await company.hire(handle) for handle in ("li", "wang", "zhao")]
    group = await make(company, "采购委员会", member_ids=[li.id, wang.id, li.id])
    assert (group.size, group.version) == (2, 1)
    changed = await change_members(company, group, add=(zhao, li), remove=(wang,))
    assert (changed.size, changed.version) == (2, 2)
    assert await members(company, group) == ["li", "zhao"]
    told = await last_told(facts, group)
    assert (list(told.member_ids), told.group.size) == (sorted([li.id, zhao.id]), 2)
    assert (await change_members(company, group, add=(li,), remove=(wang,))).version == 2

    found = await queries.filter_members(
        company.store,
        tenant_id=company.tenant.id,
        sets=[f"group:{group.id}"],
        person_ids=[wang.id, zhao.id, li.id],
        now=company.now,
    )
    assert found == [zhao.id, li.id]


async def test_who_leaves_leaves_every_group_and_comes_back_to_those_by_rule(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li", skills=["Kafka"])
    by_name = await make(company, "甲", member_ids=[li.id])
    by_rule = await make(company, "乙", rule=Rule(skills=("Kafka",)))
    assert by_rule.size == 1
    await company.dismiss(li)
    for group in (by_name, by_rule):
        assert await members(company, group) == []
        told = await last_told(facts, group)
        assert (list(told.member_ids), told.group.size, told.group.version) == ([], 0, 2)
    await operations.reactivate_person(company.store, person_id=li.id, **common(company))
    assert (await members(company, by_name), await members(company, by_rule)) == ([], ["li"])


async def test_gw_03_a_group_by_rule_follows_people_and_departments(
    company: Any, facts: Facts
) -> None:
    top = await company.department("总部")
    buying = await company.department("采购", top)
    beside = await company.department("行政")
    group = await make(
        company, "采购们", rule=Rule(department_ids=(top,), titles=("采购", "采购经理"))
    )
    li = await company.hire("li", department_ids=[buying], title="采购")
    await company.hire("wang", department_ids=[beside], title="采购")
    zhao = await company.hire(
        "zhao",
        department_ids=[buying],
        posts=[Post(buying, "采购经理")],  # type: ignore[arg-type]
    )
    assert await members(company, group) == ["li", "zhao"]
    await company.change(zhao, posts=[])
    assert await members(company, group) == ["li"]
    await company.change(li, email="li@example.com")
    assert (await last_told(facts, group)).group.version == 4

    await operations.move_department(
        company.store, department_id=buying, parent_id=beside, **common(company)
    )
    assert await members(company, group) == []
    await operations.merge_department(
        company.store, department_id=beside, into_id=top, **common(company)
    )
    assert await members(company, group) == ["li", "wang"]
    told = await last_told(facts, group)
    assert len(told.member_ids) == told.group.size == 2


async def test_a_rule_that_changes_takes_others_and_one_of_a_merged_department_follows(
    company: Any,
) -> None:
    old, new = await company.department("旧"), await company.department("新")
    await company.hire("li", department_ids=[old], locale="en")
    await company.hire("wang", department_ids=[new])
    group = await make(company, "旧人", rule=Rule(department_ids=(old,)), department_id=old)
    assert await members(company, group) == ["li"]
    await operations.merge_department(
        company.store, department_id=old, into_id=new, **common(company)
    )
    after = await company.store.groups.get(group.id, tenant_id=company.tenant.id)
    assert (after.department_id, after.rule) == (new, Rule(department_ids=(new,)))
    assert await members(company, group) == ["li", "wang"]

    changed = await operations.update_group(
        company.store,
        group_id=group.id,
        name=None,
        description=None,
        rule=Rule(locales=("en",), kinds=(Kind.HUMAN,)),
        expected_version=after.version,
        **common(company),
    )
    assert (changed.version, changed.size) == (after.version + 1, 1)
    assert await members(company, group) == ["li"]


async def test_an_import_asks_rules_once_for_all(company: Any, facts: Facts) -> None:
    group = await make(company, "都", rule=Rule(kinds=(Kind.HUMAN,)))
    rows = [
        Imported(external_id=f"hr:{n}", handle=f"p{n}", display_name=f"人 {n}") for n in range(50)
    ]
    await operations.import_people(
        company.store, company.hashes, actor=company.actor, imported=rows, now=company.now
    )
    told = await last_told(facts, group)
    assert (told.group.version, told.group.size, len(told.member_ids)) == (2, 50, 50)


async def test_a_rule_changed_while_people_are_hired_misses_nobody(company: Any) -> None:
    group = await make(company, "组", rule=Rule(skills=("Java",)))

    async def ask_for_kafka() -> Group:
        return await operations.update_group(
            company.store,
            group_id=group.id,
            name=None,
            description=None,
            rule=Rule(skills=("Kafka",)),
            expected_version=0,
            **common(company),
        )

    hires = (company.hire(f"p{number}", skills=["Kafka"]) for number in range(5))
    await asyncio.gather(*hires, ask_for_kafka())
    assert await members(company, group) == [f"p{number}" for number in range(5)]


async def test_what_a_group_cannot_be_is_refused_by_name(company: Any) -> None:
    li = await company.hire("li")
    gone = await company.dismiss(await company.hire("gone"))
    group = await make(company, "VIP")
    by_rule = await make(company, "规则", rule=Rule(titles=("x",)))
    with pytest.raises(GroupNameTaken):
        await make(company, "ｖｉｐ")
    with pytest.raises(GroupByRule):
        await change_members(company, by_rule, add=(li,))
    with pytest.raises(PersonDeactivated):
        await change_members(company, group, add=(gone,))
    with pytest.raises(PersonNotFound):
        await make(company, "丙", member_ids=["per_none"])
    with pytest.raises(DepartmentNotFound):
        await make(company, "丁", rule=Rule(department_ids=("dep_none",)))  # type: ignore[arg-type]
    same = await make(company, "甲", external_id="hr:g1")
    assert await make(company, "乙", external_id="hr:g1") == same


async def test_a_removed_group_has_nobody_and_its_name_is_free(company: Any, facts: Facts) -> None:
    li = await company.hire("li")
    group = await make(company, "甲", member_ids=[li.id])
    await operations.delete_group(company.store, group_id=group.id, **common(company))
    told = await last_told(facts, group)
    assert (told.group.removed, list(told.member_ids), told.group.version) == (True, [], 2)
    assert (await company.load(li)).group_ids == ()
    with pytest.raises(GroupNotFound):
        await members(company, group)
    with pytest.raises(GroupNotFound):
        await operations.delete_group(company.store, group_id=group.id, **common(company))
    assert (await make(company, "甲")).id != group.id


async def test_groups_are_listed_by_name_all_or_of_one_person(company: Any) -> None:
    li = await company.hire("li")
    for name in ("C", "a", "B"):
        await make(company, name, member_ids=[li.id] if name != "B" else [])

    async def listed(token: str = "", person_id: str = "") -> tuple[list[str], str]:
        groups, following = await queries.list_groups(
            company.store,
            actor=company.actor,
            page_size=2,
            page_token=token,
            person_id=person_id,
        )
        return [group.name for group in groups], following

    first, token = await listed()
    assert (first, (await listed(token))[0]) == (["a", "B"], ["C"])
    assert (await listed(person_id=li.id))[0] == ["a", "C"]
