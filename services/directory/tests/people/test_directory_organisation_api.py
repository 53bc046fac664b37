"""The organisation through a real gRPC server: requests and responses."""

import base64
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1 import authority_pb2
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import events_pb2, people_pb2
from plexuskit.grpc import refused
from plexuskit.mongo import Database
from plexuskit.paging import Listing

DAY = timedelta(days=1)


async def refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), refused(raised.value).reason


def stamp(at: Any) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


@pytest.fixture
def caller(served: Any, company: Any) -> dict:
    return served.person(company.admin.id, company.tenant.id, "admin", "member")


def as_person(served: Any, company: Any, person: people_pb2.Person) -> dict:
    return served.person(person.id, company.tenant.id, *person.roles)


async def test_a_person_carries_the_whole_of_their_organisation(
    served: Any, company: Any, caller: dict
) -> None:
    directory = served.directory
    top = await company.department("采购")
    boss = await company.hire("boss")
    asked = pb.CreatePersonRequest(
        request_id="r1",
        handle="li",
        display_name="李雷",
        department_ids=[top],
        posts=[people_pb2.Post(department_id=top, title="采购经理")],
        skills=["Kafka"],
        manager_id=boss.id,
        employee_number="E-1",
        cost_center="4711",
    )
    li = (await directory.CreatePerson(asked, **caller)).person
    assert (await directory.CreatePerson(asked, **caller)).person == li
    for field in ("posts", "skills", "manager_id", "employee_number", "cost_center"):
        assert getattr(li, field) == getattr(asked, field)

    changes = pb.UpdatePersonRequest(person_id=li.id, set_posts=True, manager_id="", cost_center="")
    changed = (await directory.UpdatePerson(changes, **caller)).person
    assert (list(changed.posts), changed.manager_id, changed.cost_center) == ([], "", "")
    assert (list(changed.skills), changed.employee_number) == (["Kafka"], "E-1")

    own = as_person(served, company, li)
    profile = pb.UpdateProfileRequest(skills=["谈判"], set_skills=True, locale="en")
    after = (await directory.UpdateProfile(profile, **own)).person
    assert (list(after.skills), after.locale) == (["谈判"], "en")

    planned = people_pb2.Absence(
        starts_at=stamp(company.now), ends_at=stamp(company.now + DAY), deputy_id=boss.id
    )
    away = await directory.SetAbsence(pb.SetAbsenceRequest(absence=planned), **own)
    assert away.person.absence == planned
    back = await directory.SetAbsence(pb.SetAbsenceRequest(), **own)
    assert not back.person.HasField("absence")

    gone = pb.DeactivatePersonRequest(person_id=li.id)
    await directory.DeactivatePerson(gone, **caller)
    again = pb.ReactivatePersonRequest(person_id=li.id, request_id="r2")
    reactivated = (await directory.ReactivatePerson(again, **caller)).person
    assert reactivated.state == people_pb2.Person.STATE_ACTIVE
    assert (await directory.ReactivatePerson(again, **caller)).person == reactivated


async def test_gw_05_a_guest_sees_who_they_know_by_id_and_nobody_else(
    served: Any, company: Any, caller: dict
) -> None:
    directory = served.directory
    li = await company.hire("li", email="li@example.com", title="经理")
    invited = pb.CreatePersonRequest(
        handle="guest",
        display_name="访客",
        kind=people_pb2.Person.KIND_GUEST,
        guest_expires_at=stamp(company.now + DAY),
    )
    guest = (await directory.CreatePerson(invited, **caller)).person
    assert (list(guest.roles), guest.kind) == (["guest"], people_pb2.Person.KIND_GUEST)
    own = as_person(served, company, guest)

    reduced = people_pb2.Person(
        id=li.id,
        handle="li",
        display_name="Li",
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
    )
    named = pb.GetPersonRequest(person_id=li.id)
    assert (await directory.GetPerson(named, **own)).person == reduced
    batch = pb.BatchGetPeopleRequest(person_ids=[li.id, guest.id], handles=["root"])
    assert list((await directory.BatchGetPeople(batch, **own)).people) == [guest, reduced]
    listed = await directory.ListPeople(pb.ListPeopleRequest(), **own)
    assert list(listed.people) == [guest]

    hidden = await refusal(directory.GetPerson(pb.GetPersonRequest(handle="li"), **own))
    absent = await refusal(directory.GetPerson(pb.GetPersonRequest(handle="none"), **own))
    assert hidden == absent == (grpc.StatusCode.NOT_FOUND, "PERSON_NOT_FOUND")
    for closed in (
        directory.ListDepartments(pb.ListDepartmentsRequest(), **own),
        directory.ListGroups(pb.ListGroupsRequest(), **own),
        directory.ListGroupMembers(pb.ListGroupMembersRequest(group_id="x"), **own),
        directory.SetAbsence(pb.SetAbsenceRequest(), **own),
    ):
        assert (await refusal(closed))[0] == grpc.StatusCode.PERMISSION_DENIED


async def test_departments_live_through_the_contract(
    served: Any, company: Any, caller: dict
) -> None:
    directory = served.directory
    one, other = await company.department("一"), await company.department("二")
    li = await company.hire("li", department_ids=[one])
    named = pb.UpdateDepartmentRequest(department_id=one, name="壹", leader_id=li.id)
    renamed = (await directory.UpdateDepartment(named, **caller)).department
    assert (renamed.name, renamed.leader_id, renamed.version) == ("壹", li.id, 2)

    moving = pb.MoveDepartmentRequest(department_id=one, parent_id=other, request_id="r1")
    moved = await directory.MoveDepartment(moving, **caller)
    assert (list(moved.department.path), moved.moved) == ([other, one], 1)
    assert await directory.MoveDepartment(moving, **caller) == moved
    back = pb.MoveDepartmentRequest(department_id=other, parent_id=one)
    assert await refusal(directory.MoveDepartment(back, **caller)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "DEPARTMENT_CYCLE",
    )
    splitting = pb.SplitDepartmentRequest(department_id=one, name="三", person_ids=[li.id])
    new = (await directory.SplitDepartment(splitting, **caller)).department
    assert list(new.path) == [other, new.id]
    merging = pb.MergeDepartmentRequest(department_id=new.id, into_id=other)
    merged = await directory.MergeDepartment(merging, **caller)
    assert (merged.into.id, merged.people_moved, merged.departments_moved) == (other, 1, 0)

    open_ = await directory.ListDepartments(pb.ListDepartmentsRequest(), **caller)
    every = await directory.ListDepartments(
        pb.ListDepartmentsRequest(include_closed=True), **caller
    )
    assert {each.id for each in open_.departments} == {one, other}
    (closed,) = [each for each in every.departments if each.closed]
    assert (closed.id, closed.merged_into_id) == (new.id, other)
    status = await directory.GetDirectoryStatus(pb.GetDirectoryStatusRequest(), **caller)
    assert status.departments == 2


async def test_groups_live_through_the_contract_and_stand_in_the_snapshot(
    served: Any, company: Any, caller: dict
) -> None:
    directory = served.directory
    li, wang = await company.hire("li"), await company.hire("wang", title="采购")
    made = pb.CreateGroupRequest(request_id="r1", name="甲", member_ids=[li.id])
    group = (await directory.CreateGroup(made, **caller)).group
    assert (group.size, group.HasField("rule")) == (1, False)
    assert (await directory.CreateGroup(made, **caller)).group == group
    ruled = pb.CreateGroupRequest(name="乙", rule=people_pb2.GroupRule(titles=["采购"]))
    by_rule = (await directory.CreateGroup(ruled, **caller)).group
    assert (by_rule.size, list(by_rule.rule.titles)) == (1, ["采购"])

    changing = pb.ChangeGroupMembersRequest(group_id=group.id, add_ids=[wang.id])
    assert (await directory.ChangeGroupMembers(changing, **caller)).group.size == 2
    update = pb.UpdateGroupRequest(group_id=group.id, description="委员会")
    assert (await directory.UpdateGroup(update, **caller)).group.version == 3
    asked = pb.ListGroupMembersRequest(group_id=group.id, page_size=1)
    page = await directory.ListGroupMembers(asked, **caller)
    asked.page_token = page.next_page_token
    rest = await directory.ListGroupMembers(asked, **caller)
    assert [each.handle for each in (*page.people, *rest.people)] == ["li", "wang"]
    await directory.DeleteGroup(pb.DeleteGroupRequest(group_id=by_rule.id), **caller)
    listed = await directory.ListGroups(pb.ListGroupsRequest(person_id=wang.id), **caller)
    assert [each.id for each in listed.groups] == [group.id]

    request = authority_pb2.SnapshotRequest(topics=["directory.group.v1"])
    frames = [frame async for frame in served.authority.Snapshot(request, **served.service)]
    facts = {fact.entity_id: fact for frame in frames for fact in frame.facts}
    assert set(facts) == {group.id, by_rule.id}
    told = events_pb2.GroupChanged.FromString(facts[group.id].fact)
    assert (facts[group.id].entity_version, len(told.member_ids)) == (3, 2)
    gone = events_pb2.GroupChanged.FromString(facts[by_rule.id].fact)
    assert (gone.group.removed, list(gone.member_ids)) == (True, [])


async def test_people_from_before_the_organisation_read_as_having_none_of_it(
    served: Any, company: Any, caller: dict, db: Database
) -> None:
    li = await company.hire("li")
    new = [
        "posts",
        "skills",
        "manager_id",
        "guest_expires_at",
        "absence",
        "cost_center",
        "group_ids",
        "employee_number",
    ]
    people = db.collection("people", schema_version=1)
    await people.update({"_id": li.id}, {"$unset": dict.fromkeys(new, "")})
    departments = db.collection("departments", schema_version=1)
    old = await company.department("旧")
    await departments.update(
        {"_id": old}, {"$unset": {"closed": "", "leader_id": "", "merged_into_id": ""}}
    )
    assert await company.load(li) == li
    listed = await served.directory.ListDepartments(pb.ListDepartmentsRequest(), **caller)
    assert [each.id for each in listed.departments] == [old]
    moved = await company.change(li, department_ids=[old], title="采购")
    assert moved.version == 2


@pytest.mark.rule("GW-3")
async def test_gw_3_page_tokens_hold_no_column_that_a_role_could_hide(
    served: Any, company: Any, caller: dict
) -> None:
    for name in ("zhao-canary", "zhou-canary"):
        await company.hire(name)
        made = pb.CreateGroupRequest(request_id=name, name=name)
        await served.directory.CreateGroup(made, **caller)
    lists = (
        (served.directory.ListPeople, pb.ListPeopleRequest(page_size=1, query="canary")),
        (served.directory.ListGroups, pb.ListGroupsRequest(page_size=1)),
    )
    for call, asked in lists:
        first = await call(asked, **caller)
        assert first.next_page_token
        assert b"canary" not in base64.urlsafe_b64decode(first.next_page_token + "==")
        asked.page_token = first.next_page_token
        rest = await call(asked, **caller)
        assert rest.SerializeToString() != first.SerializeToString()
        listing = Listing(name="people", filters=("", "canary", "False"))
        asked.page_token = listing.token("per_none")
        assert await refusal(call(asked, **caller)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_PAGE_TOKEN",
        )
