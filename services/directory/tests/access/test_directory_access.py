"""Roles, and administration of other people's access, on a real database."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from directory.access import operations, queries
from directory.access.domain.refusals import (
    GrantExceedsOwn,
    PermissionUnknown,
    RoleBuiltIn,
    RoleNameTaken,
    RoleNotFound,
)
from directory.access.domain.roles import FieldMask, Role, RoleChanges
from directory.people import operations as people_operations
from directory.people import queries as people_queries
from directory.shared.domain.actors import ADMIN, Actor
from directory.shared.domain.refusals import PermissionMissing
from plexus.directory.v1 import events_pb2
from plexus_access.roles import BUILT_IN, MEMBER, NAMES
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.request_ids import RequestIdReused

from ..access_support import (
    Facts,
    access_facts,
    as_,
    bindings,
    delete_role,
    put_policy,
    set_module,
    unbind,
)
from ..requests_support import request


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


PAGE: dict[str, Any] = {"page_size": 0, "page_token": ""}


async def roles_of(company: Any) -> list[Any]:
    found, token = await queries.list_roles(
        company.store, actor=company.actor, now=company.now, **PAGE
    )
    assert token == ""
    return found


async def test_gw_3_a_role_lives_through_its_versions_with_a_fact_for_each(
    company: Any, facts: Facts
) -> None:
    role = await company.create_role(
        masks=[FieldMask(message="plexus.directory.v1.Person", fields=("handle", "id"))]
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
    await company.create_role("b")
    await company.create_role("A")
    listed = await roles_of(company)
    assert [role.name for role in listed] == [*NAMES, "A", "b"]
    assert [role.built_in for role in listed] == [True] * len(NAMES) + [False, False]


async def test_the_name_of_a_role_is_its_own(company: Any) -> None:
    await company.create_role("HR")
    other = await company.create_role("Other")
    for name in ("hr", "Admin"):
        with pytest.raises(RoleNameTaken):
            await company.create_role(name)
        with pytest.raises(RoleNameTaken):
            await update_role(company, other.id, name=name)
    await delete_role(company, other.id)
    assert (await company.create_role("other")).id != other.id


async def test_gw_3_what_is_wrong_with_a_role_is_refused_by_name(company: Any) -> None:
    role = await company.create_role()
    with pytest.raises(PermissionUnknown):
        await company.create_role("x", ["people.eat"])
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
        await company.create_role("x", masks=[twice, twice])


async def test_gw_1_a_member_manages_no_access(company: Any) -> None:
    li = as_(company, await company.hire("li"))
    role = await company.create_role()
    refused: list[Awaitable[Any]] = [
        li.create_role("x"),
        update_role(li, role.id, name="x"),
        delete_role(li, role.id),
        li.bind(role.id, f"person:{li.actor.person_id}"),
        unbind(li, "rbd_none"),
        bindings(li),
        put_policy(li),
        operations.delete_access_policy(
            li.store, actor=li.actor, name="x", request=None, now=li.now
        ),
        queries.list_access_policies(li.store, actor=li.actor, now=li.now, **PAGE),
        queries.list_roles(li.store, actor=li.actor, now=li.now, **PAGE),
        set_module(li, "tasks", enabled=False),
    ]
    for attempt in refused:
        with pytest.raises(PermissionMissing):
            await attempt


async def test_gw_1_an_administrator_of_a_moment_ago_binds_nothing(company: Any) -> None:
    li = await company.hire("li")
    stale = as_(company, li, roles=frozenset({ADMIN}))
    with pytest.raises(PermissionMissing):
        await stale.bind(ADMIN, f"person:{li.id}")


async def test_an_api_token_manages_access_within_its_scopes_only(company: Any) -> None:
    token = replace(company, actor=replace(company.actor, scopes=frozenset({"roles.manage"})))
    with pytest.raises(GrantExceedsOwn):
        await token.create_role("x", ["people.manage"])
    made = await token.create_role("x", ["roles.manage"])
    with pytest.raises(PermissionMissing):
        await token.bind(made.id, f"person:{company.admin.id}")


async def test_gw_3_nobody_makes_a_role_of_more_than_they_hold(company: Any) -> None:
    own = await company.create_role("keeper", ["roles.manage", "roles.read"])
    larger = await company.create_role("larger", ["people.manage", "roles.read"])
    li = await company.hire("li")
    await company.bind(own.id, f"person:{li.id}")
    keeper = as_(company, li)
    with pytest.raises(GrantExceedsOwn) as refused:
        await keeper.create_role("x", ["people.manage"])
    assert refused.value.metadata == {"permission": "people.manage"}
    with pytest.raises(GrantExceedsOwn):
        await update_role(keeper, own.id, permissions=["roles.manage", "people.manage"])
    await update_role(keeper, larger.id, name="renamed")
    assert (await update_role(keeper, larger.id, permissions=["roles.read"])).version == 3


async def test_gw_3_nobody_shows_columns_that_they_do_not_see(company: Any) -> None:
    names = FieldMask(message="plexus.directory.v1.Person", fields=("handle", "id"))
    less = FieldMask(message="plexus.directory.v1.Person", fields=("id",))
    keys = ["people.manage", "roles.manage", "roles.bind"]
    role = await company.create_role("keeper", keys, masks=[names])
    whole = await company.create_role("whole", ["people.manage"])
    li = await company.hire("li")
    await company.bind(role.id, f"person:{li.id}")
    keeper = as_(company, li)
    narrow = await keeper.create_role("narrow", ["people.manage"], masks=[less])
    await keeper.bind(narrow.id, f"person:{li.id}")
    for attempt in (
        keeper.create_role("x", ["people.manage"]),
        keeper.bind(whole.id, f"person:{li.id}"),
        update_role(keeper, role.id, masks=[]),
    ):
        with pytest.raises(GrantExceedsOwn):
            await attempt
    await update_role(keeper, whole.id, masks=[less])
    await keeper.bind(whole.id, f"person:{li.id}")


async def test_gw_6_a_request_that_comes_again_gets_the_first_answer(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li")
    role = await company.create_role(request=request("r1"))
    assert await company.create_role(request=request("r1")) == role
    bound = await company.bind(role.id, f"person:{li.id}", request=request("r2"))
    assert await company.bind(role.id, f"person:{li.id}", request=request("r2")) == bound
    policy = await put_policy(company, request=request("r3"))
    assert await put_policy(company, request=request("r3")) == policy
    for _ in range(2):
        await unbind(company, bound.id, request("r4"))
        await delete_role(company, role.id, request("r5"))
    assert len(await access_facts(facts)) == 5
    with pytest.raises(RequestIdReused):
        await company.create_role(request=request("r1", "other"))


async def test_gw_3_a_changed_role_changes_what_its_holders_hold(company: Any) -> None:
    role = await company.create_role()
    li = await company.hire("li")
    await company.bind(role.id, f"person:{li.id}")
    await update_role(company, role.id, permissions=["groups.manage"])
    grants = await company.store.grants.of_actor(company.acting_as(li), now=company.now)
    assert grants.holds_everywhere("groups.manage")
    assert not grants.holds_everywhere("people.manage")


async def test_gw_2_another_tenants_access_is_absent(company: Any) -> None:
    role = await company.create_role()
    bound = await company.bind(role.id, f"person:{company.admin.id}")
    other = Actor(
        tenant_id="ten_other",  # type: ignore[arg-type]
        person_id=company.admin.id,
        session_id=company.actor.session_id,
        roles=frozenset({ADMIN}),
    )
    stranger = replace(company, actor=other)
    for attempt in (
        delete_role(stranger, role.id),
        unbind(stranger, bound.id),
        bindings(stranger),
        queries.list_roles(company.store, actor=other, now=company.now, **PAGE),
    ):
        with pytest.raises(PermissionMissing):
            await attempt


async def test_gw_3_the_snapshot_tells_what_facts_tell(company: Any, facts: Facts) -> None:
    # The server deletes old removed documents by its own clock.
    company.clock.advance(timedelta(days=3_650))
    role, gone = await company.create_role(), await company.create_role("gone")
    await company.bind(role.id, f"person:{company.admin.id}")
    await update_role(company, role.id, name="renamed")
    await delete_role(company, gone.id)
    await put_policy(company)
    await set_module(company, "tasks", enabled=False)
    latest = {
        fact.scope: fact for fact in await facts() if fact.type.rpartition(".")[2] != "PersonAdded"
    }
    shown = [
        fact.event
        async for fact in people_queries.snapshot_facts(
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


@pytest.mark.rule("GW-3")
async def test_gw_3_a_tenant_sets_the_masks_of_built_in_roles_and_nothing_else_of_them(
    company: Any, facts: Facts
) -> None:
    shown = FieldMask(message="plexus.directory.v1.Person", fields=("handle", "id"))
    masked = await update_role(company, MEMBER, masks=[shown])
    assert (masked.id, masked.version, masked.masks) == (MEMBER, 1, (shown,))
    assert masked.permissions == BUILT_IN[MEMBER]

    listed = await roles_of(company)
    assert [(role.id, role.version) for role in listed if role.version] == [(MEMBER, 1)]
    told = events_pb2.RoleChanged.FromString((await facts())[-1].fact).role
    assert (told.id, told.built_in, list(told.masks[0].fields)) == (MEMBER, True, ["handle", "id"])

    with pytest.raises(VersionConflict):
        await update_role(company, MEMBER, version=7, masks=[])
    whole = await update_role(company, MEMBER, version=1, masks=[])
    assert (whole.version, whole.masks) == (2, ())
    for role_id, changes in (
        (MEMBER, {"name": "x", "masks": [shown]}),
        (ADMIN, {"masks": [shown]}),
    ):
        with pytest.raises(RoleBuiltIn):
            await update_role(company, role_id, **changes)


@pytest.mark.rule("GW-11")
async def test_gw_11_who_is_shown_a_part_gives_no_role_that_shows_everything(company: Any) -> None:
    keys = ["roles.manage", "roles.bind", "people.read"]
    less = FieldMask(message="plexus.directory.v1.Person", fields=("id",))
    role = await company.create_role("keeper", ["roles.manage", "roles.bind"])
    li = await company.hire("li")
    await company.bind(role.id, f"person:{li.id}")
    keeper = as_(company, li)
    assert (await keeper.create_role("whole", keys)).permissions == frozenset(keys)

    await update_role(company, MEMBER, masks=[less])

    with pytest.raises(GrantExceedsOwn):
        await keeper.create_role("wider", keys)
    assert (await keeper.create_role("narrow", keys, masks=[less])).masks == (less,)
    with pytest.raises(GrantExceedsOwn):
        await update_role(keeper, MEMBER, masks=[])


@pytest.mark.rule("GW-12")
async def test_gw_12_a_role_that_only_the_caller_context_names_gives_nothing(company: Any) -> None:
    ann = await company.hire("ann")
    deceived = as_(company, ann, roles=frozenset(NAMES) - {"guest"}).actor
    attempts: list[Awaitable[Any]] = [
        people_queries.get_directory_status(company.store, actor=deceived, now=company.now),
        queries.list_roles(company.store, actor=deceived, now=company.now, **PAGE),
        people_operations.create_department(
            company.store,
            actor=deceived,
            name="own",
            parent_id="",
            external_id="",
            request=None,
            now=company.now,
        ),
    ]
    for attempt in attempts:
        with pytest.raises(PermissionMissing):
            await attempt
    await people_queries.get_directory_status(company.store, actor=company.actor, now=company.now)
