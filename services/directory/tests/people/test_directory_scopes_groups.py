"""Groups within scopes: their managers, and the limits of grants that members gain."""

from dataclasses import replace
from typing import Any

from directory.access import queries
from directory.access.domain.refusals import GrantExceedsOwn, GroupSelfChosen, ScopeNotFound
from directory.people import operations
from directory.people.domain.groups import Group, Rule
from directory.people.domain.people import Person
from directory.shared.domain.actors import ADMIN, MEMBER
from directory.shared.domain.refusals import DepartmentNotFound, GroupNotFound, PermissionMissing
from plexus_testkit.commands import StoreCommands

from ..access_support import department
from ..scopes_support import Scoped, asked, bind_person, merge, move, refused, sameness, update


async def group(company: Any, name: str, department_id: str = "", **draft: Any) -> Group:
    return await operations.create_group(
        company.store,
        actor=company.actor,
        draft=operations.GroupDraft(name=name, department_id=department_id, **draft),
        request=None,
        now=company.now,
    )


async def change_members(company: Any, group_id: str, *people: Person) -> Group:
    return await operations.change_group_members(
        company.store,
        actor=company.actor,
        group_id=group_id,
        add_ids=[person.id for person in people],
        remove_ids=[],
        request=None,
        now=company.now,
    )


async def update_group(company: Any, group_id: str, **changes: Any) -> Group:
    asked = {"name": None, "description": None, "rule": None, **changes}
    return await operations.update_group(
        company.store,
        actor=company.actor,
        group_id=group_id,
        expected_version=0,
        request=None,
        now=company.now,
        **asked,
    )


async def delete_group(company: Any, group_id: str) -> None:
    await operations.delete_group(
        company.store, actor=company.actor, group_id=group_id, request=None, now=company.now
    )


async def test_gw_3_groups_of_a_department_are_managed_by_its_administrator(
    scoped: Scoped, commands: StoreCommands
) -> None:
    company, part = scoped.whole, scoped.part
    made = await group(part, "deep", scoped.deep.id)
    li = await company.hire("li")
    assert (await change_members(part, made.id, li)).size == 1
    assert (await update_group(part, made.id, name="deeper")).name == "deeper"

    tenants = await group(company, "of the tenant")
    souths = await group(company, "of the south", scoped.south.id)
    for attempt in (
        lambda id_: change_members(part, id_, li),
        lambda id_: update_group(part, id_, name="x"),
        lambda id_: delete_group(part, id_),
    ):
        sameness(
            [
                await refused(attempt(id_), GroupNotFound)
                for id_ in (tenants.id, souths.id, "grp_none")
            ]
        )
        seen = await asked(commands, refused(attempt(souths.id), GroupNotFound))
        assert seen == await asked(commands, refused(attempt("grp_none"), GroupNotFound))
    sameness(
        [
            await refused(group(part, "x", department_id), DepartmentNotFound)
            for department_id in (scoped.south.id, "dep_none")
        ]
    )
    await refused(group(part, "x"), PermissionMissing)
    await delete_group(part, made.id)


async def test_gw_3_a_role_for_one_group_manages_that_group(scoped: Scoped) -> None:
    company = scoped.whole
    li = await company.hire("li")
    mine, other = await group(company, "mine"), await group(company, "other")
    await bind_person(company, ADMIN, li, f"group:{mine.id}")
    part = replace(company, actor=company.acting_as(li))
    assert (await change_members(part, mine.id, li)).size == 1
    await refused(change_members(part, other.id, li), GroupNotFound)
    await refused(bind_person(part, ADMIN, li, f"group:{other.id}"), ScopeNotFound)
    await bind_person(part, ADMIN, scoped.lead, f"group:{mine.id}")


async def test_gw_3_a_role_reaches_the_members_of_a_group_while_they_are(scoped: Scoped) -> None:
    company = scoped.whole
    li = await company.hire("li", department_ids=[scoped.deep.id])
    made = await group(company, "leads", member_ids=[li.id])
    await company.bind(ADMIN, f"group:{made.id}#member", f"department:{scoped.north.id}")
    part = replace(company, actor=company.acting_as(li))
    await part.hire("x", department_ids=[scoped.deep.id])
    await delete_group(company, made.id)
    await refused(part.hire("y", department_ids=[scoped.deep.id]), PermissionMissing)


async def test_gw_3_membership_gives_nobody_what_its_giver_does_not_hold(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    li = await part.hire("li", department_ids=[scoped.north.id])
    powerful = await group(company, "powerful", scoped.deep.id)
    titled = await group(company, "titled", rule=Rule(titles=("CFO",)))
    for subject in (
        f"group:{powerful.id}#member",
        f"group:{titled.id}#member",
        f"department:{scoped.deep.id}#member",
    ):
        await company.bind(ADMIN, subject)
    await refused(change_members(part, powerful.id, li), GrantExceedsOwn)
    await refused(update(part, li.id, title="CFO"), GrantExceedsOwn)
    await refused(update(part, li.id, department_ids=[scoped.deep.id]), GrantExceedsOwn)
    await refused(part.hire("new", department_ids=[scoped.deep.id]), GrantExceedsOwn)
    await refused(part.hire("new", department_ids=[scoped.north.id], title="CFO"), GrantExceedsOwn)
    other = await department(part, "other", scoped.north.id)
    await refused(move(part, other.id, scoped.deep.id), GrantExceedsOwn)
    assert (await change_members(company, powerful.id, li)).size == 1


async def test_gw_3_nobody_comes_to_hold_a_role_by_what_they_say_of_themselves(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    chosen = await group(company, "chosen", rule=Rule(skills=("Kafka",)))
    await refused(company.bind(ADMIN, f"group:{chosen.id}#member"), GroupSelfChosen)
    titled = await group(company, "titled", rule=Rule(titles=("CFO",)))
    await company.bind(ADMIN, f"group:{titled.id}#member", f"department:{scoped.deep.id}")
    await refused(update_group(company, titled.id, rule=Rule(skills=("Kafka",))), GroupSelfChosen)
    await update_group(company, chosen.id, rule=Rule(titles=("CTO",)))
    await company.bind(ADMIN, f"group:{chosen.id}#member", f"department:{scoped.deep.id}")


async def test_gw_3_what_is_bound_to_or_for_what_goes_ends_with_a_fact(
    scoped: Scoped, facts: Any
) -> None:
    company = scoped.whole
    made = await group(company, "made")
    ending = [
        await company.bind(MEMBER, subject, scope)
        for subject, scope in (
            (f"group:{made.id}#member", ""),
            (f"person:{scoped.lead.id}", f"group:{made.id}"),
            (f"department:{scoped.deep.id}#member", ""),
            (f"person:{scoped.lead.id}", f"department:{scoped.deep.id}"),
        )
    ]
    await delete_group(company, made.id)
    await merge(company, scoped.deep.id, scoped.south.id)
    told = [fact for fact in await facts() if fact.type.endswith("RoleBindingChanged")]
    assert {fact.scope for fact in told if fact.entity_version == 2} == {
        binding.id for binding in ending
    }
    found, _ = await queries.list_role_bindings(
        company.store,
        actor=company.actor,
        subject="",
        scope="",
        page_size=0,
        page_token="",
        now=company.now,
    )
    assert [str(binding.scope) for binding in found] == [f"department:{scoped.north.id}"]
