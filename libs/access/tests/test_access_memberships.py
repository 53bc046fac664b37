"""Snapshots and facts in any order end in the same state (MSG-4, MSG-14)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.memberships import Memberships
from plexus_access.objects import Object
from plexus_access.records import Members
from plexus_access.replica import Replica
from plexus_access.roles import BUILT_IN

ROOM, TASK = Object("conversation", "cnv_1"), Object("task", "tsk_1")
ROOMS, TASKS = frozenset({"conversation"}), frozenset({"task", "project"})
PEOPLE = ("ann", "bob", "cem")


def members(object_: Object, version: int, *people: str) -> Members:
    return Members(object=object_, version=version, people=frozenset(people))


def test_an_older_snapshot_does_not_bring_back_who_was_removed() -> None:
    known = Memberships()
    known.put(members(TASK, 4, "ann", "bob"))
    known.begin(TASKS)
    known.put(members(TASK, 5, "ann"))

    # It was read before bob was removed, and arrives after the fact of it.
    known.settle(TASKS, [members(TASK, 4, "ann", "bob")])

    assert known.members[TASK] == members(TASK, 5, "ann")


def test_what_was_known_before_a_load_and_is_newer_stays() -> None:
    known = Memberships()
    known.put(members(TASK, 5, "ann"))
    known.begin(TASKS)
    known.settle(TASKS, [members(TASK, 4, "ann", "bob")])
    assert known.members[TASK].version == 5


def test_what_a_snapshot_does_not_name_is_gone_unless_a_fact_came_meanwhile() -> None:
    known, new = Memberships(), Object("task", "tsk_new")
    known.put(members(TASK, 3, "ann"))
    known.begin(TASKS)
    known.put(members(new, 1, "bob"))
    known.settle(TASKS, [])
    assert set(known.members) == {new}


def test_a_missing_change_is_not_made_good_by_a_snapshot_from_before_it() -> None:
    known = Memberships()
    known.change(ROOM, version=2, joined=["ann"], left=[], begins=True)
    known.begin(ROOMS)
    known.mark_stale(ROOM)
    known.settle(ROOMS, [members(ROOM, 2, "ann")])
    assert ROOM in known.stale

    known.begin(ROOMS)
    known.settle(ROOMS, [members(ROOM, 4, "ann", "bob")])
    assert not known.stale


def test_an_owners_answer_about_one_object_outlives_an_older_snapshot_on_its_way() -> None:
    known = Memberships()
    known.change(ROOM, version=2, joined=["ann"], left=[], begins=True)
    known.begin(ROOMS)
    # Number 3, which added bob, was missed.
    known.change(ROOM, version=4, joined=["cem"], left=[])
    known.mark_stale(ROOM)
    known.restore(members(ROOM, 4, "ann", "bob", "cem"))
    known.settle(ROOMS, [members(ROOM, 2, "ann")])
    assert known.members[ROOM] == members(ROOM, 4, "ann", "bob", "cem")
    assert not known.stale


MOVES = st.sampled_from(["write", "tell", "repeat", "ask", "answer"])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, frozenset[str]]]:
    """Return the changes of one conversation: people who joined or left."""
    inside: set[str] = set()
    steps: list[tuple[str, frozenset[str]]] = []
    for _ in range(draw(st.integers(1, 12))):
        outside = sorted(set(PEOPLE) - inside)
        come = bool(outside) and (not inside or draw(st.booleans()))
        who = draw(st.sampled_from(outside if come else sorted(inside)))
        inside ^= {who}
        steps.append(("join" if come else "leave", frozenset({who})))
    return steps


def truth(steps: list[tuple[str, frozenset[str]]], version: int) -> frozenset[str]:
    inside: frozenset[str] = frozenset()
    for kind, who in steps[:version]:
        inside = inside | who if kind == "join" else inside - who
    return inside


@pytest.mark.rule("MSG-14")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=histories(), data=st.data())
def test_msg_14_snapshots_and_changes_in_any_order_end_as_the_owner_has_it(
    steps: list[tuple[str, frozenset[str]]], data: st.DataObject
) -> None:
    """Changes come in order and repeatedly; a snapshot is read while members come and go."""
    known, applied, written = Memberships(), 0, 0

    def apply(version: int) -> None:
        kind, who = steps[version - 1]
        known.change(
            ROOM,
            version=version,
            joined=who if kind == "join" else (),
            left=who if kind == "leave" else (),
            begins=version == 1,
        )

    loading: Members | None = None
    for move in data.draw(st.lists(MOVES, max_size=40)):
        if move == "write" or (move == "tell" and applied == written):
            written = min(written + 1, len(steps))
        elif move == "tell":
            applied += 1
            apply(applied)
        elif move == "repeat" and applied:
            apply(data.draw(st.integers(1, applied)))
        elif move == "ask" and loading is None and written:
            known.begin(ROOMS)
            # The version is read first, each member somewhat later: a mix of states, which may be
            # older than the facts received already.
            read = data.draw(st.integers(1, written))
            later = min(written + data.draw(st.integers(0, 2)), len(steps))
            people = {
                each for each in PEOPLE if each in truth(steps, data.draw(st.integers(read, later)))
            }
            loading, written = members(ROOM, read, *people), later
        elif move == "answer" and loading is not None:
            known.settle(ROOMS, [loading])
            loading = None

    if loading is not None:
        known.settle(ROOMS, [loading])
    for version in range(applied + 1, len(steps) + 1):
        apply(version)
    assert known.members[ROOM].people == truth(steps, len(steps))
    assert known.members[ROOM].version == len(steps)


def fact(kind: str, id_: str, version: int) -> Envelope:
    """Return a fact of directory whose content includes its version."""
    told: events_pb2.PersonChanged | events_pb2.RoleChanged | events_pb2.RoleBindingChanged
    if kind == "person":
        roles = sorted(BUILT_IN)[: version % 3]
        told = events_pb2.PersonChanged(
            person=people_pb2.Person(id=id_, version=version, roles=roles)
        )
    elif kind == "role":
        permissions = ["messages.read", "tasks.read"][: version % 3]
        told = events_pb2.RoleChanged(
            role=access_pb2.Role(id=id_, name=id_, version=version, permissions=permissions)
        )
    else:
        told = events_pb2.RoleBindingChanged(
            binding=access_pb2.RoleBinding(
                id=id_,
                version=version,
                role_id="rol_1",
                subject=f"person:{version % 2}",
                scope="tenant:ten_a",
                removed=version % 4 == 3,
            )
        )
    return Envelope(
        tenant_id="ten_a",
        entity_id=id_,
        entity_version=version,
        type=told.DESCRIPTOR.full_name,
        fact=told.SerializeToString(),
    )


ENTITIES = (("person", "1"), ("role", "rol_1"), ("binding", "rbd_1"))


def shown(replica: Replica) -> object:
    engine = replica.engine("ten_a")
    assert engine is not None
    state = engine.state
    return state.people, state.roles, sorted(state.bindings(), key=lambda each: each.id)


@pytest.mark.rule("GW-3")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_gw_03_snapshots_and_facts_of_directory_in_any_order_end_in_its_state(
    data: st.DataObject,
) -> None:
    replica, versions = Replica(), dict.fromkeys(ENTITIES, 1)
    replica.take([fact(*entity, 1) for entity in ENTITIES])
    asked: list[Envelope] | None = None
    pending: list[Envelope] = []
    for _ in range(data.draw(st.integers(0, 30))):
        move = data.draw(st.sampled_from(["change", "tell", "ask", "answer"]))
        if move == "change":
            entity = data.draw(st.sampled_from(ENTITIES))
            versions[entity] += 1
            pending.append(fact(*entity, versions[entity]))
        elif move == "tell" and pending:
            replica.take([pending.pop(data.draw(st.integers(0, len(pending) - 1)))])
        elif move == "ask" and asked is None:
            replica.begin()
            # Read from a replica of the database that is behind, or not.
            asked = [
                fact(*entity, data.draw(st.integers(1, version)))
                for entity, version in versions.items()
            ]
        elif move == "answer" and asked is not None:
            replica.load(asked)
            replica.swap()
            asked = None
    if asked is not None:
        replica.load(asked)
        replica.swap()
    replica.take(pending)

    once = Replica()
    once.take([fact(*entity, version) for entity, version in versions.items()])
    assert shown(replica) == shown(once)
