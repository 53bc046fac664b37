"""Explanations of decisions, and people who can see an object: the same engine, step by step."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from plexus_access.engine import WITH_MEMBERS, Ask, Decision, Engine, Grant, Reason
from plexus_access.modules import module_of
from plexus_access.objects import (
    CONVERSATION,
    DEPARTMENT,
    GROUP,
    PERSON,
    PROJECT,
    TASK,
    TENANT,
    Object,
    Subject,
)
from plexus_access.records import Person
from plexus_access.roles import BUILT_IN


class StepKind(enum.Enum):
    """Subject of a step."""

    PERSON = "person"
    MODULE = "module"
    ROLE = "role"
    RELATION = "relation"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision; `path` holds the tuples from the object to the person."""

    kind: StepKind
    passed: bool
    rule: str
    path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with the steps that led to it; the last one decided."""

    decision: Decision
    steps: tuple[Step, ...]

    @property
    def summary(self) -> str:
        """Summary of the step in one sentence."""
        return ("Allowed: " if self.decision.allowed else "Refused: ") + self.steps[-1].text


@dataclass(frozen=True, slots=True)
class Viewer:
    """Person who can see an object, with the rule and the tuples."""

    person_id: str
    rule: str
    path: tuple[str, ...]


READING = {
    CONVERSATION: "messages.read",
    PROJECT: "projects.read",
    TASK: "tasks.read",
    PERSON: "people.read",
    DEPARTMENT: "departments.read",
    GROUP: "groups.read",
}
"""The permission that seeing an object of a kind takes."""


def explain(engine: Engine, ask: Ask, *, now: datetime) -> Explanation:
    """Decide as the gateway does, and return the grounds.

    Args:
        engine: of the tenant.
        ask: the question.
        now: the time that it is asked for, aware; the state must be of that time.
    """
    decision = engine.decide(ask, now=now)
    return Explanation(decision, tuple(_steps(engine, ask, decision, now=now)))


def who_can_see(engine: Engine, object_: Object, *, now: datetime) -> list[Viewer]:
    """Find all people who may read an object, in order of their ids.

    Args:
        engine: engine of the tenant, with all people concerned in its state.
        object_: of a kind in READING; KeyError for another.
        now: time of the question, aware; the state must be of that time.
    """
    permission = READING[object_.kind]
    found = []
    for person_id in sorted(engine.state.people):
        ask = Ask(person_id=person_id, permission=permission, object=object_)
        decision = engine.decide(ask, now=now)
        if decision.allowed:
            person = engine.state.people[person_id]
            grant = _grant(engine, ask, person, now=now)
            path = _path_to(engine, person, object_) + _path_of_grant(engine, person, grant)
            found.append(Viewer(person_id, decision.rule, path))
    return found


def _steps(engine: Engine, ask: Ask, decision: Decision, *, now: datetime) -> Iterator[Step]:
    person = engine.state.people.get(ask.person_id)
    if person is None or decision.reason is Reason.PERSON:
        yield _person_refused(ask, person, now=now)
        return
    yield Step(StepKind.PERSON, True, "active", (), f"{ask.person_id} is active.")
    if decision.reason is Reason.SCOPES:
        text = f"The API token is limited to other permissions than {ask.permission}."
        yield Step(StepKind.ROLE, False, decision.rule, (), text)
        return
    module = module_of(ask.permission)
    if module:
        on = decision.reason is not Reason.MODULE
        text = f"The module {module} is switched {'on' if on else 'off'} for {ask.person_id}."
        yield Step(StepKind.MODULE, on, f"module:{module}", (), text)
        if not on:
            return
    yield from _granted(engine, ask, person, decision, now=now)


def _granted(
    engine: Engine, ask: Ask, person: Person, decision: Decision, *, now: datetime
) -> Iterator[Step]:
    if decision.reason is Reason.ROLE:
        held = engine.held(person).grants.get(ask.permission, ())
        scopes = ", ".join(str(each.scope) for each in held if each.holds(now))
        text = (
            f"{ask.permission} is held for {scopes} alone; this takes a role for the company."
            if scopes
            else f"No role of {ask.person_id} includes {ask.permission}."
        )
        yield Step(StepKind.ROLE, False, decision.rule, (), text)
        return
    object_ = ask.object
    related = object_ is not None and object_.kind in WITH_MEMBERS
    if related and object_ is not None:
        path = _path_to(engine, person, object_)
        text = f"{ask.person_id} {'belongs' if path else 'does not belong'} to {object_}."
        yield Step(StepKind.RELATION, bool(path), f"relation:{object_.kind}", path, text)
        if not path:
            return
    if decision.reason is Reason.REACH:
        held = engine.held(person).grants.get(ask.permission, ())
        scopes = ", ".join(str(each.scope) for each in held if each.holds(now))
        text = f"{ask.permission} is held for {scopes}, which does not contain {object_}."
        yield Step(StepKind.ROLE, False, decision.rule, (), text)
        return
    grant = _grant(engine, ask, person, now=now)
    path = _path_of_grant(engine, person, grant)
    text = f"{grant.role} includes {ask.permission} and is held for {grant.scope}."
    yield Step(StepKind.ROLE, True, grant.rule, path, text)
    if decision.reason is Reason.POLICY:
        name = decision.rule.partition(":")[2]
        yield Step(StepKind.POLICY, False, decision.rule, (), f"The policy {name!r} forbids it.")
    elif engine.state.policies.concern(ask.permission):
        yield Step(StepKind.POLICY, True, "policies", (), f"No policy forbids {ask.permission}.")


def _person_refused(ask: Ask, person: Person | None, *, now: datetime) -> Step:
    if person is None:
        text = f"{ask.person_id} is not known."
    elif person.active and not person.may_act(now):
        text = f"{ask.person_id} was a guest until {person.guest_until}."
    else:
        text = f"{ask.person_id} is deactivated."
    return Step(StepKind.PERSON, False, "person", (), text)


def _grant(engine: Engine, ask: Ask, person: Person, *, now: datetime) -> Grant:
    """Return the grant that decided: the first that holds and reaches the object."""
    return next(
        each
        for each in engine.held(person).grants[ask.permission]
        if each.holds(now) and (ask.object is None or engine.covers(each.scope, ask.object))
    )


def _path_to(engine: Engine, person: Person, object_: Object) -> tuple[str, ...]:
    """Return the tuples by which a person belongs to an object; none: they do not."""
    state = engine.state
    if object_.kind not in WITH_MEMBERS or not state.belongs(person.id, object_):
        return ()
    subject = f"{PERSON}:{person.id}"
    members = state.members[object_]
    if members.project:
        project = f"{PROJECT}:{members.project}"
        return (f"{object_}#project@{project}", f"{project}#member@{subject}")
    relation = "participant" if object_.kind == TASK else "member"
    return (f"{object_}#{relation}@{subject}",)


def _path_of_grant(engine: Engine, person: Person, grant: Grant) -> tuple[str, ...]:
    """Return the tuples by which a role reaches a person."""
    state = engine.state
    tenant = Object(TENANT, state.tenant_id)
    if grant.role in person.roles and grant.role in BUILT_IN and grant.scope == tenant:
        return (f"{tenant}#{grant.role}@{PERSON}:{person.id}",)
    for binding in state.bindings_of(person):
        if (binding.role, binding.scope) == (grant.role, grant.scope):
            first = f"{binding.scope}#{binding.role}@{binding.subject}"
            return (first, *_path_of_subject(engine, person, binding.subject))
    return ()


def _path_of_subject(engine: Engine, person: Person, subject: Subject) -> tuple[str, ...]:
    if subject.kind == PERSON:
        return ()
    if subject.kind == GROUP:
        return (f"{GROUP}:{subject.id}#member@{PERSON}:{person.id}",)
    for own in person.departments:
        department = engine.state.departments.get(own)
        if department is not None and subject.id in department.path:
            below = department.path[department.path.index(subject.id) :]
            links = [
                f"{DEPARTMENT}:{upper}#member@{DEPARTMENT}:{lower}#member"
                for upper, lower in pairwise(below)
            ]
            return (*links, f"{DEPARTMENT}:{own}#member@{PERSON}:{person.id}")
    return ()
