"""Administrators of a department: they manage it; to them all other objects seem absent."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from directory.access.domain.refusals import GrantExceedsOwn
from directory.people import operations
from directory.people.domain.people import Kind, Person
from directory.scim import queries as scim_queries
from directory.shared.domain.actors import ADMIN, MEMBER
from directory.shared.domain.refusals import DepartmentNotFound, PermissionMissing, PersonNotFound
from directory.sign_in import operations as sign_in_operations
from directory.sign_in import queries
from plexus_testkit.commands import StoreCommands
from plexuskit.errors import InvalidArgument, Refusal
from scim2_models import SearchRequest

from ..access_support import department
from ..scopes_support import Scoped, asked, bind_person, refused, sameness, update

NEVER = "per_none"
PASSWORD = "correct horse"


async def deactivate(company: Any, person_id: str) -> Person:
    return await operations.deactivate_person(
        company.store, actor=company.actor, person_id=person_id, request=None, now=company.now
    )


async def set_password(company: Any, person_id: str) -> None:
    await sign_in_operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=person_id,
        old_password="",
        new_password="another horse",
        reason="a test",
        now=company.now,
    )


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
            lambda id_: bind_person(part, ADMIN, scoped.lead, f"department:{id_}"),
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
    await bind_person(company, ADMIN, li, f"department:{scoped.south.id}")
    await refused(set_password(part, li.id), GrantExceedsOwn)
    await refused(update(part, li.id, email="mine@example.com"), GrantExceedsOwn)
    assert (await update(part, li.id, title="x")).title == "x"
    await set_password(company, li.id)


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
    await bind_person(company, ADMIN, li, f"department:{scoped.south.id}", expires_at=until)
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


async def test_gw_3_who_was_deactivated_is_let_back_in_by_who_holds_as_much(
    scoped: Scoped,
) -> None:
    company, part = scoped.whole, scoped.part
    li = await company.hire("li", department_ids=[scoped.deep.id])
    wang = await company.hire("wang", department_ids=[scoped.deep.id])
    await bind_person(company, ADMIN, li, f"department:{scoped.south.id}")
    await deactivate(part, wang.id)
    # A person with more grants can be neither deactivated nor reactivated.
    await refused(deactivate(part, li.id), GrantExceedsOwn)
    await deactivate(company, li.id)
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
        company.store,
        actor=company.actor,
        person_id=person_id,
        page_size=0,
        page_token="",
        now=company.now,
    )


async def revoke(company: Any, person_id: str) -> int:
    return await sign_in_operations.revoke_sessions(
        company.store, actor=company.actor, session_id="", person_id=person_id, now=company.now
    )


async def test_gw_3_the_feed_may_be_given_to_an_account_by_a_role_of_its_own(
    scoped: Scoped,
) -> None:
    company = scoped.whole
    feed = await company.hire("feed", kind=Kind.SERVICE_ACCOUNT)
    role = await company.create_role("Feed", ["people.provision"])
    actor = replace(company.acting_as(feed), scopes=frozenset({"people.provision"}))
    part = replace(company, actor=actor)
    await refused(users(part), PermissionMissing)
    await bind_person(company, role.id, feed, "")
    assert (await users(part)).total == 0


async def users(company: Any) -> Any:
    return await scim_queries.list_users(
        company.store, actor=company.actor, asked=SearchRequest(), now=company.now
    )
