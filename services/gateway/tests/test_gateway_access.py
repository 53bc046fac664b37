"""Decisions of a gateway on its projection, and those it leaves to owners: GW-1 to 3."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from gateway.access import ModuleOff, PermissionMissing, PolicyForbids
from gateway.access.refusals import ConversationNotFound, Hidden
from gateway.config import LimitsSection
from gateway.identity import Identity, SessionEnded
from gateway.limits import RateLimited
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1.authority_pb2 import Relation
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.objects import Object
from plexus_access.relations import Gathering

NOW = datetime.now(UTC)
CONFIRMED_AT_ONCE = LimitsSection().doubt.burst
TENANT, ROOM = "ten_acme", Object("conversation", "con_1")


def identity(*, age=timedelta(), **fields):
    said = {
        "tenant_id": TENANT,
        "person_id": "per_ann",
        "session_id": "ses_ann",
        "roles": frozenset({"member"}),
        "expires_at": NOW + timedelta(minutes=15),
        "token_id": "jti_1",
        "as_of": NOW - age,
    }
    return Identity(**said | fields)


def envelope(fact, *, entity_id="", at=NOW):
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return Envelope(
        tenant_id=TENANT,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
        entity_id=entity_id,
        occurred_at=stamp,
    )


def person(*, version=1, roles=("member",), active=True, at=NOW, **fields):
    states = people_pb2.Person
    told = people_pb2.Person(
        id="per_ann",
        version=version,
        roles=roles,
        kind=people_pb2.Person.KIND_HUMAN,
        state=states.STATE_ACTIVE if active else states.STATE_DEACTIVATED,
        **fields,
    )
    return envelope(events_pb2.PersonChanged(person=told), entity_id="per_ann", at=at)


def load(standing, *people):
    """Load a room in which those people are, and nothing else."""
    gathered = Gathering()
    subjects = [f"person:{each}" for each in people]
    gathered.add(
        [
            Relation(
                tenant_id=TENANT,
                object=str(ROOM),
                relation="member",
                subjects=subjects,
                version=1,
            )
        ]
    )
    standing.projection.swap_members(frozenset({"conversation"}), gathered)


def test_gw_03_a_role_that_was_taken_away_counts_no_more_whatever_the_token_says(standing):
    admin = identity(age=timedelta(minutes=5), roles=frozenset({"admin"}))
    assert standing.access.decide(admin, "people.manage").rule == "token"
    standing.projection.take([person(roles=("member",))])
    with pytest.raises(PermissionMissing):
        standing.access.decide(admin, "people.manage")
    assert standing.access.current(admin).roles == {"member"}


def test_gw_03_a_role_that_was_given_counts_at_once_and_its_owner_sees_it(standing):
    member = identity(age=timedelta(minutes=5))
    standing.projection.take([person(roles=("admin",))])
    assert standing.access.decide(member, "people.manage").rule == f"role:admin@tenant:{TENANT}"
    current = standing.access.current(member)
    assert current.roles == {"admin"}
    assert current.token_id != member.token_id
    assert standing.access.current(member) is current


def test_gw_03_a_token_newer_than_what_is_known_is_believed(standing):
    standing.projection.take([person(at=NOW - timedelta(minutes=1))])
    promoted = identity(roles=frozenset({"admin"}))
    assert standing.access.decide(promoted, "people.manage").rule == "token"
    assert standing.access.current(promoted) is promoted


def test_gw_03_a_role_of_the_tenants_own_is_told_to_the_owners(standing):
    role = access_pb2.Role(id="rol_1", version=1, name="x", permissions=["messages.configure"])
    binding = access_pb2.RoleBinding(
        id="rob_1", version=1, role_id="rol_1", subject="person:per_ann", scope=f"tenant:{TENANT}"
    )
    standing.projection.take(
        [
            person(),
            envelope(events_pb2.RoleChanged(role=role)),
            envelope(events_pb2.RoleBindingChanged(binding=binding)),
        ]
    )
    assert standing.access.decide(identity(), "messages.configure").rule.startswith("role:rol_1@")
    assert standing.access.current(identity()).extra == {"messages.configure"}
    binding.version, binding.removed = 2, True
    standing.projection.take([envelope(events_pb2.RoleBindingChanged(binding=binding))])
    assert not standing.access.current(identity()).extra
    with pytest.raises(PermissionMissing):
        standing.access.decide(identity(), "messages.configure")


def test_gw_01_an_app_never_has_more_than_its_scopes(standing):
    app = identity(
        roles=frozenset({"admin"}), scopes=frozenset({"tasks.read"}), api_token_id="tok_1"
    )
    for known in ([], [person(roles=("admin",))]):
        standing.projection.take(known)
        with pytest.raises(PermissionMissing):
            standing.access.decide(app, "people.manage")
        standing.access.decide(app, "tasks.read")


def test_gw_04_who_was_deactivated_may_nothing(standing):
    standing.projection.take([person(active=False)])
    with pytest.raises(SessionEnded):
        standing.access.decide(identity(age=timedelta(minutes=1)), "messages.read")


def test_gw_05_a_guests_time_ends_without_an_event(standing):
    until = Timestamp()
    until.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))
    standing.projection.take([person(roles=("guest",), guest_expires_at=until)])
    with pytest.raises(SessionEnded):
        standing.access.decide(identity(age=timedelta(minutes=1)), "messages.read")


def test_a_module_that_is_off_is_named(standing):
    module = access_pb2.Module(name="tasks", version=1, enabled=False)
    standing.projection.take([person(), envelope(events_pb2.ModuleChanged(module=module))])
    with pytest.raises(ModuleOff) as refused:
        standing.access.decide(identity(), "tasks.read")
    assert refused.value.metadata == {"module": "tasks"}
    standing.access.decide(identity(), "messages.read")


def test_gw_03_a_policy_that_forbids_is_named_and_comes_after_membership(standing):
    policy = access_pb2.AccessPolicy(
        id="pol_1",
        version=1,
        name="quiet",
        enabled=True,
        cedar='forbid(principal, action == Plexus::Action::"messages.send", resource);',
    )
    standing.projection.take([person(), envelope(events_pb2.AccessPolicyChanged(policy=policy))])
    load(standing, "per_ann")
    with pytest.raises(PolicyForbids) as refused:
        standing.access.decide(identity(), "messages.send", ROOM)
    assert refused.value.metadata == {"policy": "quiet"}
    # Policies are not revealed to people outside it: to them it is absent.
    load(standing, "per_bob")
    assert standing.access.decide(identity(), "messages.send", ROOM).confirm


async def test_gw_02_what_the_copy_refuses_its_owner_may_allow(standing):
    standing.projection.take([person()])
    load(standing, "per_bob")
    verdict = standing.access.decide(identity(), "messages.send", ROOM)
    assert verdict.confirm
    with pytest.raises(ConversationNotFound) as refused:
        await standing.access.confirm(identity(), ROOM)
    assert refused.value.metadata == {"conversation_id": "con_1"}
    assert standing.asked == [("per_ann", str(ROOM))]
    standing.readable.add(("per_ann", str(ROOM)))
    await standing.access.confirm(identity(), ROOM)


async def test_gw_02_hidden_and_absent_are_refused_alike_and_ask_the_same(standing):
    standing.projection.take([person()])
    load(standing, "per_bob")
    told = []
    for object_ in (ROOM, Object("conversation", "con_9")):
        with pytest.raises(Hidden) as refused:
            await standing.access.confirm(identity(), object_)
        told.append((refused.value.reason, refused.value.text, list(refused.value.metadata)))
    assert told[0] == told[1]
    assert [kind.split(":")[0] for _, kind in standing.asked] == ["conversation"] * 2


async def until_limited(standing, object_):
    for _ in range(10):
        with contextlib.suppress(Hidden):
            await standing.access.confirm(identity(), object_)


async def test_gw_02_guessing_is_bounded_and_then_costs_the_owner_nothing(standing):
    standing.projection.take([person()])
    load(standing, "per_bob")
    for number in range(CONFIRMED_AT_ONCE):
        with pytest.raises(Hidden):
            await standing.access.confirm(identity(), Object("conversation", f"con_{number}"))
    told = []
    for object_ in (ROOM, Object("conversation", "con_9")):
        with pytest.raises(RateLimited) as refused:
            await until_limited(standing, object_)
        assert refused.value.retry_after
        told.append(refused.value.metadata)
    assert told[0] == told[1]


async def test_gw_01_while_changes_do_not_come_owners_decide_alone(standing):
    standing.projection.take([person()])
    load(standing, "per_bob")
    standing.projection.forget(frozenset({"conversation"}))
    for _ in range(CONFIRMED_AT_ONCE * 2):
        await standing.access.confirm(identity(), ROOM)
    assert not standing.asked


def test_msg_14_somebody_of_whom_only_the_token_is_known_is_found_among_members(standing):
    load(standing, "per_ann")
    assert not standing.access.decide(identity(), "messages.send", ROOM).confirm
    other = Object("conversation", "con_2")
    assert standing.access.decide(identity(), "messages.send", other).confirm


async def test_gw_01_before_an_owner_has_told_its_members_it_decides_alone(standing):
    standing.projection.take([person()])
    assert standing.access.decide(identity(), "messages.send", ROOM).confirm
    await standing.access.confirm(identity(), ROOM)
    assert not standing.asked


def test_msg_14_steps_during_a_load_are_applied_after_it(standing):
    standing.projection.take([person()])
    standing.projection.begin_members(frozenset({"conversation"}))
    standing.projection.step((TENANT, ROOM, 2, ["per_ann"], [], False))
    load(standing, "per_bob")
    state = standing.projection.engine(TENANT).state
    assert state.members[ROOM].people == {"per_ann", "per_bob"}
    assert not standing.access.decide(identity(), "messages.send", ROOM).confirm


def test_gw_03_what_directory_no_longer_tells_of_is_gone_after_a_snapshot(standing):
    binding = access_pb2.RoleBinding(
        id="rob_1", version=1, role_id="admin", subject="person:per_ann", scope=f"tenant:{TENANT}"
    )
    standing.projection.take([person(), envelope(events_pb2.RoleBindingChanged(binding=binding))])
    load(standing, "per_ann")
    standing.access.decide(identity(), "people.manage")
    standing.projection.begin()
    standing.projection.load([person()])
    standing.access.decide(identity(), "people.manage")
    standing.projection.swap()
    with pytest.raises(PermissionMissing):
        standing.access.decide(identity(), "people.manage")
    # Memberships are another owner's, and stay.
    assert not standing.access.decide(identity(), "messages.send", ROOM).confirm


def test_a_fact_that_cannot_be_read_changes_nothing(standing):
    standing.projection.take([person()])
    broken = envelope(events_pb2.PersonChanged())
    broken.fact = b"\xff"
    standing.projection.take([broken])
    standing.access.decide(identity(), "messages.read")
