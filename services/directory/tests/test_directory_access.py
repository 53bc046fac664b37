"""Roles, bindings, policies and modules, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from directory import operations, queries
from directory.domain.access import ADMIN, Actor
from directory.domain.access_refusals import (
    GrantExceedsOwn,
    ModuleUnknown,
    PermissionUnknown,
    PolicyInvalid,
    PolicyNotFound,
    RoleBindingNotFound,
    RoleBuiltIn,
    RoleNameTaken,
    RoleNotFound,
    ScopeNotFound,
    SubjectNotFound,
)
from directory.domain.bindings import Binding
from directory.domain.departments import Department
from directory.domain.people import Changes, Person
from directory.domain.refusals import DepartmentNotFound, PermissionMissing, RequestIdReused
from directory.domain.requests import Request
from directory.domain.roles import FieldMask, Role, RoleChanges
from directory.operations import upkeep
from directory.store import Store
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.roles import NAMES, PERMISSIONS
from plexuskit.errors import DependencyDown, InvalidArgument, VersionConflict
from plexuskit.testing.wait import eventually

Facts = Callable[[], Awaitable[list[Envelope]]]
HR = ("people.manage", "roles.bind", "roles.read")
FORBID = 'forbid(principal, action == Plexus::Action::"tasks.create", resource);'


def request(request_id: str, content: bytes = b"same") -> Request:
    made = Request.of(scope="ten:per", request_id=request_id, method="m", content=content)
    assert made
    return made


async def create_role(
    company: Any, name: str = "HR", permissions: Sequence[str] = HR, **rest: Any
) -> Role:
    asked = {"description": "", "masks": (), "request": None, **rest}
    return await operations.create_role(
        company.store,
        actor=company.actor,
        name=name,
        permissions=permissions,
        now=company.now,
        **asked,
    )


async def update_role(company: Any, role_id: str, version: int = 0, **changes: Any) -> Role:
    return await operations.update_role(
        company.store,
        actor=company.actor,
        role_id=role_id,
        changes=RoleChanges(**changes),
        expected_version=version,
        request=None,
        now=company.now,
    )


async def delete_role(company: Any, role_id: str, request: Request | None = None) -> None:
    await operations.delete_role(
        company.store, actor=company.actor, role_id=role_id, request=request, now=company.now
    )


async def bind(company: Any, role_id: str, subject: str, scope: str = "", **rest: Any) -> Binding:
    asked = {"expires_at": None, "request": None, **rest}
    return await operations.bind_role(
        company.store,
        actor=company.actor,
        role_id=role_id,
        subject=subject,
        scope=scope,
        now=company.now,
        **asked,
    )


async def unbind(company: Any, binding_id: str, request: Request | None = None) -> None:
    await operations.unbind_role(
        company.store, actor=company.actor, binding_id=binding_id, request=request, now=company.now
    )


async def bindings(company: Any, subject: str = "", scope: str = "") -> list[str]:
    found, _ = await queries.list_role_bindings(
        company.store,
        actor=company.actor,
        subject=subject,
        scope=scope,
        page_size=0,
        page_token="",
        now=company.now,
    )
    return [binding.id for binding in found]


async def department(company: Any, name: str, parent: str = "") -> Department:
    return await operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent,
        external_id="",
        request=None,
        now=company.now,
    )


async def put_policy(
    company: Any, name: str = "tasks", cedar: str = FORBID, version: int = 0, **rest: Any
):
    asked = {"enabled": True, "request": None, **rest}
    return await operations.put_access_policy(
        company.store,
        actor=company.actor,
        name=name,
        cedar=cedar,
        expected_version=version,
        now=company.now,
        **asked,
    )


async def set_module(company: Any, name: str, *, enabled: bool, exceptions: Sequence[str] = ()):
    return await operations.set_module(
        company.store,
        actor=company.actor,
        name=name,
        enabled=enabled,
        except_department_ids=exceptions,
        request=None,
        now=company.now,
    )


def as_(company: Any, person: Person, **changes: Any) -> Any:
    return replace(company, actor=replace(company.acting_as(person), **changes))


async def access_facts(facts: Facts) -> list[tuple[str, str, int]]:
    return [
        (fact.type.rpartition(".")[2], fact.scope, fact.change_no)
        for fact in await facts()
        if fact.type.rpartition(".")[2]
        in {"RoleChanged", "RoleBindingChanged", "AccessPolicyChanged", "ModuleChanged"}
    ]


async def test_gw_3_a_role_lives_through_its_versions_with_a_fact_for_each(
    company: Any, facts: Facts
) -> None:
    role = await create_role(
        company, masks=[FieldMask(message="plexus.directory.v1.Person", fields=("handle", "id"))]
    )
    renamed = await update_role(company, role.id, version=1, name="People", description=" all ")
    assert (renamed.name, renamed.description, renamed.version) == ("People", "all", 2)
    assert await update_role(company, role.id, name="People") == renamed
    await delete_role(company, role.id)
    assert await access_facts(facts) == [("RoleChanged", role.id, n) for n in (1, 2, 3)]
    last = events_pb2.RoleChanged.FromString((await facts())[-1].fact)
    assert (last.role.removed, last.role.masks[0].fields) == (True, ["handle", "id"])
    assert {fact.actor_id for fact in await facts()} == {company.admin.id}


async def test_gw_3_roles_are_listed_built_in_ones_first(company: Any) -> None:
    await create_role(company, "b")
    await create_role(company, "A")
    listed = await queries.list_roles(company.store, actor=company.actor, now=company.now)
    assert [role.name for role in listed] == [*NAMES, "A", "b"]
    assert [role.built_in for role in listed] == [True] * len(NAMES) + [False, False]


async def test_the_name_of_a_role_is_its_own(company: Any) -> None:
    await create_role(company, "HR")
    other = await create_role(company, "Other")
    for name in ("hr", "Admin"):
        with pytest.raises(RoleNameTaken):
            await create_role(company, name)
        with pytest.raises(RoleNameTaken):
            await update_role(company, other.id, name=name)
    await delete_role(company, other.id)
    assert (await create_role(company, "other")).id != other.id


async def test_gw_3_what_is_wrong_with_a_role_is_refused_by_name(company: Any) -> None:
    role = await create_role(company)
    with pytest.raises(PermissionUnknown):
        await create_role(company, "x", ["people.eat"])
    with pytest.raises(VersionConflict):
        await update_role(company, role.id, version=7, name="x")
    for role_id in ("rol_none", ""):
        with pytest.raises(RoleNotFound):
            await update_role(company, role_id, name="x")
        with pytest.raises(RoleNotFound):
            await delete_role(company, role_id)
    for role_id in NAMES:
        with pytest.raises(RoleBuiltIn):
            await update_role(company, role_id, name="x")
        with pytest.raises(RoleBuiltIn):
            await delete_role(company, role_id)
    twice = FieldMask(message="plexus.directory.v1.Person", fields=("id",))
    with pytest.raises(InvalidArgument):
        await create_role(company, "x", masks=[twice, twice])


async def test_gw_1_a_member_manages_no_access(company: Any) -> None:
    li = as_(company, await company.hire("li"))
    role = await create_role(company)
    refused: list[Awaitable[Any]] = [
        create_role(li, "x"),
        update_role(li, role.id, name="x"),
        delete_role(li, role.id),
        bind(li, role.id, f"person:{li.actor.person_id}"),
        unbind(li, "rbd_none"),
        bindings(li),
        put_policy(li),
        operations.delete_access_policy(
            li.store, actor=li.actor, name="x", request=None, now=li.now
        ),
        queries.list_access_policies(li.store, actor=li.actor, now=li.now),
        queries.list_roles(li.store, actor=li.actor, now=li.now),
        set_module(li, "tasks", enabled=False),
    ]
    for attempt in refused:
        with pytest.raises(PermissionMissing):
            await attempt


async def test_gw_1_an_administrator_of_a_moment_ago_binds_nothing(company: Any) -> None:
    li = await company.hire("li")
    stale = as_(company, li, roles=frozenset({ADMIN}))
    with pytest.raises(PermissionMissing):
        await bind(stale, ADMIN, f"person:{li.id}")


async def test_an_api_token_manages_access_within_its_scopes_only(company: Any) -> None:
    token = replace(company, actor=replace(company.actor, scopes=frozenset({"roles.manage"})))
    with pytest.raises(GrantExceedsOwn):
        await create_role(token, "x", ["people.manage"])
    made = await create_role(token, "x", ["roles.manage"])
    with pytest.raises(PermissionMissing):
        await bind(token, made.id, f"person:{company.admin.id}")


async def test_gw_3_nobody_makes_a_role_of_more_than_they_hold(company: Any) -> None:
    own = await create_role(company, "keeper", ["roles.manage", "roles.read"])
    larger = await create_role(company, "larger", ["people.manage", "roles.read"])
    li = await company.hire("li")
    await bind(company, own.id, f"person:{li.id}")
    keeper = as_(company, li)
    with pytest.raises(GrantExceedsOwn) as refused:
        await create_role(keeper, "x", ["people.manage"])
    assert refused.value.metadata == {"permission": "people.manage"}
    with pytest.raises(GrantExceedsOwn):
        await update_role(keeper, own.id, permissions=["roles.manage", "people.manage"])
    await update_role(keeper, larger.id, name="renamed")
    assert (await update_role(keeper, larger.id, permissions=["roles.read"])).version == 3


async def test_gw_3_nobody_shows_columns_that_they_do_not_see(company: Any) -> None:
    names = FieldMask(message="plexus.directory.v1.Person", fields=("handle", "id"))
    less = FieldMask(message="plexus.directory.v1.Person", fields=("id",))
    keys = ["people.manage", "roles.manage", "roles.bind"]
    role = await create_role(company, "keeper", keys, masks=[names])
    whole = await create_role(company, "whole", ["people.manage"])
    li = await company.hire("li")
    await bind(company, role.id, f"person:{li.id}")
    keeper = as_(company, li)
    narrow = await create_role(keeper, "narrow", ["people.manage"], masks=[less])
    await bind(keeper, narrow.id, f"person:{li.id}")
    for attempt in (
        create_role(keeper, "x", ["people.manage"]),
        bind(keeper, whole.id, f"person:{li.id}"),
        update_role(keeper, role.id, masks=[]),
    ):
        with pytest.raises(GrantExceedsOwn):
            await attempt
    await update_role(keeper, whole.id, masks=[less])
    await bind(keeper, whole.id, f"person:{li.id}")


async def test_gw_3_binding_again_answers_the_same_binding(company: Any, facts: Facts) -> None:
    role = await create_role(company)
    li = await company.hire("li")
    first = await bind(company, role.id, f"person:{li.id}")
    assert await bind(company, role.id, f"person:{li.id}") == first
    until = company.now + timedelta(days=1)
    longer = await bind(company, role.id, f"person:{li.id}", expires_at=until)
    assert (longer.id, longer.expires_at, longer.version) == (first.id, until, 2)
    at_once = await asyncio.gather(
        *(bind(company, role.id, f"person:{company.admin.id}") for _ in range(5))
    )
    assert len({binding.id for binding in at_once}) == 1
    bound = [fact for fact in await access_facts(facts) if fact[0] == "RoleBindingChanged"]
    assert bound == [(bound[0][0], first.id, 1), (bound[0][0], first.id, 2), (*bound[2][:2], 1)]


async def test_gw_6_a_request_that_comes_again_gets_the_first_answer(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li")
    role = await create_role(company, request=request("r1"))
    assert await create_role(company, request=request("r1")) == role
    bound = await bind(company, role.id, f"person:{li.id}", request=request("r2"))
    assert await bind(company, role.id, f"person:{li.id}", request=request("r2")) == bound
    policy = await put_policy(company, request=request("r3"))
    assert await put_policy(company, request=request("r3")) == policy
    for _ in range(2):
        await unbind(company, bound.id, request("r4"))
        await delete_role(company, role.id, request("r5"))
    assert len(await access_facts(facts)) == 5
    with pytest.raises(RequestIdReused):
        await create_role(company, request=request("r1", b"other"))


async def test_gw_2_what_is_bound_to_nothing_is_refused_by_name(company: Any) -> None:
    role = await create_role(company)
    root = await department(company, "root")
    person = f"person:{company.admin.id}"
    with pytest.raises(RoleNotFound):
        await bind(company, "rol_none", person)
    for subject in ("person:per_none", "department:dep_none#member", "group:grp_none#member"):
        with pytest.raises(SubjectNotFound):
            await bind(company, role.id, subject)
    for scope in ("department:dep_none", "group:grp_none", "tenant:ten_other"):
        with pytest.raises(ScopeNotFound):
            await bind(company, role.id, person, scope)
    for subject in ("", "per_1", "person:", f"department:{root.id}", "tenant:x#member", "x" * 300):
        with pytest.raises(InvalidArgument):
            await bind(company, role.id, subject)
    for scope in ("person:per_1", "department:", "task:tsk_1", "x", "department:" + "x" * 300):
        with pytest.raises(InvalidArgument):
            await bind(company, role.id, person, scope)
    with pytest.raises(InvalidArgument):
        await bind(company, role.id, person, expires_at=company.now)
    with pytest.raises(RoleBindingNotFound):
        await unbind(company, "rbd_none")


async def test_gw_3_who_binds_for_a_department_binds_nothing_beyond_it(company: Any) -> None:
    north, south = await department(company, "north"), await department(company, "south")
    below = await department(company, "below", north.id)
    role = await create_role(company)
    li, wang = await company.hire("li"), await company.hire("wang")
    await bind(company, role.id, f"person:{li.id}", f"department:{north.id}")
    scoped = as_(company, li)
    whom = f"person:{wang.id}"
    made = await bind(scoped, role.id, whom, f"department:{below.id}")
    elsewhere = await bind(company, role.id, whom, f"department:{south.id}")

    for scope in (f"department:{south.id}", "department:dep_none", ""):
        with pytest.raises(ScopeNotFound) as refused:
            await bind(scoped, role.id, whom, scope)
        assert refused.value.metadata == {}
    with pytest.raises(GrantExceedsOwn):
        await bind(scoped, ADMIN, whom, f"department:{below.id}")
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
    role = await create_role(company)
    await bind(company, role.id, subject)
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    assert grants.everywhere >= set(HR)
    await operations.update_person(
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
    role = await create_role(company)
    until = company.now + timedelta(hours=1)
    bound = await bind(company, role.id, f"person:{li.id}", expires_at=until)
    kept = await bind(company, role.id, f"person:{company.admin.id}")
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
    role = await create_role(company)
    until = company.now + timedelta(hours=1)
    await bind(company, role.id, f"person:{company.admin.id}", expires_at=until)
    company.clock.advance(timedelta(hours=1))
    failures = []

    async def fails_once(store: Store, *, now: datetime) -> int:
        if not failures:
            failures.append(now)
            raise DependencyDown(dependency="mongodb", problem="test")
        return await operations.end_expired_bindings(store, now=now)

    monkeypatch.setattr(upkeep, "JOBS", (fails_once,))
    work = upkeep.keep_up(company.store, clock=company.clock, every=timedelta(milliseconds=1))
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
    role = await create_role(company)
    until = company.now + timedelta(hours=1)
    bound = await bind(company, role.id, f"person:{li.id}", expires_at=until)
    company.clock.advance(timedelta(hours=2))
    again = await bind(company, role.id, f"person:{li.id}")
    assert (again.id, again.expires_at, again.version) == (bound.id, None, 2)


async def test_gw_3_a_removed_role_takes_its_bindings_with_it(company: Any, facts: Facts) -> None:
    role, other = await create_role(company), await create_role(company, "other")
    li = await company.hire("li")
    bound = [await bind(company, role.id, f"person:{person.id}") for person in (li, company.admin)]
    kept = await bind(company, other.id, f"person:{li.id}")
    await delete_role(company, role.id)
    assert await bindings(company) == [kept.id]
    removed = [fact for fact in await access_facts(facts) if fact[2] == 2]
    assert sorted(removed) == sorted(
        [("RoleChanged", role.id, 2), *(("RoleBindingChanged", b.id, 2) for b in bound)]
    )
    with pytest.raises(RoleNotFound):
        await bind(company, role.id, f"person:{li.id}")


async def test_gw_3_a_changed_role_changes_what_its_holders_hold(company: Any) -> None:
    role = await create_role(company)
    li = await company.hire("li")
    await bind(company, role.id, f"person:{li.id}")
    await update_role(company, role.id, permissions=["groups.manage"])
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    assert grants.holds_everywhere("groups.manage")
    assert not grants.holds_everywhere("people.manage")


async def test_gw_3_a_role_of_the_product_can_be_bound_for_a_part(company: Any) -> None:
    north = await department(company, "north")
    li = await company.hire("li")
    await bind(company, ADMIN, f"person:{li.id}", f"department:{north.id}")
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    [held] = grants.within
    assert held.permissions == PERMISSIONS
    assert not grants.holds_everywhere("people.manage")


async def test_gw_3_conversations_and_projects_are_scopes_by_their_form(company: Any) -> None:
    role = await create_role(company)
    subject = f"person:{company.admin.id}"
    for scope in ("conversation:con_1", "project:prj_1"):
        assert str((await bind(company, role.id, subject, scope)).scope) == scope


async def test_gw_2_another_tenants_access_is_absent(company: Any) -> None:
    role = await create_role(company)
    bound = await bind(company, role.id, f"person:{company.admin.id}")
    other = Actor(
        tenant_id="ten_other",  # type: ignore[arg-type]
        person_id=company.admin.id,
        session_id=company.actor.session_id,
        roles=frozenset({ADMIN}),
    )
    stranger = replace(company, actor=other)
    for attempt in (delete_role(stranger, role.id), unbind(stranger, bound.id)):
        with pytest.raises(PermissionMissing):
            await attempt
    assert await bindings(stranger) == []
    assert len(await queries.list_roles(company.store, actor=other, now=company.now)) == len(NAMES)


async def test_gw_3_a_policy_is_stored_by_its_name(company: Any, facts: Facts) -> None:
    first = await put_policy(company)
    assert await put_policy(company) == first
    off = await put_policy(company, enabled=False, version=1)
    assert (off.id, off.version) == (first.id, 2)
    for version in (1, 9):
        with pytest.raises(VersionConflict):
            await put_policy(company, version=version)
    with pytest.raises(VersionConflict):
        await put_policy(company, "new", version=1)
    with pytest.raises(PolicyInvalid):
        await put_policy(company, cedar="permit(principal, action, resource);")
    listed = await queries.list_access_policies(company.store, actor=company.actor, now=company.now)
    assert listed == [off]

    await delete_policy(company, "tasks")
    with pytest.raises(PolicyNotFound):
        await delete_policy(company, "tasks")
    again = await put_policy(company)
    assert (again.id != first.id, again.version) == (True, 1)
    assert [fact[1:] for fact in await access_facts(facts)] == [
        (first.id, 1),
        (first.id, 2),
        (first.id, 3),
        (again.id, 1),
    ]


async def delete_policy(company: Any, name: str) -> None:
    await operations.delete_access_policy(
        company.store, actor=company.actor, name=name, request=None, now=company.now
    )


async def test_gw_3_one_policy_comes_of_many_that_are_put_at_once(company: Any) -> None:
    put = await asyncio.gather(*(put_policy(company) for _ in range(4)))
    assert len({policy.id for policy in put}) == 1


async def test_a_module_is_on_until_it_is_switched_and_excepts_departments(
    company: Any, facts: Facts
) -> None:
    pilot = await department(company, "pilot")
    below = await department(company, "below", pilot.id)
    inside = await company.hire("in", department_ids=[below.id])
    outside = await company.hire("out")
    switched = await set_module(company, "tasks", enabled=False, exceptions=[pilot.id])
    assert await set_module(company, "tasks", enabled=False, exceptions=[pilot.id]) == switched
    everything = ["messaging", "notify", "search", "tasks"]
    for person, on in ((inside, everything), (outside, everything[:3])):
        actor = company.acting_as(person)
        modules, names = await queries.list_modules(company.store, actor=actor)
        assert names == on
        assert [module.name for module in modules] == everything
    await set_module(company, "tasks", enabled=True, exceptions=[pilot.id])
    _, names = await queries.list_modules(company.store, actor=company.acting_as(inside))
    assert names == everything[:3]
    assert [fact[2] for fact in await access_facts(facts)] == [1, 2]

    with pytest.raises(ModuleUnknown):
        await set_module(company, "calendar", enabled=False)
    with pytest.raises(DepartmentNotFound):
        await set_module(company, "tasks", enabled=False, exceptions=["dep_none"])


async def test_gw_3_the_snapshot_tells_what_facts_tell(company: Any, facts: Facts) -> None:
    # The server forgets what was removed long ago by its own clock.
    company.clock.advance(timedelta(days=3_650))
    role, gone = await create_role(company), await create_role(company, "gone")
    await bind(company, role.id, f"person:{company.admin.id}")
    await update_role(company, role.id, name="renamed")
    await delete_role(company, gone.id)
    await put_policy(company)
    await set_module(company, "tasks", enabled=False)
    latest = {
        fact.scope: fact for fact in await facts() if fact.type.rpartition(".")[2] != "PersonAdded"
    }
    shown = [
        fact.event
        async for fact in queries.snapshot_facts(
            company.store,
            tenant_id=company.tenant.id,
            topics=["directory.access.v1"],
            now=company.now,
        )
    ]
    assert {fact.scope: (fact.type, fact.fact, fact.entity_version) for fact in shown} == {
        scope: (fact.type, fact.fact, fact.entity_version) for scope, fact in latest.items()
    }
    assert len(shown) == len(latest) == 5
