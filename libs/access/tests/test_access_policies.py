"""Attribute policies refuse, never grant, and fail closed: GW-3."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from plexus_access.engine import Ask, Engine, Reason
from plexus_access.objects import Object
from plexus_access.policies import PolicyInvalid, check
from plexus_access.records import Department, Group, Members, Person, Policy
from plexus_access.roles import PERMISSIONS
from plexus_access.state import State

MONDAY_10 = datetime(2026, 3, 2, 2, tzinfo=UTC)  # 10:00 in Shanghai
NIGHT = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 23:00 in Shanghai
ROOM = Object("conversation", "c1")


@pytest.fixture
def engine():
    state = State("t")
    state.put_department(Department(id="d1", version=1, path=("d1",)))
    state.put_department(Department(id="d2", version=1, path=("d1", "d2")))
    for id_, kind in (("ann", "human"), ("gus", "guest")):
        state.put_person(
            Person(
                id=id_,
                version=1,
                active=True,
                kind=kind,
                roles=frozenset({"member"}),
                departments=("d2",) if kind == "human" else (),
                time_zone="Asia/Shanghai",
            )
        )
    state.put_members(Members(object=ROOM, version=1, people=frozenset({"ann", "gus"})))
    return Engine(state)


def send(engine, who, *, now=MONDAY_10, **fields):
    return engine.decide(
        Ask(person_id=who, permission="messages.send", object=ROOM, **fields), now=now
    )


def put(engine, cedar, *, version=1, **fields):
    engine.state.put_policy(
        Policy(id="pol_1", version=version, name="no guests", cedar=cedar, **fields)
    )


def test_gw_03_a_policy_refuses_by_attributes_and_is_named(engine):
    put(engine, "forbid(principal, action, resource) when { principal.guest };")
    assert send(engine, "ann").allowed
    refused = send(engine, "gus")
    assert (refused.allowed, refused.reason, refused.rule) == (
        False,
        Reason.POLICY,
        "policy:no guests",
    )


def test_gw_03_departments_above_and_the_hour_where_the_person_is_can_be_asked(engine):
    put(
        engine,
        'forbid(principal, action == Plexus::Action::"messages.send", resource)'
        ' when { principal.departments.contains("d1") && context.minute >= 1320 };',
    )
    assert send(engine, "ann").allowed
    assert not send(engine, "ann", now=NIGHT).allowed
    assert send(engine, "gus", now=NIGHT).allowed


def test_gw_03_a_policy_sees_a_person_as_they_are_now(engine):
    put(
        engine,
        "forbid(principal, action, resource) when {"
        ' principal.groups.contains("g1") || principal.departments.contains("d9")'
        ' || principal.title == "Intern" };',
    )
    state = engine.state
    before = state.people["ann"]
    assert send(engine, "ann").allowed
    for version, members, allowed in ((1, {"ann"}, False), (2, set(), True)):
        state.put_group(Group(id="g1", version=version, members=frozenset(members)))
        assert send(engine, "ann").allowed is allowed
    for version, path, allowed in ((2, ("d9", "d2"), False), (3, ("d1", "d2"), True)):
        state.put_department(Department(id="d2", version=version, path=path))
        assert send(engine, "ann").allowed is allowed
    for version, title, allowed in ((2, "Intern", False), (3, "Engineer", True)):
        state.put_person(replace(before, version=version, title=title))
        assert send(engine, "ann").allowed is allowed


def test_gw_03_how_somebody_signed_in_can_be_asked(engine):
    put(
        engine,
        "forbid(principal, action, resource) when { context.app || !context.second_factor };",
    )
    assert not send(engine, "ann").allowed
    assert send(engine, "ann", second_factor=True).allowed
    assert not send(engine, "ann", second_factor=True, app=True).allowed


def test_gw_01_nobody_gains_by_a_policy(engine):
    with pytest.raises(PolicyInvalid, match="permits"):
        check("permit(principal, action, resource);", permissions=PERMISSIONS)
    put(engine, "forbid(principal, action, resource) when { principal.guest };")
    other = Ask(person_id="ann", permission="messages.send", object=Object("conversation", "c2"))
    assert engine.decide(other, now=MONDAY_10).reason is Reason.REACH
    admin = Ask(person_id="ann", permission="people.manage")
    assert engine.decide(admin, now=MONDAY_10).reason is Reason.ROLE


def test_gw_01_a_policy_that_cannot_be_read_refuses_everything(engine):
    put(engine, "forbid(principal, action")
    refused = send(engine, "ann")
    assert (refused.allowed, refused.rule) == (False, "policy:no guests")


def test_gw_01_a_policy_that_fails_while_it_is_evaluated_refuses(engine):
    put(
        engine,
        'forbid(principal, action == Plexus::Action::"messages.send", resource)'
        " when { principal.salary > 3 };",
    )
    refused = send(engine, "ann")
    assert (refused.allowed, refused.reason) == (False, Reason.POLICY)


def test_gw_03_whoever_may_repair_policies_is_refused_by_none(engine):
    engine.state.put_person(
        Person(id="adm", version=1, active=True, kind="human", roles=frozenset({"admin"}))
    )
    put(engine, "forbid(principal, action, resource);")
    for permission in ("policies.manage", "policies.read"):
        assert engine.decide(Ask(person_id="adm", permission=permission), now=NIGHT).allowed
    for permission in ("roles.manage", "people.read"):
        assert not engine.decide(Ask(person_id="adm", permission=permission), now=NIGHT).allowed
    put(engine, "forbid(", version=2)
    assert engine.decide(Ask(person_id="adm", permission="policies.manage"), now=NIGHT).allowed


@pytest.mark.parametrize("fields", [{"removed": True}, {"enabled": False}])
def test_gw_03_what_was_removed_or_switched_off_refuses_nobody(engine, fields):
    cedar = "forbid(principal, action, resource);"
    put(engine, cedar)
    assert not send(engine, "ann").allowed
    put(engine, cedar, version=2, **fields)
    assert send(engine, "ann").allowed
    put(engine, cedar, version=1)
    assert send(engine, "ann").allowed


@pytest.mark.parametrize(
    ("cedar", "problem"),
    [
        ("", "no policy"),
        ("forbid(principal, action", "unexpected"),
        ("permit(principal, action, resource);", "permits"),
        ("forbid(principal, action, resource) when { principal.salary > 3 };", "salary"),
        ('forbid(principal, action == Plexus::Action::"tasks.fly", resource);', "tasks.fly"),
        ("forbid(principal == ?principal, action, resource);", "template"),
        ('forbid(principal == Other::"x", action, resource);', "Other"),
    ],
)
def test_gw_03_a_useless_policy_is_refused_with_the_reason(cedar, problem):
    with pytest.raises(PolicyInvalid, match=problem):
        check(cedar, permissions=PERMISSIONS)


def test_gw_03_only_permissions_that_a_policy_is_about_cost_a_question(engine):
    put(
        engine,
        "forbid(principal, action in"
        ' [Plexus::Action::"tasks.read", Plexus::Action::"tasks.create"], resource);',
    )
    concern = engine.state.policies.concern
    assert [concern(each) for each in ("tasks.read", "tasks.create", "messages.send")] == [
        True,
        True,
        False,
    ]


ABOUT_ONE = [
    "resource.id == 'c1'",
    "resource.id like 'c1*'",
    "resource['id'] == 'c1'",
    "{'of': resource.id}.of == 'c1'",
    "resource == Plexus::Object::'conversation:c1'",
    "[Plexus::Object::'conversation:c1'].contains(resource)",
    "resource in Plexus::Object::'conversation:c1'",
]


@pytest.mark.parametrize("condition", ABOUT_ONE)
def test_gw_03_a_policy_about_one_object_leaves_others_of_its_kind_alone(engine, condition):
    other = Object("conversation", "c2")
    engine.state.put_members(Members(object=other, version=1, people=frozenset({"ann"})))
    condition = condition.replace("'", '"')
    put(engine, f"forbid(principal, action, resource) when {{ {condition} }};")

    for _ in range(2):
        assert not send(engine, "ann").allowed
        ask = Ask(person_id="ann", permission="messages.send", object=other)
        assert engine.decide(ask, now=MONDAY_10).allowed


def test_gw_03_a_verdict_ends_with_the_policy_the_hour_and_the_attributes_it_came_from(engine):
    cedar = "forbid(principal, action, resource) when { %s };"
    put(engine, cedar % "principal.guest && context.minute < 1320")
    assert not send(engine, "gus").allowed
    assert not send(engine, "gus", app=True).allowed
    assert send(engine, "gus", now=NIGHT).allowed

    put(engine, cedar % "principal.guest && context.app", version=2)
    assert send(engine, "gus").allowed
    assert not send(engine, "gus", app=True).allowed

    gus = engine.state.people["gus"]
    engine.state.put_person(replace(gus, version=2, kind="human"))
    assert send(engine, "gus", app=True).allowed


def test_gw_03_a_verdict_depends_on_the_departments_of_the_object(engine):
    bob = Person(id="bob", version=1, active=True, kind="human", departments=("d1",))
    engine.state.put_person(bob)
    put(
        engine,
        "forbid(principal, action, resource)"
        ' when { resource.kind == "person" && resource.departments.contains("d2") };',
    )

    def reads(person):
        ask = Ask(person_id="gus", permission="people.read", object=Object("person", person))
        return engine.decide(ask, now=MONDAY_10)

    assert reads("ann").reason is Reason.POLICY
    assert reads("bob").reason is not Reason.POLICY
    engine.state.put_person(replace(bob, version=2, departments=("d2",)))
    assert reads("bob").reason is Reason.POLICY
