"""Attribute policies about objects of requests and answers, read from the contracts (GW-10)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway.access import Asked, DirectoryPolicies, PolicyForbids, Shown
from gateway.identity import Identity
from gateway.live.facts import FURTHER
from gateway.live.visibility import PERSONAL
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import access_pb2, access_service_pb2, events_pb2, people_pb2
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.directory.v1 import session_service_pb2 as session_pb
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import conversations_pb2
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.tasks.v1 import tasks_pb2
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus_access.clearing import concerned
from plexus_access.columns import relation_of
from plexus_access.objects import Object
from plexus_access.refusals import AccessNotCurrent
from plexuskit.grpc import requirements

pytestmark = pytest.mark.rule("GW-10")
NOW = datetime.now(UTC)
TENANT = "ten_acme"
DIRECTORY = "/plexus.directory.v1.DirectoryService"
GRANTS = "/plexus.directory.v1.AccessService"
SESSIONS = "/plexus.directory.v1.SessionService"
MESSAGING = "/plexus.messaging.v1.MessagingService"
TASKS = "/plexus.tasks.v1.TasksService"
MOMENT = 0.05


def identity(person_id: str = "per_root", role: str = "admin", **fields: Any) -> Identity:
    said = {
        "tenant_id": TENANT,
        "person_id": person_id,
        "session_id": "ses_1",
        "roles": frozenset({role}),
        "expires_at": NOW + timedelta(minutes=15),
        "token_id": person_id,
        "as_of": NOW,
    }
    return Identity(**said | fields)


def fact(told: Any, entity_id: str = "") -> Envelope:
    stamp = Timestamp()
    stamp.FromDatetime(NOW)
    return Envelope(
        tenant_id=TENANT,
        type=told.DESCRIPTOR.full_name,
        fact=told.SerializeToString(),
        entity_id=entity_id,
        occurred_at=stamp,
    )


def person(id_: str, *, department: str = "", role: str = "member") -> people_pb2.Person:
    return people_pb2.Person(
        id=id_,
        tenant_id=TENANT,
        version=1,
        display_name="a name",
        roles=[role],
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
        department_ids=[department] if department else [],
    )


def added(told: people_pb2.Person) -> Envelope:
    return fact(events_pb2.PersonAdded(person=told), told.id)


def department(id_: str) -> Envelope:
    told = people_pb2.Department(id=id_, version=1, name=id_, path=[id_])
    return fact(events_pb2.DepartmentAdded(department=told), id_)


def bound(id_: str, subject: str, scope: str) -> Envelope:
    binding = access_pb2.RoleBinding(
        id=id_, version=1, role_id="admin", subject=subject, scope=scope
    )
    return fact(events_pb2.RoleBindingChanged(binding=binding), id_)


def forbid(permission: str, about: str, name: str = "closed") -> Envelope:
    policy = access_pb2.AccessPolicy(
        id=f"pol_{name}",
        name=name,
        version=1,
        enabled=True,
        cedar=(
            f'forbid(principal, action == Plexus::Action::"{permission}",'
            f' resource == Plexus::Object::"{about}");'
        ),
    )
    return fact(events_pb2.AccessPolicyChanged(policy=policy), policy.id)


@pytest.fixture
def company(standing: Any) -> Any:
    """An administrator, one of department A, a member, and departments A and B."""
    standing.projection.take(
        [
            department("dep_a"),
            department("dep_b"),
            added(person("per_root", role="admin")),
            added(person("per_part")),
            added(person("per_bob", department="dep_b")),
            bound("rdb_part", "person:per_part", "department:dep_a"),
        ]
    )
    return standing


@pytest.fixture
def decisions(company: Any, monkeypatch: pytest.MonkeyPatch) -> list[Object | None]:
    """Collect the objects that are decided about."""
    decided: list[Object | None] = []
    decide = company.access.decision

    def decision(who: Identity, permission: str, object_: Object | None) -> Any:
        decided.append(object_)
        return decide(who, permission, object_)

    monkeypatch.setattr(company.access, "decision", decision)
    return decided


async def asked(standing: Any, who: Identity, method: str, request: Any) -> str:
    """Return the reason that a request is refused for, and `on` for one that goes on."""
    needs = Asked(standing.access, requirements()[method]).of(request.SerializeToString(), who)
    found = await DirectoryPolicies(standing.access).refusal(who, needs)
    return "on" if found is None else f"{found[1].reason} {found[0]}"


async def shown(standing: Any, who: Identity, method: str, answer: Any) -> Any:
    info = requirements()[method]
    part = Shown(standing.access, DirectoryPolicies(standing.access), info)
    return info.response_class.FromString(await part.answer(answer.SerializeToString(), who, None))


@pytest.mark.parametrize(
    ("permission", "about", "method", "request_"),
    [
        (
            "departments.manage",
            "department:dep_b",
            f"{DIRECTORY}/SplitDepartment",
            directory_pb.SplitDepartmentRequest(department_id="dep_a", child_ids=["dep_b"]),
        ),
        (
            "people.manage",
            "person:per_bob",
            f"{DIRECTORY}/SplitDepartment",
            directory_pb.SplitDepartmentRequest(department_id="dep_b", person_ids=["per_bob"]),
        ),
        (
            "departments.manage",
            "department:dep_b",
            f"{DIRECTORY}/MergeDepartment",
            directory_pb.MergeDepartmentRequest(department_id="dep_a", into_id="dep_b"),
        ),
        (
            "people.manage",
            "department:dep_b",
            f"{DIRECTORY}/CreatePerson",
            directory_pb.CreatePersonRequest(posts=[people_pb2.Post(department_id="dep_b")]),
        ),
        (
            "people.import",
            "department:dep_b",
            f"{DIRECTORY}/ImportPeople",
            directory_pb.ImportPeopleRequest(
                people=[{"external_id": "a:1"}, {"department_ids": ["dep_a", "dep_b"]}]
            ),
        ),
        (
            "roles.bind",
            "department:dep_b",
            f"{GRANTS}/BindRole",
            access_service_pb2.BindRoleRequest(subject="person:per_part", scope="department:dep_b"),
        ),
        (
            "roles.bind",
            "department:dep_b",
            f"{GRANTS}/BindRole",
            access_service_pb2.BindRoleRequest(subject="department:dep_b#member"),
        ),
        (
            "sessions.set_password",
            "person:per_bob",
            f"{SESSIONS}/SetPassword",
            session_pb.SetPasswordRequest(person_id="per_bob"),
        ),
        (
            "sessions.manage",
            "person:per_bob",
            f"{SESSIONS}/ListSessions",
            session_pb.ListSessionsRequest(person_id="per_bob"),
        ),
        (
            "roles.bind",
            "department:dep_a",
            f"{GRANTS}/UnbindRole",
            access_service_pb2.UnbindRoleRequest(binding_id="rdb_part"),
        ),
        (
            "roles.bind",
            "person:per_part",
            f"{GRANTS}/UnbindRole",
            access_service_pb2.UnbindRoleRequest(binding_id="rdb_part"),
        ),
    ],
)
async def test_gw_10_each_object_that_a_change_names_is_asked_about(
    company: Any, permission: str, about: str, method: str, request_: Any
) -> None:
    assert await asked(company, identity(), method, request_) == "on"
    company.projection.take([forbid(permission, about)])
    assert await asked(company, identity(), method, request_) == f"POLICY_FORBIDS {about}"


async def test_gw_10_an_object_that_was_just_made_is_waited_for(company: Any) -> None:
    company.projection.take([forbid("people.manage", "department:dep_b")])
    request = directory_pb.CreatePersonRequest(department_ids=["dep_new"])
    asking = asyncio.create_task(asked(company, identity(), f"{DIRECTORY}/CreatePerson", request))
    await asyncio.sleep(MOMENT)
    assert not asking.done()
    company.projection.take([department("dep_new")])
    assert await asking == "on"


async def test_gw_10_what_directory_has_and_the_copy_does_not_is_refused_for_now(
    company: Any,
) -> None:
    company.projection.take([forbid("people.manage", "department:dep_b")])
    request = directory_pb.CreatePersonRequest(department_ids=["dep_new"])
    company.readable.add(("per_root", "department:dep_new"))
    answer = await asked(company, identity(), f"{DIRECTORY}/CreatePerson", request)
    assert answer == "ACCESS_NOT_CURRENT department:dep_new"


@pytest.mark.rule("GW-2")
async def test_gw_02_absent_and_hidden_ids_go_on_to_their_owner_alike(company: Any) -> None:
    company.projection.take([forbid("people.manage", "person:per_nobody")])
    # Members may read all people; directory itself decides about the reach of a role.
    company.readable.add(("per_part", "person:per_bob"))
    part = identity("per_part", "member")
    for who, asks in ((part, 1), (identity("per_bob", "member"), 0)):
        company.asked.clear()
        for id_ in ("per_absent", "per_bob" if who is part else "per_part"):
            request = directory_pb.UpdatePersonRequest(person_id=id_)
            assert await asked(company, who, f"{DIRECTORY}/UpdatePerson", request) == "on"
        assert len(company.asked) == 2 * asks, "both cost the same"


async def test_gw_10_a_caller_who_is_not_known_yet_is_refused_for_now(company: Any) -> None:
    company.projection.take([forbid("people.manage", "person:per_nobody")])
    request = directory_pb.UpdatePersonRequest(person_id="per_bob")
    who = identity("per_new", "admin")
    answer = await asked(company, who, f"{DIRECTORY}/UpdatePerson", request)
    assert answer.startswith("ACCESS_NOT_CURRENT")


@pytest.mark.parametrize(
    ("method", "answer", "permission", "about"),
    [
        (
            f"{DIRECTORY}/SetAbsence",
            directory_pb.SetAbsenceResponse(person=person("per_bob")),
            "people.read",
            "person:per_bob",
        ),
        (
            f"{DIRECTORY}/ImportPeople",
            directory_pb.ImportPeopleResponse(people=[person("per_bob")]),
            "people.read",
            "person:per_bob",
        ),
        (
            f"{DIRECTORY}/MergeDepartment",
            directory_pb.MergeDepartmentResponse(
                into=people_pb2.Department(id="dep_b", version=3, name="a name")
            ),
            "departments.read",
            "department:dep_b",
        ),
        (
            f"{MESSAGING}/CreateConversation",
            messaging_pb.CreateConversationResponse(
                conversation=conversations_pb2.Conversation(id="cnv_1", name="a name")
            ),
            "conversations.read",
            "conversation:cnv_1",
        ),
        (
            f"{TASKS}/CreateTask",
            tasks_pb.CreateTaskResponse(task=tasks_pb2.Task(id="tsk_1", title="a name")),
            "tasks.read",
            "task:tsk_1",
        ),
    ],
)
async def test_gw_10_an_answer_shows_each_object_by_its_own_id(
    company: Any, method: str, answer: Any, permission: str, about: str
) -> None:
    assert await shown(company, identity(), method, answer) == answer
    company.projection.take([forbid(permission, f"{about}0", name="other")])
    assert await shown(company, identity(), method, answer) == answer
    company.projection.take([forbid(permission, about)])
    left = await shown(company, identity(), method, answer)
    assert "a name" not in str(left)
    assert about.partition(":")[2] in str(left)


async def test_gw_10_what_was_just_made_is_shown_once_it_is_known(company: Any) -> None:
    company.projection.take([forbid("people.read", "person:per_bob")])
    made = person("per_new")
    answer = directory_pb.CreatePersonResponse(person=made)
    showing = asyncio.create_task(shown(company, identity(), f"{DIRECTORY}/CreatePerson", answer))
    await asyncio.sleep(MOMENT)
    company.projection.take([added(made)])
    assert await showing == answer


async def test_gw_10_a_read_of_one_person_is_refused_and_a_list_leaves_them_out(
    company: Any,
) -> None:
    company.projection.take([forbid("people.read", "person:per_bob")])
    one = directory_pb.GetPersonResponse(person=person("per_bob"))
    with pytest.raises(PolicyForbids):
        await shown(company, identity(), f"{DIRECTORY}/GetPerson", one)
    absent = directory_pb.GetPersonResponse(person=person("per_new"))
    with pytest.raises(AccessNotCurrent):
        await shown(company, identity(), f"{DIRECTORY}/GetPerson", absent)
    several = directory_pb.ListPeopleResponse(people=[person("per_root"), person("per_bob")])
    left = await shown(company, identity(), f"{DIRECTORY}/ListPeople", several)
    assert [each.id for each in left.people] == ["per_root"]


async def test_gw_09_a_preview_names_only_people_whom_the_caller_may_read(company: Any) -> None:
    preview = messaging_pb.PreviewSendResponse(
        audience=2,
        off_hours=2,
        people=[messaging_pb.OffHours(person_id=each) for each in ("per_part", "per_bob")],
    )
    method = f"{MESSAGING}/PreviewSend"
    blind = identity(scopes=frozenset({"messages.send"}))
    left = await shown(company, blind, method, preview)
    assert (left.audience, left.off_hours, len(left.people)) == (2, 2, 0)
    assert await shown(company, identity(), method, preview) == preview
    company.projection.take([forbid("people.read", "person:per_bob")])
    left = await shown(company, identity(), method, preview)
    assert [each.person_id for each in left.people] == ["per_part"]
    assert (left.audience, left.off_hours) == (2, 2)


def test_gw_09_facts_about_conversations_and_members_take_more_than_reading_messages() -> None:
    assert {name.rpartition(".")[2] for name in FURTHER} == {
        "ConversationCreated",
        "ConversationChanged",
        "ConversationArchived",
        "MembersAdded",
        "MembersRemoved",
    }
    assert set(FURTHER.values()) == {frozenset({"conversations.read"})}


def test_gw_09_a_personal_fact_takes_the_permission_that_its_contract_names() -> None:
    for permission, told in PERSONAL.values():
        named = {relation_of(each).read_with for each in concerned(told.DESCRIPTOR)} - {""}
        assert named <= {permission}, told.DESCRIPTOR.full_name


async def test_gw_10_what_only_names_an_unknown_object_is_not_shown(company: Any) -> None:
    who = identity()
    assert not await DirectoryPolicies(company.access).known(who, {Object("person", "per_x")})
    assert await DirectoryPolicies(company.access).known(who, {Object("task", "tsk_x")})


@pytest.mark.rule("GW-13")
async def test_gw_13_others_run_between_the_decisions_of_a_large_request_and_answer(
    company: Any, decisions: list[Object | None]
) -> None:
    people = [person(f"per_{number}") for number in range(400)]
    company.projection.take([added(each) for each in people])
    company.projection.take([forbid("people.read", "person:per_7")])
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count())
    answer = directory_pb.ListPeopleResponse(people=people)
    left = await shown(company, identity(), f"{DIRECTORY}/ListPeople", answer)
    assert len(left.people) == 399
    assert turns >= 400 // 25

    turns, decisions[:] = 0, []
    needs = [("people.read", Object("person", each.id)) for each in people if each.id != "per_7"]
    assert await DirectoryPolicies(company.access).refusal(identity(), needs * 20) is None
    assert turns >= 399 // 25
    assert len(decisions) == 399
    others.cancel()


@pytest.mark.rule("GW-13")
async def test_gw_13_what_is_known_is_not_decided_again_while_the_rest_is_waited_for(
    company: Any, decisions: list[Object | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.directory.SETTLE_SECONDS", 0.5)
    people = [person(f"per_{number}") for number in range(400)]
    company.projection.take([added(each) for each in people])
    needs = [("people.read", Object("person", each)) for each in ("per_late", "per_9", "per_8")]
    asking = asyncio.create_task(DirectoryPolicies(company.access).refusal(identity(), needs))
    for each in range(20):
        await asyncio.sleep(0)
        company.projection.take([added(person(f"per_other_{each}"))])
    company.projection.take([added(person("per_late"))])
    assert await asking is None
    assert decisions.count(Object("person", "per_9")) == 1
    assert decisions.count(Object("person", "per_late")) <= 4
