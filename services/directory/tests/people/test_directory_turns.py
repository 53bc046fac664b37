"""Changes of one's own delay neither an administrator's nor those of others (GW-13)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from directory.people.domain.people import Kind, Person
from plexus.directory.v1.directory_service_pb2 import (
    DeactivatePersonRequest,
    SetAbsenceRequest,
    UpdatePersonRequest,
    UpdateProfileRequest,
)
from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexuskit.mongo import Transaction

pytestmark = pytest.mark.rule("GW-13")

CALLS = 40


@pytest.fixture
def signed_in(served: Any, company: Any) -> Any:
    def context(person: Person) -> dict[str, Any]:
        return served.person(person.id, company.tenant.id, *person.roles)

    return context


@asynccontextmanager
async def flood(calls: Any) -> AsyncIterator[list[asyncio.Future[Any]]]:
    """Keep calls in flight that were all made before the block; end what is left after it."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answered(tasks: list[asyncio.Future[Any]]) -> int:
    return sum(task.done() for task in tasks)


async def test_gw_13_a_flood_of_profiles_leaves_an_administrator_the_next_turn(
    served: Any, company: Any, signed_in: Any
) -> None:
    crowd = [await company.hire(f"p{number}") for number in range(6)]
    leaver = await company.hire("leaver")
    calls = [
        served.directory.UpdateProfile(
            UpdateProfileRequest(set_skills=True, skills=[f"s{number}"]), **signed_in(person)
        )
        for number in range(CALLS)
        for person in crowd
    ]
    async with flood(calls) as tasks:
        before = answered(tasks)
        request = DeactivatePersonRequest(person_id=leaver.id)
        response = await served.directory.DeactivatePerson(request, **signed_in(company.admin))
        meanwhile = answered(tasks) - before

    assert response.person.state == PersonMessage.STATE_DEACTIVATED
    # The change under way, and one of all others: however many accounts there are.
    assert meanwhile <= 4


async def test_gw_13_a_leaver_who_changes_themselves_is_deactivated_all_the_same(
    served: Any, company: Any, signed_in: Any
) -> None:
    leaver = await company.hire("leaver")
    calls = [
        served.directory.UpdateProfile(
            UpdateProfileRequest(time_zone=("UTC", "Asia/Tokyo")[number % 2]), **signed_in(leaver)
        )
        for number in range(CALLS)
    ]
    async with flood(calls) as tasks:
        before = answered(tasks)
        request = DeactivatePersonRequest(person_id=leaver.id)
        response = await served.directory.DeactivatePerson(request, **signed_in(company.admin))
        meanwhile = answered(tasks) - before

    assert response.person.state == PersonMessage.STATE_DEACTIVATED
    assert meanwhile < CALLS / 2


async def test_gw_13_zone_hours_and_absence_wait_for_no_change_of_the_organisation(
    served: Any, company: Any, signed_in: Any
) -> None:
    ann, boss = await company.hire("ann"), await company.hire("boss")
    await company.change(ann, manager_id=boss.id)
    held, release = asyncio.Event(), asyncio.Event()

    async def hold(_: Transaction) -> None:
        held.set()
        await release.wait()

    holding = asyncio.create_task(
        company.store.reorganise(company.tenant.id, hold, caller="administrator")
    )
    await held.wait()
    zone = UpdateProfileRequest(time_zone="Asia/Tokyo")
    await served.directory.UpdateProfile(zone, **signed_in(ann))
    await served.directory.SetAbsence(SetAbsenceRequest(person_id=ann.id), **signed_in(boss))
    skills = UpdateProfileRequest(set_skills=True, skills=["welding"])
    waiting = asyncio.ensure_future(served.directory.UpdateProfile(skills, **signed_in(boss)))
    assert (await company.load(ann)).time_zone == "Asia/Tokyo"
    assert not waiting.done()
    release.set()
    await holding
    assert list((await waiting).person.skills) == ["welding"]


async def test_gw_13_a_change_that_was_disturbed_once_is_not_disturbed_again(company: Any) -> None:
    ann = await company.hire("ann")
    store, tenant_id = company.store, company.tenant.id
    order: list[str] = []

    async def rename(tx: Transaction, name: str) -> None:
        previous = await store.people.get(ann.id, tenant_id=tenant_id, tx=tx)
        after = replace(previous, title=name, version=previous.version + 1)
        await store.people.save_many([(previous, after)], tx=tx)
        order.append(name)

    async def own(tx: Transaction) -> None:
        await rename(tx, "own")

    async with asyncio.TaskGroup() as group:

        async def administrator(tx: Transaction) -> None:
            await store.people.get(ann.id, tenant_id=tenant_id, tx=tx)
            if not order:
                await store.change_person(tenant_id, ann.id, own, caller="ann")
            else:
                group.create_task(store.change_person(tenant_id, ann.id, own, caller="ann"))
                await asyncio.sleep(0.1)
            await rename(tx, "administrator")

        await store.reorganise(tenant_id, administrator, caller="administrator")
        order.append("answered")

    assert order == ["own", "administrator", "answered", "own"]


async def test_gw_13_a_persons_apps_do_not_delay_the_person(
    served: Any, company: Any, signed_in: Any
) -> None:
    person = await company.hire("ann")
    app = served.person(
        company.admin.id, company.tenant.id, "admin", scopes=["people.manage", "people.read"]
    )
    calls = [
        served.directory.UpdatePerson(
            UpdatePersonRequest(person_id=person.id, title=f"T{number}"), **app
        )
        for number in range(CALLS)
    ]
    bot = await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    async with flood(calls) as tasks:
        before = answered(tasks)
        request = DeactivatePersonRequest(person_id=bot.id)
        await served.directory.DeactivatePerson(request, **signed_in(company.admin))
        assert answered(tasks) - before <= 4
