"""Administrators of a department: what they manage, and what they cannot tell from absent."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from directory import operations, queries
from directory.domain.access import ADMIN, MEMBER
from directory.domain.access_refusals import GrantExceedsOwn, GroupSelfChosen, ScopeNotFound
from directory.domain.departments import Department
from directory.domain.groups import Group, Rule
from directory.domain.people import Changes, Kind, Person
from directory.domain.refusals import (
    DepartmentNotFound,
    GroupNotFound,
    PermissionMissing,
    PersonNotFound,
)
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.testing.commands import StoreCommands
from scim2_models import SearchRequest

NEVER = "per_none"
PASSWORD = "correct horse"


async def asked(commands: StoreCommands, attempt: Awaitable[Any]) -> list[str]:
    """Give what the store is asked, command by command with its collection."""
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


async def department(company: Any, name: str, parent: str = "", external: str = "") -> Department:
    return await operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent,
        external_id=external,
        request=None,
        now=company.now,
    )


async def bind(company: Any, role: str, person: Person, scope: str, **rest: Any) -> None:
    await operations.bind_role(
        company.store,
        actor=company.actor,
        role_id=role,
        subject=f"person:{person.id}",
        scope=scope,
        request=None,
        now=company.now,
        **{"expires_at": None, **rest},
    )


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


async def deactivate(company: Any, person_id: str) -> Person:
    return await operations.deactivate_person(
        company.store, actor=company.actor, person_id=person_id, request=None, now=company.now
    )


async def set_password(company: Any, person_id: str) -> None:
    await operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=person_id,
        old_password="",
        new_password="another horse",
        now=company.now,
    )


@pytest.fixture
async def scoped(company: Any) -> Scoped:
    north, south = await department(company, "north"), await department(company, "south")
    deep = await department(company, "deep", north.id)
    lead = await company.hire("lead", department_ids=[north.id])
    await bind(company, ADMIN, lead, f"department:{north.id}")
    part = replace(company, actor=company.acting_as(lead))
    return Scoped(whole=company, part=part, lead=lead, north=north, deep=deep, south=south)


def sameness(refusals: Sequence[Refusal]) -> None:
    """Refusals that nobody can tell apart (GW-2)."""
    [first, *others] = [(r.kind, r.reason, dict(r.metadata), r.message()) for r in refusals]
    assert all(other == first for other in others)


async def refused(attempt: Awaitable[Any], as_: type[Refusal]) -> Refusal:
    with pytest.raises(as_) as raised:
        await attempt
    return raised.value


async def test_gw_3_people_below_a_department_are_managed_by_its_administrator(
    scoped: Scoped,
) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    assert li.roles == (MEMBER,)
    both = [scoped.north.id, scoped.deep.id]
    assert (await update(part, li.id, title="x", department_ids=both)).title == "x"
    assert (await update(part, li.id, email="li@example.com")).email == "li@example.com"
    await set_password(part, li.id)
    assert not (await deactivate(part, li.id)).active


async def test_gw_2_people_elsewhere_are_absent_to_the_administrator_of_a_department(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    elsewhere = await company.hire("elsewhere", department_ids=[scoped.south.id])
    partly = await company.hire("partly", department_ids=[scoped.deep.id, scoped.south.id])
    nowhere = await company.hire("nowhere")
    higher = await company.hire("higher", department_ids=[scoped.deep.id], roles=[ADMIN])
    hidden = [person.id for person in (elsewhere, partly, nowhere, higher)]
    for attempt in (
        lambda id_: update(part, id_, title="x"),
        lambda id_: deactivate(part, id_),
        lambda id_: set_password(part, id_),
    ):
        sameness([await refused(attempt(id_), PersonNotFound) for id_ in [*hidden, NEVER]])
    for id_ in hidden:
        assert (await company.store.people.get(id_, tenant_id=company.tenant.id)).version == 1


async def test_gw_2_absent_and_forbidden_cost_the_store_the_same(
    scoped: Scoped, commands: StoreCommands
) -> None:
    part = scoped.part
    elsewhere = await scoped.whole.hire("elsewhere", department_ids=[scoped.south.id])
    other_department, no_department = scoped.south.id, "dep_none"
    pairs = [
        (lambda id_: update(part, id_, title="x"), elsewhere.id, NEVER),
        (lambda id_: deactivate(part, id_), elsewhere.id, NEVER),
        (lambda id_: set_password(part, id_), elsewhere.id, NEVER),
        (lambda id_: department(part, "x", id_), other_department, no_department),
        (lambda id_: part.hire("x", department_ids=[id_]), other_department, no_department),
        (
            lambda id_: bind(part, ADMIN, scoped.lead, f"department:{id_}"),
            other_department,
            no_department,
        ),
    ]
    for attempt, hidden, absent in pairs:
        seen = await asked(commands, refused(attempt(hidden), Refusal))
        assert seen == await asked(commands, refused(attempt(absent), Refusal))
        assert seen


async def test_gw_3_nobody_is_moved_out_of_what_one_manages(scoped: Scoped) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    for departments in ([scoped.south.id], [scoped.deep.id, scoped.south.id]):
        outside = await refused(update(part, li.id, department_ids=departments), DepartmentNotFound)
        assert outside.metadata == {"department_id": scoped.south.id}
        new = await refused(part.hire("new", department_ids=departments), DepartmentNotFound)
        assert new.metadata == outside.metadata
    await refused(update(part, li.id, department_ids=[]), InvalidArgument)
    await refused(part.hire("new"), InvalidArgument)


async def test_gw_3_the_administrator_of_a_department_gives_no_role_for_the_tenant(
    scoped: Scoped,
) -> None:
    part = scoped.part
    li = await part.hire("li", department_ids=[scoped.deep.id])
    exceeds = await refused(update(part, li.id, roles=[ADMIN]), GrantExceedsOwn)
    assert "permission" in exceeds.metadata
    await refused(part.hire("x", department_ids=[scoped.deep.id], roles=[ADMIN]), GrantExceedsOwn)


async def test_gw_3_taking_over_somebody_of_more_rights_is_refused(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    li = await company.hire("li", department_ids=[scoped.deep.id])
    await bind(company, ADMIN, li, f"department:{scoped.south.id}")
    await refused(set_password(part, li.id), GrantExceedsOwn)
    await refused(update(part, li.id, email="mine@example.com"), GrantExceedsOwn)
    assert (await update(part, li.id, title="x")).title == "x"
    await set_password(company, li.id)


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


async def test_gw_1_who_manages_nowhere_lacks_the_permission(scoped: Scoped) -> None:
    li = await scoped.whole.hire("li", department_ids=[scoped.deep.id])
    member = replace(scoped.whole, actor=scoped.whole.acting_as(li))
    for attempt in (
        update(member, scoped.lead.id, title="x"),
        update(member, NEVER, title="x"),
        deactivate(member, scoped.lead.id),
        set_password(member, scoped.lead.id),
        member.hire("x", department_ids=[scoped.deep.id]),
        department(member, "x", scoped.deep.id),
    ):
        await refused(attempt, PermissionMissing)


async def test_gw_3_an_import_is_for_who_may_import_into_the_tenant(scoped: Scoped) -> None:
    attempt = operations.import_people(
        scoped.part.store,
        scoped.part.hashes,
        actor=scoped.part.actor,
        imported=[],
        now=scoped.part.now,
    )
    await refused(attempt, PermissionMissing)


async def test_gw_3_what_is_bound_until_then_manages_nothing_from_then_on(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    li = await company.hire("li", department_ids=[scoped.south.id])
    until = company.now + timedelta(hours=1)
    await bind(company, ADMIN, li, f"department:{scoped.south.id}", expires_at=until)
    part = replace(company, actor=company.acting_as(li))
    await part.hire("before", department_ids=[scoped.south.id])
    company.clock.advance(timedelta(hours=1))
    await refused(part.hire("after", department_ids=[scoped.south.id]), PermissionMissing)


async def test_gw_3_an_api_token_manages_no_more_than_its_scopes(scoped: Scoped) -> None:
    company = scoped.whole
    reading = replace(company, actor=replace(company.actor, scopes=frozenset({"people.read"})))
    await refused(reading.hire("x"), PermissionMissing)
    managing = replace(company, actor=replace(company.actor, scopes=frozenset({"people.manage"})))
    assert (await managing.hire("x")).roles == (MEMBER,)
    await refused(managing.hire("y", roles=[ADMIN]), GrantExceedsOwn)


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


async def bind_to(company: Any, role: str, subject: str, scope: str = "") -> Any:
    return await operations.bind_role(
        company.store,
        actor=company.actor,
        role_id=role,
        subject=subject,
        scope=scope,
        expires_at=None,
        request=None,
        now=company.now,
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
    await bind(company, ADMIN, li, f"group:{mine.id}")
    part = replace(company, actor=company.acting_as(li))
    assert (await change_members(part, mine.id, li)).size == 1
    await refused(change_members(part, other.id, li), GroupNotFound)
    await refused(bind(part, ADMIN, li, f"group:{other.id}"), ScopeNotFound)
    await bind(part, ADMIN, scoped.lead, f"group:{mine.id}")


async def test_gw_3_a_role_reaches_the_members_of_a_group_while_they_are(scoped: Scoped) -> None:
    company = scoped.whole
    li = await company.hire("li", department_ids=[scoped.deep.id])
    made = await group(company, "leads", member_ids=[li.id])
    await bind_to(company, ADMIN, f"group:{made.id}#member", f"department:{scoped.north.id}")
    part = replace(company, actor=company.acting_as(li))
    await part.hire("x", department_ids=[scoped.deep.id])
    await delete_group(company, made.id)
    await refused(part.hire("y", department_ids=[scoped.deep.id]), PermissionMissing)


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
    await bind(company, ADMIN, li, f"department:{scoped.deep.id}")
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
        await bind_to(company, ADMIN, subject)
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
    await refused(bind_to(company, ADMIN, f"group:{chosen.id}#member"), GroupSelfChosen)
    titled = await group(company, "titled", rule=Rule(titles=("CFO",)))
    await bind_to(company, ADMIN, f"group:{titled.id}#member", f"department:{scoped.deep.id}")
    await refused(update_group(company, titled.id, rule=Rule(skills=("Kafka",))), GroupSelfChosen)
    await update_group(company, chosen.id, rule=Rule(titles=("CTO",)))
    await bind_to(company, ADMIN, f"group:{chosen.id}#member", f"department:{scoped.deep.id}")


async def test_gw_3_who_was_deactivated_is_let_back_in_by_who_holds_as_much(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    li = await company.hire("li", department_ids=[scoped.deep.id])
    wang = await company.hire("wang", department_ids=[scoped.deep.id])
    await bind(company, ADMIN, li, f"department:{scoped.south.id}")
    for person in (li, wang):
        await deactivate(part, person.id)
    assert (await reactivate(part, wang.id)).active
    await refused(reactivate(part, li.id), GrantExceedsOwn)
    assert (await reactivate(company, li.id)).active


async def reactivate(company: Any, person_id: str) -> Person:
    return await operations.reactivate_person(
        company.store, actor=company.actor, person_id=person_id, request=None, now=company.now
    )


async def test_gw_3_an_absence_is_planned_by_who_manages_the_department(scoped: Scoped) -> None:
    company, part = scoped.whole, scoped.part
    inside = await company.hire("in", department_ids=[scoped.deep.id])
    outside = await company.hire("out", department_ids=[scoped.south.id])
    assert (await end_absence(part, inside.id)).id == inside.id
    sameness([await refused(end_absence(part, id_), PersonNotFound) for id_ in (outside.id, NEVER)])
    member = replace(company, actor=company.acting_as(inside))
    sameness(
        [await refused(end_absence(member, id_), PermissionMissing) for id_ in (outside.id, NEVER)]
    )


async def end_absence(company: Any, person_id: str) -> Person:
    return await operations.set_absence(
        company.store,
        actor=company.actor,
        person_id=person_id,
        absence=None,
        request=None,
        now=company.now,
    )


async def test_gw_3_what_is_bound_to_or_for_what_goes_ends_with_a_fact(
    scoped: Scoped, facts: Any
) -> None:
    company = scoped.whole
    made = await group(company, "made")
    ending = [
        await bind_to(company, MEMBER, subject, scope)
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


async def test_gw_3_sessions_of_a_department_are_managed_by_its_administrator(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    inside = await company.hire("in", password=PASSWORD, department_ids=[scoped.deep.id])
    outside = await company.hire("out", password=PASSWORD, department_ids=[scoped.south.id])
    for handle in ("in", "out"):
        await company.sign_in(handle)
    assert len((await sessions(part, inside.id)).sessions) == 1
    assert await revoke(part, inside.id) == 1
    for attempt in (sessions, revoke):
        sameness([await refused(attempt(part, id_), PersonNotFound) for id_ in (outside.id, NEVER)])
    member = replace(company, actor=company.acting_as(inside))
    for attempt in (sessions, revoke):
        await refused(attempt(member, outside.id), PermissionMissing)


async def sessions(company: Any, person_id: str) -> Any:
    return await queries.list_sessions(
        company.store, actor=company.actor, person_id=person_id, now=company.now
    )


async def revoke(company: Any, person_id: str) -> int:
    return await operations.revoke_sessions(
        company.store, actor=company.actor, session_id="", person_id=person_id, now=company.now
    )


async def test_gw_3_the_feed_may_be_given_to_an_account_by_a_role_of_its_own(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    feed = await company.hire("feed", kind=Kind.SERVICE_ACCOUNT)
    role = await operations.create_role(
        company.store,
        actor=company.actor,
        name="Feed",
        description="",
        permissions=["people.provision"],
        masks=(),
        request=None,
        now=company.now,
    )
    actor = replace(company.acting_as(feed), scopes=frozenset({"people.provision"}))
    part = replace(company, actor=actor)
    await refused(users(part), PermissionMissing)
    await bind(company, role.id, feed, "")
    assert (await users(part)).total == 0


async def users(company: Any) -> Any:
    return await queries.list_users(
        company.store, actor=company.actor, asked=SearchRequest(), now=company.now
    )
