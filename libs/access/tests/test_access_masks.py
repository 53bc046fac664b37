"""Columns that roles show: GW-3."""

from datetime import UTC, datetime, timedelta

import pytest
from plexus_access.engine import Ask, Engine
from plexus_access.masks import NONE, Masks, union
from plexus_access.objects import Object, Subject
from plexus_access.records import Binding, Department, Person, Role
from plexus_access.state import State

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
PERSON = "plexus.directory.v1.Person"
TENANT = Object("tenant", "t")


@pytest.fixture
def state():
    state = State("t")
    state.put_department(Department(id="d1", version=1, path=("d1",)))
    for id_, departments in (("ann", ()), ("bob", ("d1",)), ("eve", ())):
        state.put_person(
            Person(
                id=id_,
                version=1,
                active=True,
                kind="human",
                roles=frozenset({"member"}),
                departments=departments,
            )
        )
    return state


def role(id_, *fields, version=1):
    shown = Masks({PERSON: frozenset(fields)}) if fields else NONE
    return Role(
        id=id_, version=version, name=id_, permissions=frozenset({"people.read"}), masks=shown
    )


def bind(state, role_id, scope=TENANT, **fields):
    state.put_binding(
        Binding(
            id=f"b-{role_id}",
            version=1,
            role=role_id,
            subject=Subject("person", "ann"),
            scope=scope,
            **fields,
        )
    )


def shown(state, who="ann", object_=None, now=NOW):
    masks = Engine(state).masks(
        Ask(person_id=who, permission="people.read", object=object_), now=now
    )
    return dict(masks.items()).get(PERSON)


def test_gw_03_without_masks_everything_is_shown(state):
    assert shown(state) is None


def test_gw_03_a_built_in_role_can_be_given_columns(state):
    state.put_role(role("member", "id", "display_name"))
    assert shown(state) == {"id", "display_name"}


def test_gw_03_who_holds_another_role_sees_what_any_of_them_shows(state):
    state.put_role(role("member", "id"))
    state.put_role(role("finance", "id", "cost_center"))
    bind(state, "finance")
    assert shown(state) == {"id", "cost_center"}
    assert shown(state, "eve") == {"id"}
    state.put_role(role("hr"))
    bind(state, "hr")
    assert shown(state) is None


def test_gw_03_what_a_role_shows_ends_with_it(state):
    state.put_role(role("member", "id"))
    state.put_role(role("hr"))
    bind(state, "hr", expires_at=NOW + timedelta(minutes=1))
    assert shown(state) is None
    assert shown(state, now=NOW + timedelta(minutes=1)) == {"id"}


def test_gw_03_a_role_for_a_department_shows_more_of_its_people_only(state):
    state.put_role(role("member", "id"))
    state.put_role(role("hr"))
    bind(state, "hr", Object("department", "d1"))
    assert shown(state, object_=Object("person", "bob")) is None
    assert shown(state, object_=Object("person", "eve")) == {"id"}
    assert shown(state) == {"id"}


def test_gw_03_a_message_that_one_of_the_roles_shows_whole_is_shown_whole():
    first = Masks({"A": frozenset({"x"}), "B": frozenset({"y"})})
    second = Masks({"A": frozenset({"z"})})
    assert dict(union([first, second]).items()) == {"A": {"x", "z"}}
    assert union([first, NONE]) == NONE
    assert union([]) == NONE
