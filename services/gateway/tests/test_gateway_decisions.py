"""Calls through a gateway with permissions: responses, columns, records (GW-2, 3, 7)."""

import grpc
import pytest
from plexus.authz.v1.authority_pb2 import Relation
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.directory.v1.directory_service_pb2 import (
    GetPersonRequest,
    UpdatePersonRequest,
    UpdateProfileRequest,
)
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.session_service_pb2 import ListSessionsRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messaging_service_pb2 import (
    ExportConversationAnchorsRequest,
    GetConversationRequest,
)
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_access.relations import Gathering
from plexus_testkit.wait import eventually
from plexuskit.grpc import refused
from plexuskit.kafka import MAX_FACT_BYTES


def envelope(fact):
    return Envelope(
        tenant_id="ten_acme", type=fact.DESCRIPTOR.full_name, fact=fact.SerializeToString()
    )


@pytest.fixture
def known(running, standing):
    """A gateway that knows Ann, a member, and one conversation without her."""
    ann = people_pb2.Person(
        id="per_ann",
        version=1,
        roles=["member"],
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
    )
    standing.projection.take([envelope(events_pb2.PersonAdded(person=ann))])
    gathered = Gathering()
    room = {"tenant_id": "ten_acme", "object": "conversation:con_1", "relation": "member"}
    gathered.add([Relation(**room, subjects=["person:per_bob"], version=1)])
    standing.projection.swap_members(frozenset({"conversation"}), gathered)
    return running


async def fails(call):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value


async def test_gw_02_a_hidden_conversation_is_refused_as_its_owner_does_it(known, standing):
    stub = MessagingServiceStub(known.channel)
    answers = []
    for id_ in ("con_1", "con_9"):
        request = GetConversationRequest(conversation_id=id_)
        error = await fails(stub.GetConversation(request, metadata=known.bearer()))
        told = refused(error)
        answers.append((error.code(), told.reason, told.domain, told.message().replace(id_, "ID")))
    assert (
        answers
        == [
            (
                grpc.StatusCode.NOT_FOUND,
                "CONVERSATION_NOT_FOUND",
                "plexus.messaging",
                "There is no conversation ID that you are a member of.",
            )
        ]
        * 2
    )
    assert len(standing.asked) == 2


async def test_gw_07_a_refused_change_is_recorded_with_what_refused_it(known, standing):
    stub = DirectoryServiceStub(known.channel)
    request = UpdatePersonRequest(person_id="per_bob", title="boss")
    error = await fails(stub.UpdatePerson(request, metadata=known.bearer()))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    await eventually(lambda: len(standing.decisions) == 1)
    (made,) = standing.decisions
    assert (made.method, made.object, made.allowed, made.outcome, made.rule) == (
        "plexus.directory.v1.DirectoryService/UpdatePerson",
        "person:per_bob",
        False,
        "PERMISSION_MISSING",
        "permission:people.manage",
    )
    assert (made.person_id, made.session_id) == ("per_ann", "ses_ann")
    assert "boss" not in str(standing.records)


async def test_gw_07_a_privileged_read_is_recorded_before_it_is_done(known, standing):
    stub = SessionServiceStub(known.channel)
    metadata = (*known.bearer(), ("plexus-reason", "case 7"))
    await fails(stub.ListSessions(ListSessionsRequest(), metadata=metadata))
    metadata = (*known.bearer(), ("plexus-reason-bin", "案件七".encode()))
    await fails(stub.ListSessions(ListSessionsRequest(), metadata=metadata))
    assert [(made.allowed, made.outcome, made.reason) for made in standing.decisions] == [
        (True, "", "case 7"),
        (True, "", "案件七"),
    ]


async def test_gw_07_an_export_of_anchors_needs_a_reason_and_is_recorded_with_it(known, standing):
    auditor = people_pb2.Person(
        id="per_ann",
        version=2,
        roles=["auditor"],
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
    )
    stub = MessagingServiceStub(known.channel)
    request = ExportConversationAnchorsRequest()
    error = await fails(stub.ExportConversationAnchors(request, metadata=known.bearer()))
    assert refused(error).reason == "PERMISSION_MISSING"
    standing.projection.take([envelope(events_pb2.PersonAdded(person=auditor))])

    for reason in ((), (("plexus-reason", "  "),)):
        metadata = (*known.bearer(), *reason)
        error = await fails(stub.ExportConversationAnchors(request, metadata=metadata))
        assert refused(error).reason == "REASON_REQUIRED"
    metadata = (*known.bearer(), ("plexus-reason", "hourly"))
    await fails(stub.ExportConversationAnchors(request, metadata=metadata))

    await eventually(lambda: [made.reason for made in standing.decisions if made.allowed])
    assert [made.reason for made in standing.decisions if made.allowed] == ["hourly"]


async def test_gw_07_a_privileged_read_that_cannot_be_recorded_is_not_done(known, standing):
    standing.kafka_down = True
    stub = SessionServiceStub(known.channel)
    error = await fails(stub.ListSessions(ListSessionsRequest(), metadata=known.bearer()))
    assert (error.code(), refused(error).reason) == (grpc.StatusCode.UNAVAILABLE, "NOT_RECORDED")


async def test_gw_07_decisions_wait_for_kafka(known, standing):
    standing.kafka_down = True
    stub = DirectoryServiceStub(known.channel)
    request = UpdatePersonRequest(person_id="per_bob")
    await fails(stub.UpdatePerson(request, metadata=known.bearer()))
    # Ordinary reads continue, and leave no record.
    await stub.GetPerson(GetPersonRequest(person_id="per_bob"), metadata=known.bearer())
    assert not standing.records
    standing.kafka_down = False
    await eventually(lambda: len(standing.decisions) == 1)


async def test_gw_03_columns_that_no_role_shows_leave_the_answer(known, standing):
    stub = DirectoryServiceStub(known.channel)
    request = GetPersonRequest(person_id="per_bob")
    whole = await stub.GetPerson(request, metadata=known.bearer())
    assert whole.person.display_name == "安"
    mask = access_pb2.FieldMask(message="plexus.directory.v1.Person", fields=["id"])
    role = access_pb2.Role(id="member", version=1, built_in=True, masks=[mask])
    standing.projection.take([envelope(events_pb2.RoleChanged(role=role))])
    shown = await stub.GetPerson(request, metadata=known.bearer())
    assert shown.person == people_pb2.Person(id="per_bob")


def hiding(*fields, version=1):
    shown = [each for each in people_pb2.Person.DESCRIPTOR.fields_by_name if each not in fields]
    mask = access_pb2.FieldMask(message="plexus.directory.v1.Person", fields=shown)
    role = access_pb2.Role(id="member", version=version, built_in=True, masks=[mask])
    return envelope(events_pb2.RoleChanged(role=role))


@pytest.mark.rule("GW-3")
async def test_gw_03_a_hidden_column_is_neither_written_nor_asked_by(known, standing):
    stub = DirectoryServiceStub(known.channel)
    standing.projection.take([hiding("handle", "skills")])
    calls = (
        (stub.GetPerson, GetPersonRequest(handle="bob"), "handle"),
        (stub.UpdateProfile, UpdateProfileRequest(skills=["go"]), "skills"),
        (stub.UpdateProfile, UpdateProfileRequest(set_skills=True), "skills"),
    )
    for call, request, field in calls:
        error = await fails(call(request, metadata=known.bearer()))
        told = refused(error)
        assert (error.code(), told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "FIELD_MASKED")
        assert dict(told.metadata) == {"field": f"plexus.directory.v1.Person.{field}"}
    await stub.GetPerson(GetPersonRequest(person_id="per_bob"), metadata=known.bearer())


@pytest.mark.rule("GW-10")
async def test_gw_10_directory_shows_nobody_whom_a_policy_keeps_from_the_caller(known, standing):
    stub = DirectoryServiceStub(known.channel)
    bob = people_pb2.Person(
        id="per_bob",
        version=1,
        roles=["member"],
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
    )
    policy = access_pb2.AccessPolicy(
        id="pol_1",
        name="bob",
        version=1,
        enabled=True,
        cedar=(
            'forbid(principal, action == Plexus::Action::"people.read",'
            ' resource == Plexus::Object::"person:per_bob");'
        ),
    )
    standing.projection.take([envelope(events_pb2.PersonAdded(person=bob))])
    request = GetPersonRequest(person_id="per_bob")
    await stub.GetPerson(request, metadata=known.bearer())
    standing.projection.take([envelope(events_pb2.AccessPolicyChanged(policy=policy))])
    error = await fails(stub.GetPerson(request, metadata=known.bearer()))
    assert refused(error).reason == "POLICY_FORBIDS"


@pytest.mark.rule("MSG-21")
async def test_the_largest_decision_takes_a_small_part_of_a_record(known, standing):
    words = ("plexus-reason-bin", "😀".encode() * 1_500)
    change = UpdatePersonRequest(person_id="p" * 256)
    call = DirectoryServiceStub(known.channel).UpdatePerson
    await fails(call(change, metadata=(*known.bearer(), words)))

    await eventually(lambda: len(standing.records) >= 1)
    assert max(record.ByteSize() for record in standing.records) < MAX_FACT_BYTES // 10
    assert {len(made.object) > 256 for made in standing.decisions} == {True}
