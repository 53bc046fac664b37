"""Managers, absences, guests and profiles, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from directory.accounts.domain.refusals import RefreshRefused
from directory.people import operations, queries
from directory.people.domain.absences import Absence
from directory.people.domain.imports import Imported
from directory.people.domain.people import Changes, Kind, Person
from directory.people.domain.refusals import (
    DeputyUnavailable,
    EmployeeNumberTaken,
    GuestExpired,
    ReportingCycle,
    SuperiorUnavailable,
)
from directory.people.queries.authority import Ref
from directory.shared.domain.refusals import PermissionMissing, PersonNotFound
from directory.sign_in.domain.refusals import SignInRefused
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import InvalidArgument

Facts = Callable[[], Awaitable[list[Envelope]]]
PASSWORD = "correct horse"
DAY = timedelta(days=1)


async def invite(company: Any, handle: str = "guest", **fields: object) -> Person:
    given = {"kind": Kind.GUEST, "guest_expires_at": company.now + DAY, **fields}
    return await company.hire(handle, **given)


async def set_absence(
    company: Any, by: Person, person_id: str = "", *, deputy: str = "", days: int = 1
) -> Person:
    planned = Absence(
        starts_at=company.now, ends_at=company.now + days * DAY, deputy_id=deputy, note="年假"
    )
    return await operations.set_absence(
        company.store,
        actor=company.acting_as(by),
        person_id=person_id,
        absence=planned if days else None,
        request=None,
        now=company.now,
    )


async def test_the_whole_person_is_stored_and_told(company: Any, facts: Facts) -> None:
    boss = await company.hire("boss")
    li = await company.hire(
        "li", manager_id=boss.id, skills=["Kafka"], employee_number="E-1", cost_center="4711"
    )
    assert await company.load(li) == li
    added = events_pb2.PersonAdded.FromString((await facts())[-1].fact).person
    assert (added.manager_id, list(added.skills)) == (boss.id, ["Kafka"])
    assert (added.employee_number, added.cost_center) == ("E-1", "4711")


async def test_an_employee_number_is_one_persons(company: Any) -> None:
    await company.hire("li", employee_number="E-1")
    wang = await company.hire("wang")
    with pytest.raises(EmployeeNumberTaken):
        await company.hire("zhao", employee_number="E-1")
    with pytest.raises(EmployeeNumberTaken):
        await company.change(wang, employee_number="E-1")
    imported = Imported(external_id="hr:1", handle="x", display_name="x", employee_number="E-1")
    with pytest.raises(EmployeeNumberTaken):
        await operations.import_people(
            company.store,
            company.hashes,
            actor=company.actor,
            imported=[imported],
            now=company.now,
        )


async def test_a_manager_is_somebody_there_and_nobody_manages_themselves(company: Any) -> None:
    top = await company.hire("top")
    middle = await company.hire("middle", manager_id=top.id)
    low = await company.hire("low", manager_id=middle.id)
    for person, manager in ((top, low), (top, middle), (low, low)):
        with pytest.raises(ReportingCycle):
            await company.change(person, manager_id=manager.id)
    with pytest.raises(PersonNotFound):
        await company.change(low, manager_id="per_none")
    gone = await company.dismiss(await company.hire("gone"))
    for unavailable in (gone, await invite(company)):
        with pytest.raises(SuperiorUnavailable):
            await company.change(low, manager_id=unavailable.id)
    assert (await company.change(low, manager_id="")).manager_id == ""


async def test_two_who_make_each_other_their_manager_at_once_are_not_both_served(
    company: Any,
) -> None:
    one, other = await company.hire("one"), await company.hire("other")
    outcomes = await asyncio.gather(
        company.change(one, manager_id=other.id),
        company.change(other, manager_id=one.id),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Person", "ReportingCycle"]


async def test_without_a_manager_the_leader_of_the_nearest_department_is_it(company: Any) -> None:
    top = await company.department("总部")
    below = await company.department("采购", top)
    chief = await company.hire("chief", department_ids=[top])
    lead = await company.hire("lead", department_ids=[below])
    li = await company.hire("li", department_ids=[below])

    async def leader(department_id: str, leader_id: str) -> None:
        await operations.update_department(
            company.store,
            actor=company.actor,
            department_id=department_id,
            name=None,
            leader_id=leader_id,
            expected_version=0,
            request=None,
            now=company.now,
        )

    async def manager_of(person: Person) -> str:
        return await company.store.reporting.manager_of(person)

    assert await manager_of(li) == ""
    await leader(top, chief.id)
    assert await manager_of(li) == chief.id
    await leader(below, lead.id)
    assert [await manager_of(each) for each in (li, lead, chief)] == [lead.id, chief.id, ""]
    await company.dismiss(lead)
    assert await manager_of(li) == chief.id
    assert await manager_of(await company.change(li, manager_id=company.admin.id)) == (
        company.admin.id
    )


async def test_an_absence_is_ones_own_or_of_whom_one_manages(company: Any, facts: Facts) -> None:
    boss, other = await company.hire("boss"), await company.hire("other")
    li = await company.hire("li", manager_id=boss.id)
    away = await set_absence(company, li, deputy=other.id)
    told = events_pb2.PersonChanged.FromString((await facts())[-1].fact).person
    assert (told.absence.deputy_id, told.absence.note) == (other.id, "年假")
    assert (await set_absence(company, boss, li.id, days=2)).absence != away.absence
    assert (await set_absence(company, company.admin, li.id, days=0)).absence is None
    for asking, whose in ((other, li.id), (other, "per_none"), (boss, "per_none")):
        with pytest.raises(PermissionMissing):
            await set_absence(company, asking, whose)
    with pytest.raises(PersonNotFound):
        await set_absence(company, company.admin, "per_none")


async def test_a_deputy_is_there_at_that_time(company: Any) -> None:
    li, wang = await company.hire("li"), await company.hire("wang")
    gone = await company.dismiss(await company.hire("gone"))
    await set_absence(company, wang)
    for deputy in (wang, gone, await invite(company)):
        with pytest.raises(DeputyUnavailable):
            await set_absence(company, li, deputy=deputy.id)
    with pytest.raises(PersonNotFound):
        await set_absence(company, li, deputy="per_none")
    company.clock.advance(DAY)
    assert (await set_absence(company, li, deputy=wang.id)).absence


async def test_people_change_of_themselves_what_is_theirs(company: Any) -> None:
    li = await company.hire("li")
    after = await operations.update_profile(
        company.store,
        actor=company.acting_as(li),
        changes=Changes(skills=["Kafka"], time_zone="Europe/Berlin"),
        request=None,
        now=company.now,
    )
    assert (after.skills, after.time_zone, after.version) == (("Kafka",), "Europe/Berlin", 2)


async def test_gw_05_a_guest_whose_time_is_over_neither_signs_in_nor_goes_on(company: Any) -> None:
    await invite(company, password=PASSWORD)
    tokens = await company.sign_in("guest")
    company.clock.advance(DAY - timedelta(minutes=5))
    refreshed = await company.refresh(tokens.refresh_token)
    assert refreshed.access_expires_at == company.now + timedelta(minutes=5)
    company.clock.advance(timedelta(minutes=5))
    with pytest.raises(SignInRefused):
        await company.sign_in("guest")
    with pytest.raises(RefreshRefused):
        await company.refresh(refreshed.refresh_token)


async def test_gw_05_guests_expire_once_with_their_facts_however_many_look(
    company: Any, facts: Facts
) -> None:
    guests = [
        await invite(company, f"guest{number}", password=PASSWORD if not number else "")
        for number in range(3)
    ]
    later = await invite(company, "later", guest_expires_at=company.now + 2 * DAY)
    tokens = await company.sign_in("guest0")
    assert await operations.expire_guests(company.store, now=company.now) == 0
    company.clock.advance(DAY)
    before = len(await facts())
    await asyncio.gather(
        *(operations.expire_guests(company.store, now=company.now) for _ in range(3))
    )
    told = (await facts())[before:]
    kinds = sorted(fact.type.rpartition(".")[2] for fact in told)
    assert kinds == [*["PersonDeactivated"] * 3, "SessionRevoked"]
    assert {fact.scope for fact in told} == {*(guest.id for guest in guests), tokens.session_id}
    assert await operations.expire_guests(company.store, now=company.now) == 0
    assert (await company.load(later)).active


async def test_who_comes_back_signs_in_anew_and_a_guest_only_with_a_later_end(
    company: Any,
) -> None:
    li = await company.hire("li", password=PASSWORD)
    guest = await invite(company)
    company.clock.advance(2 * DAY)
    back = {"actor": company.actor, "request": None, "now": company.now}
    for person in (li, guest):
        await company.dismiss(person)
    with pytest.raises(SignInRefused):
        await company.sign_in("li")
    reactivated = await operations.reactivate_person(company.store, person_id=li.id, **back)
    again = await operations.reactivate_person(company.store, person_id=li.id, **back)
    assert (reactivated.version, again) == (3, reactivated)
    assert await company.sign_in("li")
    with pytest.raises(GuestExpired):
        await operations.reactivate_person(company.store, person_id=guest.id, **back)


async def test_gw_05_a_guest_sees_no_directory(company: Any) -> None:
    li = await company.hire("li")
    guest = await invite(company)
    seen_by = {"store": company.store, "actor": company.acting_as(guest)}
    page = {"page_size": 0, "page_token": "", "query": "", "include_deactivated": True}
    listed, _ = await queries.list_people(**seen_by, **page, department_id="")
    assert listed == [guest]
    found = await queries.batch_get_people(**seen_by, person_ids=[li.id], handles=["root", "guest"])
    assert [each.id for each in found] == [guest.id, li.id]
    with pytest.raises(PersonNotFound):
        await queries.get_person(**seen_by, handle="li")
    with pytest.raises(PermissionMissing):
        await queries.list_departments(**seen_by, page_size=0, page_token="")
    with pytest.raises(PermissionMissing):
        await queries.list_groups(**seen_by, page_size=0, page_token="", person_id="")

    asked = {"tenant_id": company.tenant.id, "person_id": guest.id, "now": company.now}
    assert (await queries.readable_containers(company.store, **asked)).tenant_ids == ()
    refs = [Ref(kind="person", id=id_) for id_ in (guest.id, li.id)]
    assert await queries.recheck(company.store, refs=refs, **asked) == [1, 0]


async def test_an_import_brings_posts_skills_and_managers_whatever_their_order(
    company: Any,
) -> None:
    buying = await company.department("采购")

    def row(number: int, manager: str = "", **fields: object) -> Imported:
        return Imported(
            external_id=f"hr:{number}",
            handle=f"p{number}",
            display_name=f"人 {number}",
            manager_external_id=manager,
            department_ids=(buying,),
            **fields,  # type: ignore[arg-type]
        )

    async def bring(*rows: Imported) -> Any:
        return await operations.import_people(
            company.store,
            company.hashes,
            actor=company.actor,
            imported=rows,
            now=company.now,
        )

    rows = (row(1, "hr:2", skills=("Kafka",), employee_number="E-1"), row(2))
    first = await bring(*rows)
    assert (first.people[0].manager_id, first.people[0].skills) == (first.people[1].id, ("Kafka",))
    assert (await bring(*rows)).unchanged == 2
    later = await bring(row(3, "hr:1"))
    assert later.people[0].manager_id == first.people[0].id
    with pytest.raises(ReportingCycle):
        await bring(row(2, "hr:3"))
    with pytest.raises(InvalidArgument) as refused:
        await bring(row(4, "hr:none"))
    assert refused.value.metadata["field"] == "people[0].manager_external_id"
