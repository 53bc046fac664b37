"""Facts of the owners become the state that decisions are made from."""

from datetime import UTC, datetime

import pytest
from google.protobuf.message import DecodeError
from plexus.authz.v1.authority_pb2 import Relation
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import conversations_pb2
from plexus.messaging.v1 import events_pb2 as messaging_pb2
from plexus.tasks.v1 import events_pb2 as tasks_events_pb2
from plexus.tasks.v1 import tasks_pb2
from plexus.topics import GATEWAY_RELATIONS, MESSAGING_CONVERSATION_V1, TOPICS
from plexus_access.facts import applies, apply
from plexus_access.objects import Object
from plexus_access.relations import Gathering
from plexus_access.state import State

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ROOM = Object("conversation", "c1")


def envelope(fact, scope=""):
    return Envelope(
        type=fact.DESCRIPTOR.full_name, fact=fact.SerializeToString(), scope=scope, tenant_id="t"
    )


def member(person_id, *, active=True):
    return conversations_pb2.Member(person_id=person_id, active=active)


def test_msg_04_people_apply_by_version_and_end_by_deactivation():
    state = State("t")
    person = people_pb2.Person(
        id="ann",
        version=2,
        state=people_pb2.Person.STATE_ACTIVE,
        kind=people_pb2.Person.KIND_GUEST,
        roles=["guest"],
        guest_expires_at=NOW,
    )
    assert apply(state, envelope(events_pb2.PersonAdded(person=person)))
    assert not apply(state, envelope(events_pb2.PersonChanged(person=person)))
    known = state.people["ann"]
    assert (known.guest, known.roles, known.guest_until) == (True, {"guest"}, NOW)
    assert not known.may_act(NOW)
    person.version, person.state = 3, people_pb2.Person.STATE_DEACTIVATED
    assert apply(state, envelope(events_pb2.PersonDeactivated(person=person)))
    assert not state.people["ann"].active


def test_msg_14_members_come_and_go_in_steps():
    state = State("t")
    created = messaging_pb2.ConversationCreated(
        conversation=conversations_pb2.Conversation(id="c1", membership_version=1),
        members=[member("ann"), member("bob")],
    )
    assert apply(state, envelope(created, "c1"))
    added = messaging_pb2.MembersAdded(members=[member("chen")], membership_version=2)
    removed = messaging_pb2.MembersRemoved(
        members=[member("bob", active=False)], membership_version=3
    )
    assert apply(state, envelope(added, "c1"))
    assert apply(state, envelope(removed, "c1"))
    assert not apply(state, envelope(added, "c1"))
    assert state.members[ROOM].people == {"ann", "chen"}


def test_gw_03_bindings_and_groups_apply():
    state = State("t")
    group = events_pb2.GroupChanged(
        group=people_pb2.Group(id="g1", version=1), member_ids=["ann", "bob"]
    )
    assert apply(state, envelope(group))
    binding = access_pb2.RoleBinding(
        id="b1", version=1, role_id="admin", subject="group:g1#member", scope="department:d1"
    )
    assert apply(state, envelope(events_pb2.RoleBindingChanged(binding=binding)))
    assert state.groups_of("bob") == {"g1"}
    assert [str(each.scope) for each in state.bindings()] == ["department:d1"]


def test_tsk_08_a_task_is_of_its_project_or_of_who_takes_part():
    state = State("t")
    alone = tasks_pb2.Task(id="k1", version=1, creator_id="a", owner_id="b", assignee_ids=["c"])
    assert apply(state, envelope(tasks_events_pb2.TaskCreated(task=alone)))
    assert state.members[Object("task", "k1")].people == {"a", "b", "c"}
    project = tasks_pb2.Project(id="j1", version=1, member_ids=["d"])
    assert apply(state, envelope(tasks_events_pb2.ProjectCreated(project=project)))
    alone.version, alone.project_id = 2, "j1"
    assert apply(state, envelope(tasks_events_pb2.TaskChanged(task=alone)))
    assert [state.belongs(who, Object("task", "k1")) for who in "abcd"] == [False] * 3 + [True]


def test_every_fact_of_a_relation_says_something_and_no_message_does():
    posted = envelope(messaging_pb2.MessagePosted())
    assert not applies(posted)
    assert not apply(State("t"), posted)
    told = {
        name.rpartition(".")[2]: applies(Envelope(type=name))
        for topic in TOPICS
        if topic.name in {MESSAGING_CONVERSATION_V1.name, *GATEWAY_RELATIONS.topics}
        for name in topic.facts
    }
    silent = {name for name, applied in told.items() if not applied}
    assert silent == {
        "ChainBegun",
        "ConversationArchived",
        "ConversationChanged",
        "FeedStopped",
        "MessageEdited",
        "MessageLabeled",
        "MessagePinned",
        "MessagePosted",
        "MessageReacted",
        "MessageRecalled",
        "SessionRevoked",
    }


def test_a_fact_that_cannot_be_read_is_an_error_and_no_guess():
    with pytest.raises(DecodeError):
        apply(State("t"), Envelope(type="plexus.directory.v1.PersonAdded", fact=b"\xff"))
    binding = access_pb2.RoleBinding(id="b", version=1, subject="robot:1", scope="tenant:t")
    with pytest.raises(ValueError, match="robot"):
        apply(State("t"), envelope(events_pb2.RoleBindingChanged(binding=binding)))


def test_a_snapshot_whose_frames_divide_an_object_is_put_together():
    state, gathered = State("t"), Gathering()
    one = {"tenant_id": "t", "object": "conversation:c1", "relation": "member"}
    gathered.add([Relation(**one, subject="person:ann", version=3)])
    gathered.add([Relation(**one, subjects=["person:bob", "person:chen"], version=7)])
    gathered.add([Relation(tenant_id="t", object="task:k1", subject="project:j1", version=1)])
    gathered.add([Relation(tenant_id="other", object="task:k1", subject="person:x", version=9)])
    state.replace_members(frozenset({"conversation", "task"}), gathered.members("t"))
    assert state.members[ROOM].people == {"ann", "bob", "chen"}
    assert state.members[ROOM].version == 7
    assert state.members[Object("task", "k1")].project == "j1"


def test_what_is_in_doubt_is_asked_for_until_it_is_known_again():
    state, gathered = State("t"), Gathering()
    state.change_members(ROOM, version=2, joined=["ann"], left=())
    assert state.is_stale(ROOM)
    gathered.add([Relation(tenant_id="t", object=str(ROOM), subjects=["person:ann"], version=1)])
    state.replace_members(frozenset({"conversation"}), gathered.members("t"))
    assert state.is_stale(ROOM)
    gathered.add([Relation(tenant_id="t", object=str(ROOM), subjects=["person:ann"], version=2)])
    state.replace_members(frozenset({"conversation"}), gathered.members("t"))
    assert not state.is_stale(ROOM)
