"""An owner decides on its own replica: the gateway's word is not enough (GW-9, GW-10, GW-12)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from plexus.directory.v1 import people_pb2
from plexus.messaging.v1 import messaging_service_pb2
from plexus_access.decisions import Asker, needs_of
from plexus_access.objects import CONVERSATION, PERSON, Object
from plexus_access.refusals import (
    AccessNotCurrent,
    AccountInactive,
    PermissionMissing,
    PersonNotFound,
    PolicyForbids,
)
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexuskit.grpc import requirements

TENANT = "ten_a"
ROOM = Object(CONVERSATION, "cnv_1")
ELSEWHERE = Object(CONVERSATION, "cnv_2")
FORBID_ROOM = (
    'forbid(principal, action == Plexus::Action::"messages.send",'
    ' resource == Plexus::Object::"conversation:cnv_1") when { context.app };'
)


@pytest.fixture
def company():
    found = Company()
    found.person(TENANT, "per_ann")
    return found


def asker(person_id="per_ann", **fields):
    return Asker(
        tenant_id=TENANT,
        person_id=person_id,
        **({"roles": frozenset({"member"})} | fields),
    )


@pytest.mark.rule("GW-12")
@pytest.mark.parametrize("permission", ["messages.configure", "messages.import", "audit.read"])
def test_gw_12_what_members_do_not_hold_is_not_granted_on_the_gateways_word(company, permission):
    forged = asker(roles=frozenset({"admin", "auditor"}))

    with pytest.raises(PermissionMissing):
        company.decisions.check(forged, permission)
    with pytest.raises(AccessNotCurrent):
        company.decisions.check(asker("per_unknown", roles=frozenset({"admin"})), permission)

    company.role(TENANT, "steward", permission, to="per_ann")
    company.decisions.check(asker(), permission)


@pytest.mark.rule("GW-10")
def test_gw_10_a_policy_refuses_one_object_under_its_circumstances(company):
    company.policy(TENANT, "apps", FORBID_ROOM)
    decisions = company.decisions

    with pytest.raises(PolicyForbids):
        decisions.check(asker(app=True), "messages.send", ROOM)
    decisions.check(asker(app=True), "messages.send", ELSEWHERE)
    decisions.check(asker(app=False), "messages.send", ROOM)

    company.policy(TENANT, "apps", FORBID_ROOM, removed=True)
    decisions.check(asker(app=True), "messages.send", ROOM)


@pytest.mark.rule("GW-9")
def test_gw_09_scopes_bound_what_the_person_holds(company):
    reading = asker(app=True, scopes=frozenset({"messages.read"}))

    company.decisions.check(reading, "messages.read", ROOM)
    with pytest.raises(PermissionMissing):
        company.decisions.check(reading, "messages.send", ROOM)
    assert not company.decisions.holds(reading, "messages.send")


@pytest.mark.rule("GW-10")
def test_gw_10_nothing_is_decided_on_a_replica_that_is_not_current(company):
    company.current = False

    with pytest.raises(AccessNotCurrent):
        company.decisions.check(asker(), "messages.send", ROOM)
    with pytest.raises(AccessNotCurrent):
        company.decisions.allows(asker(), [("messages.send", ROOM)])
    with pytest.raises(AccessNotCurrent):
        company.decisions.concern(TENANT, "messages.send")


def test_somebody_new_may_what_members_may_unless_a_policy_is_about_it(company):
    company.decisions.check(asker("per_new"), "messages.send", ROOM)

    company.policy(TENANT, "apps", FORBID_ROOM)

    with pytest.raises(AccessNotCurrent):
        company.decisions.check(asker("per_new"), "messages.send", ROOM)
    company.decisions.check(asker("per_new"), "messages.read", ROOM)


def test_gw_04_who_was_deactivated_may_nothing(company):
    company.person(TENANT, "per_ann", state=2)

    with pytest.raises(AccountInactive):
        company.decisions.check(asker(), "messages.send", ROOM)


@pytest.mark.rule("GW-2")
def test_gw_02_a_person_out_of_reach_is_as_absent_as_one_that_never_was(company):
    company.person(TENANT, "per_bob")
    bob, absent = Object(PERSON, "per_bob"), Object(PERSON, "per_none")
    company.role(TENANT, "part", "tasks.reassign", to="per_ann", scope="department:dep_a")

    for each in (bob, absent):
        with pytest.raises(PersonNotFound):
            company.decisions.check(asker(), "tasks.reassign", each)

    company.role(TENANT, "whole", "tasks.reassign", to="per_ann")
    company.decisions.check(asker(), "tasks.reassign")
    company.decisions.check(asker(), "tasks.reassign", bob)
    with pytest.raises(PersonNotFound):
        company.decisions.check(asker(), "tasks.reassign", absent)


async def test_a_call_waits_for_a_role_that_is_on_its_way(company):
    call = asyncio.create_task(company.decisions.settled(asker(), "messages.import"))
    await asyncio.sleep(0)
    assert not call.done()

    company.role(TENANT, "steward", "messages.import", to="per_ann")

    await asyncio.wait_for(call, 5)


def test_a_forward_needs_its_source_and_its_target():
    method = requirements()["/plexus.messaging.v1.MessagingService/ForwardMessages"]
    request = messaging_service_pb2.ForwardMessagesRequest(
        conversation_id="cnv_1", to_conversation_id="cnv_2"
    )

    assert needs_of(method)(request) == [("messages.send", ELSEWHERE), ("messages.read", ROOM)]


def test_gw_03_what_was_granted_before_is_decided_anew_after_every_change(company):
    decisions = company.decisions
    for _ in range(2):
        decisions.check(asker(app=True), "messages.send", ROOM)

    company.policy(TENANT, "apps", FORBID_ROOM)
    with pytest.raises(PolicyForbids):
        decisions.check(asker(app=True), "messages.send", ROOM)

    company.policy(TENANT, "apps", FORBID_ROOM, removed=True)
    decisions.check(asker(app=True), "messages.send", ROOM)
    company.person(TENANT, "per_ann", roles=["nobody"])
    with pytest.raises(PermissionMissing):
        decisions.check(asker(app=True), "messages.send", ROOM)


def test_gw_03_a_role_with_an_end_is_asked_for_each_time():
    clock = FrozenClock(datetime(2036, 1, 1, tzinfo=UTC))
    company = Company(clock)
    company.person(TENANT, "per_ann")
    company.role(
        TENANT, "steward", "messages.import", to="per_ann", until=clock.now() + timedelta(hours=1)
    )
    company.decisions.check(asker(), "messages.import")

    clock.advance(timedelta(hours=2))

    with pytest.raises(PermissionMissing):
        company.decisions.check(asker(), "messages.import")


@pytest.mark.rule("GW-5")
def test_gw_05_no_binding_reaches_a_guest(company):
    company.person(TENANT, "per_bob", roles=("guest",), kind=people_pb2.Person.KIND_GUEST)
    company.role(TENANT, "steward", "audit.read", to="per_bob")
    guest = asker("per_bob", roles=frozenset({"guest"}))

    with pytest.raises(PermissionMissing):
        company.decisions.check(guest, "audit.read")

    company.person(TENANT, "per_bob", roles=("member",))
    company.decisions.check(asker("per_bob"), "audit.read")
