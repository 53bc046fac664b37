"""Policies and modules, on a real database."""

import asyncio
from typing import Any

import pytest
from directory.access import operations, queries
from directory.access.domain.refusals import ModuleUnknown, PolicyInvalid, PolicyNotFound
from directory.shared.domain.refusals import DepartmentNotFound
from plexuskit.errors import VersionConflict

from ..access_support import Facts, access_facts, department, put_policy, set_module


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
    listed, _ = await queries.list_access_policies(
        company.store, actor=company.actor, page_size=0, page_token="", now=company.now
    )
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
