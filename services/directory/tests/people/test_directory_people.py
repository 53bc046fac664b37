"""Making, changing, deactivating and listing people, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from directory.people import operations, queries
from directory.people.domain.people import Changes, Kind, Person
from directory.people.domain.refusals import HandleTaken, LastAdministrator
from directory.shared.domain.actors import ADMIN, MEMBER
from directory.shared.domain.refusals import (
    DepartmentNotFound,
    PermissionMissing,
    PersonNotFound,
)
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.paging import InvalidPageToken
from plexuskit.request_ids import RequestIdReused

from ..requests_support import request

Facts = Callable[[], Awaitable[list[Envelope]]]


async def update(company: Any, person: Person, *, version: int = 0, **changes: object) -> Person:
    return await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=person.id,
        changes=Changes(**changes),
        expected_version=version,
        request=None,
        now=company.now,
    )


async def deactivate(company: Any, person: Person) -> Person:
    return await operations.deactivate_person(
        company.store, actor=company.actor, person_id=person.id, request=None, now=company.now
    )


async def department(company: Any, name: str, parent_id: str = "", external_id: str = ""):
    return await operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent_id,
        external_id=external_id,
        request=None,
        now=company.now,
    )


async def handles(company: Any, **asked: object) -> list[str]:
    page = {
        "page_size": 0,
        "page_token": "",
        "department_id": "",
        "query": "",
        "include_deactivated": False,
        **asked,
    }
    people, _ = await queries.list_people(company.store, actor=company.actor, **page)
    return [person.handle for person in people]


async def test_msg_4_every_change_has_its_fact_and_they_are_dense(
    company: Any, facts: Facts
) -> None:
    li = await company.hire("li")
    await update(company, li, title="经理")
    await deactivate(company, li)
    of_li = [fact for fact in await facts() if fact.scope == li.id]
    assert [fact.change_no for fact in of_li] == [1, 2, 3]
    assert [fact.entity_version for fact in of_li] == [1, 2, 3]
    assert [fact.type.rpartition(".")[2] for fact in of_li] == [
        "PersonAdded",
        "PersonChanged",
        "PersonDeactivated",
    ]
    changed = events_pb2.PersonChanged.FromString(of_li[1].fact)
    assert (changed.person.title, changed.person.handle) == ("经理", "li")
    assert {fact.actor_id for fact in of_li} == {company.admin.id}


async def test_msg_4_a_refused_change_leaves_neither_state_nor_fact(
    company: Any, facts: Facts
) -> None:
    before = len(await facts())
    with pytest.raises(DepartmentNotFound):
        await company.hire("li", department_ids=["dep_none"])
    assert len(await facts()) == before
    with pytest.raises(PersonNotFound):
        await queries.get_person(company.store, actor=company.actor, handle="li")


async def test_a_handle_is_unique_whatever_its_form(company: Any) -> None:
    await company.hire("Zhang")
    with pytest.raises(HandleTaken):
        await company.hire("ＺＨＡＮＧ")


async def test_of_many_that_want_one_handle_at_once_one_gets_it(company: Any) -> None:
    outcomes = await asyncio.gather(*(company.hire("li") for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, Person) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, HandleTaken) for outcome in outcomes) == 7


async def test_gw_6_a_request_that_comes_again_is_answered_with_what_it_made_as_it_is_now(
    company: Any, facts: Facts
) -> None:
    first = await company.hire("li", request=request("r1"))
    later = await update(company, first, title="later")
    assert await company.hire("li", request=request("r1")) == later
    assert sum(fact.type.endswith("PersonAdded") for fact in await facts()) == 2


async def test_gw_6_copies_of_a_request_at_once_make_one_person(company: Any) -> None:
    made = await asyncio.gather(*(company.hire("li", request=request("r1")) for _ in range(6)))
    assert len({person.id for person in made}) == 1


async def test_gw_6_a_request_id_is_for_one_content(company: Any) -> None:
    await company.hire("li", request=request("r1"))
    with pytest.raises(RequestIdReused):
        await company.hire("wang", request=request("r1", "other"))


async def test_an_update_of_an_old_version_is_a_conflict(company: Any) -> None:
    li = await company.hire("li")
    await update(company, li, version=1, title="a")
    with pytest.raises(VersionConflict):
        await update(company, li, version=1, title="b")


async def test_updates_at_once_lose_nothing(company: Any, facts: Facts) -> None:
    li = await company.hire("li")
    await asyncio.gather(
        update(company, li, title="a"),
        update(company, li, email="li@example.com"),
        update(company, li, display_name="李"),
    )
    now = await queries.get_person(company.store, actor=company.actor, person_id=li.id)
    assert (now.title, now.email, now.display_name) == ("a", "li@example.com", "李")
    assert sorted(f.change_no for f in await facts() if f.scope == li.id) == [1, 2, 3, 4]


async def test_the_last_administrator_stays(company: Any) -> None:
    with pytest.raises(LastAdministrator):
        await deactivate(company, company.admin)
    with pytest.raises(LastAdministrator):
        await update(company, company.admin, roles=[MEMBER])


async def test_two_administrators_at_once_cannot_both_leave(company: Any) -> None:
    other = await company.hire("second", roles=[ADMIN])
    # Each by their own: one who is deactivated already can do nothing to the other one.
    by_other = replace(company, actor=company.acting_as(other))
    outcomes = await asyncio.gather(
        deactivate(by_other, other), deactivate(company, company.admin), return_exceptions=True
    )
    assert sum(isinstance(outcome, LastAdministrator) for outcome in outcomes) == 1


async def test_gw_1_a_member_manages_nobody(company: Any) -> None:
    li = await company.hire("li")
    member = replace(company, actor=company.acting_as(li))
    with pytest.raises(PermissionMissing):
        await member.hire("wang")
    with pytest.raises(PermissionMissing):
        await deactivate(member, company.admin)
    with pytest.raises(PermissionMissing):
        await department(member, "x")
    assert await handles(member) == ["li", "root"]


async def test_gw_2_another_tenants_person_is_absent(company: Any) -> None:
    li = await company.hire("li")
    stranger = replace(company.actor, tenant_id="ten_other")
    for by in ({"person_id": li.id}, {"handle": "li"}, {"person_id": "per_none"}):
        with pytest.raises(PersonNotFound) as refused:
            await queries.get_person(company.store, actor=stranger, **by)
        assert not refused.value.metadata


async def test_people_are_found_by_id_handle_and_themselves(company: Any) -> None:
    li = await company.hire("李雷")
    get = queries.get_person
    assert await get(company.store, actor=company.actor, handle=" 李雷 ") == li
    assert await get(company.store, actor=company.actor, person_id=li.id) == li
    assert await get(company.store, actor=company.actor, me=True) == company.admin
    with pytest.raises(PersonNotFound):
        await get(company.store, actor=company.actor, handle="not a handle")
    with pytest.raises(InvalidArgument):
        await get(company.store, actor=company.actor)


async def test_a_batch_leaves_the_unknown_out_and_names_each_once(company: Any) -> None:
    li = await company.hire("li")
    found = await queries.batch_get_people(
        company.store,
        actor=company.actor,
        person_ids=[li.id, "per_none"],
        handles=["LI", "root", "nobody", "no handle"],
    )
    assert [person.handle for person in found] == ["li", "root"]
    with pytest.raises(InvalidArgument):
        await queries.batch_get_people(
            company.store, actor=company.actor, person_ids=["x"] * 501, handles=[]
        )


async def test_pages_together_are_everybody_once_in_order(company: Any) -> None:
    for number in range(7):
        await company.hire(f"p{number}")
    seen, token = [], ""
    while True:
        people, token = await queries.list_people(
            company.store,
            actor=company.actor,
            page_size=3,
            page_token=token,
            department_id="",
            query="",
            include_deactivated=False,
        )
        seen += [person.handle for person in people]
        if not token:
            break
    assert seen == ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "root"]


async def test_a_page_token_belongs_to_its_query(company: Any) -> None:
    await company.hire("a1")
    await company.hire("a2")
    _, token = await queries.list_people(
        company.store,
        actor=company.actor,
        page_size=1,
        page_token="",
        department_id="",
        query="a",
        include_deactivated=False,
    )
    assert await handles(company, query="a", page_token=token) == ["a2"]
    for query, page_token in (("b", token), ("a", "garbage"), ("a", "WzEsMl0=")):
        with pytest.raises(InvalidPageToken):
            await handles(company, query=query, page_token=page_token)
    with pytest.raises(InvalidArgument):
        await handles(company, page_size=1_001)


async def test_people_are_listed_by_a_part_of_handle_or_name(company: Any) -> None:
    await company.hire("zhang.wei")
    li = await company.hire("li")
    await update(company, li, display_name="李Ｗei")
    assert await handles(company, query="WEI") == ["li", "zhang.wei"]
    assert await handles(company, query="李") == ["li"]
    assert await handles(company, query=".*") == []
    assert await handles(company, query="li\0") == []


async def test_a_department_lists_those_under_it_too(company: Any) -> None:
    top = await department(company, "总部")
    below = await department(company, "采购", parent_id=top.id)
    aside = await department(company, "财务")
    await company.hire("a", department_ids=[below.id, top.id])
    await company.hire("b", department_ids=[top.id])
    await company.hire("c", department_ids=[aside.id])
    assert await handles(company, department_id=top.id) == ["a", "b"]
    assert await handles(company, department_id=below.id) == ["a"]
    assert await handles(company, department_id=aside.id, query="x") == []
    with pytest.raises(DepartmentNotFound):
        await handles(company, department_id="dep_none")


async def test_the_deactivated_are_listed_only_when_asked_for(company: Any) -> None:
    await deactivate(company, await company.hire("li"))
    assert await handles(company) == ["root"]
    assert await handles(company, include_deactivated=True) == ["li", "root"]


async def test_a_department_comes_back_for_its_external_id(company: Any, facts: Facts) -> None:
    made = await asyncio.gather(
        *(department(company, "采购", external_id="hr:1") for _ in range(5))
    )
    assert len({found.id for found in made}) == 1
    assert sum(fact.type.endswith("DepartmentAdded") for fact in await facts()) == 1


async def test_the_tree_lists_parents_before_children_over_pages(company: Any) -> None:
    top = await department(company, "总部")
    leaves = [await department(company, f"d{n}", parent_id=top.id) for n in range(3)]
    await department(company, "deep", parent_id=leaves[0].id)
    await department(company, "第二")
    seen, token = [], ""
    while True:
        page, token = await queries.list_departments(
            company.store, actor=company.actor, page_size=2, page_token=token
        )
        seen += page
        if not token:
            break
    assert len({found.id for found in seen}) == len(seen) == 6
    known: set[str] = {""}
    for found in seen:
        assert found.parent_id in known
        known.add(found.id)


async def test_the_bootstrap_administrator_is_not_counted_or_made_again(company: Any) -> None:
    await company.hire("li")
    await company.hire("bot", kind=Kind.SERVICE_ACCOUNT)
    status = await queries.get_directory_status(company.store, actor=company.actor, now=company.now)
    assert (status.people, status.departments, status.sessions) == (1, 0, 0)
    with pytest.raises(InvalidArgument):
        await company.hire("root2", kind=Kind.BOOTSTRAP)
