"""Bindings of roles: subject, scope and expiry, on a real database."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from directory import app
from directory.access import operations
from directory.access.domain.refusals import (
    GrantExceedsOwn,
    GuestHoldsGuest,
    RoleBindingNotFound,
    RoleNotFound,
    ScopeNotFound,
    SubjectNotFound,
)
from directory.app import Store
from directory.people import operations as people_operations
from directory.people.domain.people import Changes, Kind
from directory.people.operations import GroupDraft
from directory.shared.domain.actors import ADMIN
from plexus.directory.v1 import events_pb2
from plexus_access.roles import PERMISSIONS
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown, InvalidArgument

from ..access_support import (
    HR,
    Facts,
    access_facts,
    as_,
    bindings,
    delete_role,
    department,
    unbind,
)


async def test_gw_3_binding_again_answers_the_same_binding(company: Any, facts: Facts) -> None:
    role = await company.create_role()
    li = await company.hire("li")
    first = await company.bind(role.id, f"person:{li.id}")
    assert await company.bind(role.id, f"person:{li.id}") == first
    until = company.now + timedelta(days=1)
    longer = await company.bind(role.id, f"person:{li.id}", expires_at=until)
    assert (longer.id, longer.expires_at, longer.version) == (first.id, until, 2)
    at_once = await asyncio.gather(
        *(company.bind(role.id, f"person:{company.admin.id}") for _ in range(5))
    )
    assert len({binding.id for binding in at_once}) == 1
    bound = [fact for fact in await access_facts(facts) if fact[0] == "RoleBindingChanged"]
    assert bound == [(bound[0][0], first.id, 1), (bound[0][0], first.id, 2), (*bound[2][:2], 1)]


async def test_gw_2_what_is_bound_to_nothing_is_refused_by_name(company: Any) -> None:
    role = await company.create_role()
    root = await department(company, "root")
    person = f"person:{company.admin.id}"
    with pytest.raises(RoleNotFound):
        await company.bind("rol_none", person)
    for subject in ("person:per_none", "department:dep_none#member", "group:grp_none#member"):
        with pytest.raises(SubjectNotFound):
            await company.bind(role.id, subject)
    for scope in ("department:dep_none", "group:grp_none", "tenant:ten_other"):
        with pytest.raises(ScopeNotFound):
            await company.bind(role.id, person, scope)
    for subject in ("", "per_1", "person:", f"department:{root.id}", "tenant:x#member", "x" * 300):
        with pytest.raises(InvalidArgument):
            await company.bind(role.id, subject)
    for scope in ("person:per_1", "department:", "task:tsk_1", "x", "department:" + "x" * 300):
        with pytest.raises(InvalidArgument):
            await company.bind(role.id, person, scope)
    with pytest.raises(InvalidArgument):
        await company.bind(role.id, person, expires_at=company.now)
    with pytest.raises(RoleBindingNotFound):
        await unbind(company, "rbd_none")


async def test_gw_3_who_binds_for_a_department_binds_nothing_beyond_it(company: Any) -> None:
    north, south = await department(company, "north"), await department(company, "south")
    below = await department(company, "below", north.id)
    role = await company.create_role()
    li, wang = await company.hire("li"), await company.hire("wang")
    await company.bind(role.id, f"person:{li.id}", f"department:{north.id}")
    scoped = as_(company, li)
    whom = f"person:{wang.id}"
    made = await scoped.bind(role.id, whom, f"department:{below.id}")
    elsewhere = await company.bind(role.id, whom, f"department:{south.id}")

    for scope in (f"department:{south.id}", "department:dep_none", ""):
        with pytest.raises(ScopeNotFound) as refused:
            await scoped.bind(role.id, whom, scope)
        assert refused.value.metadata == {}
    with pytest.raises(GrantExceedsOwn):
        await scoped.bind(ADMIN, whom, f"department:{below.id}")
    assert await bindings(scoped) == [
        binding for binding in await bindings(company) if binding != elsewhere.id
    ]
    assert await bindings(scoped, scope=f"department:{south.id}") == []
    for hidden in (elsewhere.id, "rbd_none"):
        with pytest.raises(RoleBindingNotFound) as absent:
            await unbind(scoped, hidden)
        assert absent.value.metadata == {}
    await unbind(scoped, made.id)
    assert await bindings(company, subject=whom) == [elsewhere.id]


@pytest.mark.parametrize("of", ["person", "department", "above"])
async def test_gw_3_a_role_reaches_a_person_by_themselves_and_their_departments(
    company: Any, of: str
) -> None:
    top = await department(company, "top")
    below = await department(company, "below", top.id)
    li = await company.hire("li", department_ids=[below.id])
    subject = {
        "person": f"person:{li.id}",
        "department": f"department:{below.id}#member",
        "above": f"department:{top.id}#member",
    }[of]
    role = await company.create_role()
    await company.bind(role.id, subject)
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    assert grants.everywhere >= set(HR)
    await people_operations.update_person(
        company.store,
        actor=company.actor,
        person_id=li.id,
        changes=Changes(department_ids=[]),
        expected_version=0,
        request=None,
        now=company.now,
    )
    left = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    assert (left.everywhere >= set(HR)) == (of == "person")


async def test_gw_3_a_binding_grants_nothing_from_its_end_on_and_is_removed_later(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li")
    role = await company.create_role()
    until = company.now + timedelta(hours=1)
    bound = await company.bind(role.id, f"person:{li.id}", expires_at=until)
    kept = await company.bind(role.id, f"person:{company.admin.id}")
    actor = company.acting_as(li)
    before = await company.store.grants.of_actor(actor, now=until - timedelta(milliseconds=1))
    assert before.holds_everywhere("people.manage")
    at_the_end = await company.store.grants.of_actor(actor, now=until)
    assert not at_the_end.holds_everywhere("people.manage")

    early = until - timedelta(milliseconds=1)
    assert await operations.end_expired_bindings(company.store, now=early) == 0
    removed = await asyncio.gather(
        *(operations.end_expired_bindings(company.store, now=until) for _ in range(3))
    )
    assert sum(removed) == 1
    assert await bindings(company) == [kept.id]
    ended = events_pb2.RoleBindingChanged.FromString((await facts())[-1].fact).binding
    assert (ended.id, ended.removed, ended.version) == (bound.id, True, 2)


async def test_gw_3_upkeep_removes_what_has_expired_and_goes_on_after_a_failure(
    company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = await company.create_role()
    until = company.now + timedelta(hours=1)
    await company.bind(role.id, f"person:{company.admin.id}", expires_at=until)
    company.clock.advance(timedelta(hours=1))
    failures = []

    async def fails_once(store: Store, *, now: datetime) -> int:
        if not failures:
            failures.append(now)
            raise DependencyDown(dependency="mongodb", problem="test")
        return await operations.end_expired_bindings(store, now=now)

    monkeypatch.setattr(app, "JOBS", (fails_once,))
    work = app.keep_up(company.store, clock=company.clock, every=timedelta(milliseconds=1))
    task = asyncio.create_task(work)
    try:
        await eventually(lambda: nobody_is_bound(company))
    finally:
        task.cancel()
    assert failures == [until]


async def nobody_is_bound(company: Any) -> bool:
    return not await bindings(company)


async def test_gw_3_an_expired_binding_is_revived_by_binding_again(company: Any) -> None:
    li = await company.hire("li")
    role = await company.create_role()
    until = company.now + timedelta(hours=1)
    bound = await company.bind(role.id, f"person:{li.id}", expires_at=until)
    company.clock.advance(timedelta(hours=2))
    again = await company.bind(role.id, f"person:{li.id}")
    assert (again.id, again.expires_at, again.version) == (bound.id, None, 2)


async def test_gw_3_a_removed_role_takes_its_bindings_with_it(company: Any, facts: Facts) -> None:
    role, other = await company.create_role(), await company.create_role("other")
    li = await company.hire("li")
    bound = [await company.bind(role.id, f"person:{person.id}") for person in (li, company.admin)]
    kept = await company.bind(other.id, f"person:{li.id}")
    await delete_role(company, role.id)
    assert await bindings(company) == [kept.id]
    removed = [fact for fact in await access_facts(facts) if fact[2] == 2]
    assert sorted(removed) == sorted(
        [("RoleChanged", role.id, 2), *(("RoleBindingChanged", b.id, 2) for b in bound)]
    )
    with pytest.raises(RoleNotFound):
        await company.bind(role.id, f"person:{li.id}")


async def test_gw_3_a_role_of_the_product_can_be_bound_for_a_part(company: Any) -> None:
    north = await department(company, "north")
    li = await company.hire("li")
    await company.bind(ADMIN, f"person:{li.id}", f"department:{north.id}")
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    [held] = grants.within
    assert held.permissions == PERMISSIONS
    assert not grants.holds_everywhere("people.manage")


async def test_gw_3_conversations_and_projects_are_scopes_by_their_form(company: Any) -> None:
    role = await company.create_role()
    subject = f"person:{company.admin.id}"
    for scope in ("conversation:con_1", "project:prj_1"):
        assert str((await company.bind(role.id, subject, scope)).scope) == scope


@pytest.mark.rule("GW-5")
async def test_gw_05_a_guest_is_bound_to_no_role(company: Any) -> None:
    guest = await company.hire(
        "guest", kind=Kind.GUEST, guest_expires_at=company.now + timedelta(days=1)
    )
    for scope in ("", "conversation:cnv_1"):
        with pytest.raises(GuestHoldsGuest) as refused:
            await company.bind("auditor", f"person:{guest.id}", scope)
        assert refused.value.reason == "GUEST_HOLDS_GUEST"
    with pytest.raises(InvalidArgument):
        await company.change(guest, roles=["member"])


@pytest.mark.rule("GW-5")
async def test_gw_05_roles_of_a_group_do_not_reach_its_guests(company: Any) -> None:
    li = await company.hire("li")
    guest = await company.hire(
        "guest", kind=Kind.GUEST, guest_expires_at=company.now + timedelta(days=1)
    )
    common = {"actor": company.actor, "request": None, "now": company.now}
    group = await people_operations.create_group(
        company.store, draft=GroupDraft(name="Partners"), **common
    )
    await people_operations.change_group_members(
        company.store, group_id=group.id, add_ids=[li.id, guest.id], remove_ids=[], **common
    )
    role = await company.create_role()
    await company.bind(role.id, f"group:{group.id}#member")

    of_li, of_guest = [
        await company.store.grants.of_actor(company.acting_as(each), now=company.now)
        for each in (li, guest)
    ]

    assert of_li.everywhere >= set(role.permissions)
    assert not of_guest.everywhere & set(role.permissions)
