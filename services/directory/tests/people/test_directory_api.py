"""The contract through a real gRPC server, with callers that the gateway or a service signed."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from plexus.authz.v1 import authority_pb2
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import events_pb2, people_pb2
from plexus.directory.v1 import session_service_pb2 as sessions
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.grpc import refused
from plexuskit.mongo import Database

PASSWORD = "correct horse"


async def refusal(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value.code(), getattr(refused(raised.value), "reason", "")


async def set_up(served: Any) -> people_pb2.Person:
    response = await served.sessions.InitTenant(
        sessions.InitTenantRequest(
            tenant_name="北方贸易",
            admin_handle="root",
            admin_password=PASSWORD,
            time_zone="Asia/Shanghai",
            bootstrap_secret=served.secret,
        ),
        **served.anonymous,
    )
    assert response.tenant.name == "北方贸易"
    assert response.admin.tenant_id == response.tenant.id
    return response.admin


def as_admin(served: Any, admin: people_pb2.Person) -> dict:
    return served.person(admin.id, admin.tenant_id, *admin.roles)


async def test_setting_up_works_once_and_needs_the_secret(served: Any) -> None:
    wrong = sessions.InitTenantRequest(bootstrap_secret="wrong")
    assert await refusal(served.sessions.InitTenant(wrong, **served.anonymous)) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "BOOTSTRAP_REFUSED",
    )
    admin = await set_up(served)
    assert (admin.kind, admin.display_name) == (people_pb2.Person.KIND_BOOTSTRAP, "root")
    again = sessions.InitTenantRequest(bootstrap_secret=served.secret)
    assert await refusal(served.sessions.InitTenant(again, **served.anonymous)) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "TENANT_EXISTS",
    )


async def test_a_person_lives_through_the_contract(served: Any) -> None:
    caller = as_admin(served, await set_up(served))
    directory = served.directory
    made = await directory.CreateDepartment(
        pb.CreateDepartmentRequest(name="采购", external_id="hr:1"), **caller
    )
    asked = pb.CreatePersonRequest(
        request_id="r1",
        handle="Li",
        display_name="李雷",
        department_ids=[made.department.id],
        password=PASSWORD,
    )
    person = (await directory.CreatePerson(asked, **caller)).person
    assert (person.handle, person.version, person.locale) == ("li", 1, "zh-CN")
    assert person.state == people_pb2.Person.STATE_ACTIVE
    assert person.kind == people_pb2.Person.KIND_HUMAN

    changed = await directory.UpdatePerson(
        pb.UpdatePersonRequest(person_id=person.id, expected_version=1, title="经理"), **caller
    )
    assert (changed.person.title, changed.person.display_name) == ("经理", "李雷")
    assert list(changed.person.department_ids) == [made.department.id]
    emptied = await directory.UpdatePerson(
        pb.UpdatePersonRequest(person_id=person.id, title="", set_departments=True), **caller
    )
    assert (emptied.person.title, list(emptied.person.department_ids)) == ("", [])

    got = await directory.GetPerson(pb.GetPersonRequest(handle="LI"), **caller)
    assert got.person == emptied.person
    batch = await directory.BatchGetPeople(pb.BatchGetPeopleRequest(handles=["li", "x"]), **caller)
    assert list(batch.people) == [emptied.person]
    listed = await directory.ListPeople(pb.ListPeopleRequest(query="李"), **caller)
    assert list(listed.people) == [emptied.person]
    tree = await directory.ListDepartments(pb.ListDepartmentsRequest(), **caller)
    assert list(tree.departments) == [made.department]
    status = await directory.GetDirectoryStatus(pb.GetDirectoryStatusRequest(), **caller)
    assert (status.people, status.departments, status.sessions) == (1, 1, 0)

    gone = await directory.DeactivatePerson(
        pb.DeactivatePersonRequest(person_id=person.id), **caller
    )
    assert gone.person.state == people_pb2.Person.STATE_DEACTIVATED


async def test_gw_6_request_ids_are_of_one_content_and_one_person(served: Any) -> None:
    admin = await set_up(served)
    caller = as_admin(served, admin)
    create = served.directory.CreatePerson
    asked = pb.CreatePersonRequest(request_id="r1", handle="li", display_name="李雷")
    first = await create(asked, **caller)
    assert await create(asked, **caller) == first

    other = pb.CreatePersonRequest(request_id="r1", handle="wang", display_name="王")
    reused = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert await refusal(create(other, **caller)) == reused
    department = pb.CreateDepartmentRequest(request_id="r1", name="采购")
    assert await refusal(served.directory.CreateDepartment(department, **caller)) == reused

    second = pb.CreatePersonRequest(handle="second", display_name="二", roles=["admin", "member"])
    made = (await create(second, **caller)).person
    somebody_else = served.person(made.id, admin.tenant_id, "admin")
    assert (await create(other, **somebody_else)).person.handle == "wang"


async def test_an_import_comes_back_in_order_with_its_counts(served: Any) -> None:
    caller = as_admin(served, await set_up(served))
    asked = pb.ImportPeopleRequest(
        people=[
            pb.ImportedPerson(external_id="slack:U2", handle="b b", display_name="B"),
            pb.ImportedPerson(external_id="slack:U1", handle="root", service_account=True),
            pb.ImportedPerson(external_id="slack:U3", handle="c", deactivated=True),
        ]
    )
    done = await served.directory.ImportPeople(asked, **caller)
    assert [person.handle for person in done.people] == ["b-b", "root-2", "c"]
    assert (done.created, done.changed, done.unchanged) == (3, 0, 0)
    again = await served.directory.ImportPeople(asked, **caller)
    assert list(again.people) == list(done.people)
    assert (again.created, again.changed, again.unchanged) == (0, 0, 3)


async def test_a_session_lives_through_the_contract(served: Any) -> None:
    admin = await set_up(served)
    signed_in = await served.sessions.SignIn(
        sessions.SignInRequest(handle="root", password=PASSWORD, device="cli"), **served.anonymous
    )
    tokens = signed_in.tokens
    assert signed_in.person == admin
    lifetime = tokens.access_expires_at.seconds - int(served.clock.now().timestamp())
    assert lifetime == 15 * 60
    assert tokens.refresh_expires_at.seconds - tokens.access_expires_at.seconds > 29 * 86_400

    keys = await served.sessions.GetSigningKeys(sessions.GetSigningKeysRequest(), **served.service)
    (key,) = json.loads(keys.jwks_json)["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}

    refreshed = await served.sessions.RefreshSession(
        sessions.RefreshSessionRequest(refresh_token=tokens.refresh_token), **served.anonymous
    )
    assert refreshed.tokens.session_id == tokens.session_id
    assert refreshed.tokens.cache_key == tokens.cache_key
    assert len(tokens.cache_key) == 32
    me = served.person(admin.id, admin.tenant_id, *admin.roles, session_id=tokens.session_id)
    new = sessions.SetPasswordRequest(old_password=PASSWORD, new_password="another one")
    await served.sessions.SetPassword(new, **me)
    await served.sessions.SignOut(sessions.SignOutRequest(), **me)

    ended = await served.sessions.FindEndedSessions(
        sessions.FindEndedSessionsRequest(session_ids=[tokens.session_id]), **served.service
    )
    assert list(ended.ended_session_ids) == [tokens.session_id]
    again = sessions.RefreshSessionRequest(refresh_token=refreshed.tokens.refresh_token)
    assert await refusal(served.sessions.RefreshSession(again, **served.anonymous)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "REFRESH_REFUSED",
    )


async def test_refusals_have_their_names_and_a_lock_says_how_long(served: Any) -> None:
    caller = as_admin(served, await set_up(served))
    wrong = sessions.SignInRequest(handle="root", password="wrong password")
    for _ in range(5):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await served.sessions.SignIn(wrong, **served.anonymous)
    found = refused(raised.value)
    assert (raised.value.code(), found.reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "SIGN_IN_REFUSED",
    )
    assert found.retry_after.total_seconds() == 30

    assert await refusal(
        served.directory.GetPerson(pb.GetPersonRequest(person_id="per_none"), **caller)
    ) == (grpc.StatusCode.NOT_FOUND, "PERSON_NOT_FOUND")
    assert await refusal(
        served.directory.CreatePerson(
            pb.CreatePersonRequest(handle="root", display_name="x"), **caller
        )
    ) == (grpc.StatusCode.ALREADY_EXISTS, "HANDLE_TAKEN")
    assert await refusal(
        served.directory.CreateDepartment(
            pb.CreateDepartmentRequest(name="x", parent_id="dep_none"), **caller
        )
    ) == (grpc.StatusCode.NOT_FOUND, "DEPARTMENT_NOT_FOUND")
    assert await refusal(
        served.directory.ListPeople(pb.ListPeopleRequest(page_token="x"), **caller)
    ) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_gw_1_nobody_passes_without_the_right_caller(served: Any) -> None:
    admin = await set_up(served)
    member = served.person(admin.id, admin.tenant_id, "member")
    denied = (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    create = pb.CreatePersonRequest(handle="x", display_name="x")
    assert await refusal(served.directory.CreatePerson(create, **member)) == denied
    imports = pb.ImportPeopleRequest()
    assert await refusal(served.directory.ImportPeople(imports, **member)) == denied

    me = pb.GetPersonRequest(me=True)
    assert (await served.directory.GetPerson(me, **member)).person == admin
    code, _ = await refusal(served.directory.GetPerson(me))
    assert code == grpc.StatusCode.UNAUTHENTICATED
    code, _ = await refusal(served.directory.GetPerson(me, **served.anonymous))
    assert code == grpc.StatusCode.UNAUTHENTICATED
    find = sessions.FindEndedSessionsRequest()
    code, reason = await refusal(served.sessions.FindEndedSessions(find, **member))
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "INTERNAL_ONLY")


async def test_src_1_everybody_active_reads_their_tenant(served: Any) -> None:
    admin = await set_up(served)
    readable = served.authority.ReadableContainers

    def ask(person_id: str, version: str = "", tenant_id: str = admin.tenant_id):
        return authority_pb2.ReadableContainersRequest(
            tenant_id=tenant_id, person_id=person_id, known_version=version
        )

    first = await readable(ask(admin.id), **served.service)
    assert [(c.kind, c.id, list(c.intervals)) for c in first.containers] == [
        ("tenant", admin.tenant_id, [])
    ]
    known = await readable(ask(admin.id, first.version), **served.service)
    assert (known.unchanged, list(known.containers)) == (True, [])
    for request in (ask("per_none", first.version), ask(admin.id, tenant_id="ten_other")):
        nothing = await readable(request, **served.service)
        assert (nothing.unchanged, list(nothing.containers)) == (False, [])


async def test_src_2_a_deactivated_person_reads_nothing_at_once_and_stays_named(
    served: Any,
) -> None:
    admin = await set_up(served)
    caller = as_admin(served, admin)
    made = await served.directory.CreatePerson(
        pb.CreatePersonRequest(handle="li", display_name="李雷"), **caller
    )
    li = made.person

    async def recheck(asking: str) -> list[tuple[bool, int]]:
        refs = [("person", li.id), ("person", "per_none"), ("tenant", admin.tenant_id), ("x", "y")]
        response = await served.authority.Recheck(
            authority_pb2.RecheckRequest(
                tenant_id=admin.tenant_id,
                person_id=asking,
                refs=[authority_pb2.ObjectRef(kind=kind, id=id_) for kind, id_ in refs],
            ),
            **served.service,
        )
        return [(verdict.readable, verdict.version) for verdict in response.verdicts]

    assert await recheck(li.id) == [(True, 1), (False, 0), (True, 1), (False, 0)]
    await served.directory.DeactivatePerson(pb.DeactivatePersonRequest(person_id=li.id), **caller)
    assert await recheck(li.id) == [(False, 0)] * 4
    assert (await recheck(admin.id))[0] == (True, 2)


async def test_a_group_is_readable_until_it_is_deleted(served: Any) -> None:
    admin = await set_up(served)
    caller = as_admin(served, admin)
    made = await served.directory.CreateGroup(
        pb.CreateGroupRequest(request_id="made", name="cooks"), **caller
    )
    group_id = made.group.id
    request = authority_pb2.RecheckRequest(
        tenant_id=admin.tenant_id,
        person_id=admin.id,
        refs=[authority_pb2.ObjectRef(kind="group", id=id_) for id_ in (group_id, "grp_none")],
    )

    async def readable() -> list[bool]:
        answer = await served.authority.Recheck(request, **served.service)
        return [verdict.readable for verdict in answer.verdicts]

    assert await readable() == [True, False]
    await served.directory.DeleteGroup(
        pb.DeleteGroupRequest(request_id="gone", group_id=group_id), **caller
    )
    assert await readable() == [False, False]


async def test_a_snapshot_holds_every_relation_with_its_version(served: Any) -> None:
    admin = await set_up(served)
    caller = as_admin(served, admin)
    people = [
        pb.ImportedPerson(external_id=f"hr:{n}", handle=f"p{n}", deactivated=n == 0)
        for n in range(700)
    ]
    await served.directory.ImportPeople(pb.ImportPeopleRequest(people=people), **caller)
    frames, relations = 0, []
    request = authority_pb2.SnapshotRequest(tenant_id=admin.tenant_id)
    async for frame in served.authority.Snapshot(request, **served.service):
        frames += 1
        relations += [(r.object, r.relation, r.subject) for r in frame.relations]
        assert {(r.tenant_id, r.version) for r in frame.relations} <= {(admin.tenant_id, 1)}
    tenant = f"tenant:{admin.tenant_id}"
    assert frames == 2
    assert (tenant, "admin", f"person:{admin.id}") in relations
    assert (f"person:{admin.id}", "tenant", tenant) in relations
    assert sum(relation == "member" for _, relation, _ in relations) == 700
    assert sum(relation == "tenant" for _, relation, _ in relations) == 701

    other = authority_pb2.SnapshotRequest(tenant_id="ten_other")
    found = [frame async for frame in served.authority.Snapshot(other, **served.service)]
    assert [list(frame.relations) for frame in found] == [[]]


def hours(*windows: tuple[int, int], weekdays: tuple[int, ...] = (1, 2)) -> people_pb2.WorkingHours:
    return people_pb2.WorkingHours(
        weekdays=weekdays,
        windows=[
            people_pb2.WorkingHours.Window(start_minute=start, end_minute=end)
            for start, end in windows
        ],
    )


DEFAULT_HOURS = hours((540, 720), (810, 1080), weekdays=(1, 2, 3, 4, 5))


async def test_ntf_03_working_hours_are_set_like_every_other_field(
    served: Any, facts: Callable[[], Awaitable[list[Envelope]]]
) -> None:
    caller = as_admin(served, await set_up(served))
    directory, night = served.directory, hours((1320, 360))
    plain = await directory.CreatePerson(
        pb.CreatePersonRequest(handle="li", display_name="李雷"), **caller
    )
    shift = await directory.CreatePerson(
        pb.CreatePersonRequest(handle="wang", display_name="王", working_hours=night), **caller
    )
    assert (plain.person.working_hours, shift.person.working_hours) == (DEFAULT_HOURS, night)

    changed = await directory.UpdatePerson(
        pb.UpdatePersonRequest(person_id=plain.person.id, working_hours=night), **caller
    )
    kept = await directory.UpdatePerson(
        pb.UpdatePersonRequest(person_id=plain.person.id, title="经理"), **caller
    )
    assert (changed.person.version, changed.person.working_hours) == (2, night)
    assert (kept.person.version, kept.person.working_hours) == (3, night)
    told = [
        events_pb2.PersonChanged.FromString(fact.fact).person
        for fact in await facts()
        if fact.type.endswith("PersonChanged")
    ]
    assert [person.working_hours for person in told] == [night, night]

    wrong = pb.UpdatePersonRequest(
        person_id=plain.person.id, working_hours=hours((540, 700), (600, 720))
    )
    assert await refusal(directory.UpdatePerson(wrong, **caller)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
    )


async def test_ntf_03_an_import_keeps_the_working_hours_that_it_does_not_name(served: Any) -> None:
    caller = as_admin(served, await set_up(served))
    night = hours((1320, 360))

    async def bring(*people: pb.ImportedPerson) -> Any:
        return await served.directory.ImportPeople(pb.ImportPeopleRequest(people=people), **caller)

    first = await bring(
        pb.ImportedPerson(external_id="hr:1", handle="a", working_hours=night),
        pb.ImportedPerson(external_id="hr:2", handle="b"),
    )
    assert [person.working_hours for person in first.people] == [night, DEFAULT_HOURS]
    again = await bring(
        pb.ImportedPerson(external_id="hr:1", handle="a"),
        pb.ImportedPerson(external_id="hr:2", handle="b", working_hours=night),
    )
    assert [person.working_hours for person in again.people] == [night, night]
    assert (again.changed, again.unchanged) == (1, 1)

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await bring(pb.ImportedPerson(external_id="hr:3", handle="c", working_hours=hours()))
    assert refused(raised.value).metadata["field"] == "people[0].working_hours.windows"


async def test_ntf_03_a_tenant_sets_the_hours_of_who_sets_none(served: Any) -> None:
    early = hours((420, 900), weekdays=(1, 2, 3, 4, 5, 6))
    response = await served.sessions.InitTenant(
        sessions.InitTenantRequest(
            tenant_name="工厂",
            admin_handle="root",
            admin_password=PASSWORD,
            time_zone="Asia/Shanghai",
            bootstrap_secret=served.secret,
            working_hours=early,
        ),
        **served.anonymous,
    )
    made = await served.directory.CreatePerson(
        pb.CreatePersonRequest(handle="li", display_name="李雷"), **as_admin(served, response.admin)
    )
    assert made.person.working_hours == early


async def test_ntf_03_people_from_before_there_were_working_hours_have_the_default(
    served: Any, db: Database
) -> None:
    admin = await set_up(served)
    people = db.collection("people", schema_version=1)
    await people.update({"_id": admin.id}, {"$unset": {"working_hours": ""}})

    me = await served.directory.GetPerson(pb.GetPersonRequest(me=True), **as_admin(served, admin))
    assert me.person.working_hours == DEFAULT_HOURS


async def test_msg_04_a_snapshot_of_topics_is_their_facts_at_present_versions(served: Any) -> None:
    admin = await set_up(served)
    caller = as_admin(served, admin)
    made = await served.directory.CreateDepartment(
        pb.CreateDepartmentRequest(name="采购"), **caller
    )
    hired = await served.directory.CreatePerson(
        pb.CreatePersonRequest(
            handle="li", display_name="李雷", department_ids=[made.department.id]
        ),
        **caller,
    )
    gone = await served.directory.DeactivatePerson(
        pb.DeactivatePersonRequest(person_id=hired.person.id), **caller
    )

    async def facts_of(*topics: str) -> dict[str, Envelope]:
        request = authority_pb2.SnapshotRequest(topics=topics)
        frames = [frame async for frame in served.authority.Snapshot(request, **served.service)]
        return {fact.entity_id: fact for frame in frames for fact in frame.facts}

    told = await facts_of("directory.person.v1", "directory.department.v1")
    assert set(told) == {admin.id, hired.person.id, made.department.id}
    assert told[hired.person.id].type == "plexus.directory.v1.PersonDeactivated"
    assert told[hired.person.id].entity_version == 2
    fact = events_pb2.PersonDeactivated.FromString(told[hired.person.id].fact)
    assert fact.person == gone.person
    assert set(await facts_of("directory.department.v1")) == {made.department.id}

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await facts_of("messaging.conversation.v1")
    assert refused(raised.value).metadata["field"] == "topics"
