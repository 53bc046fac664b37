"""The engine against a brute-force oracle over random histories of a company: GW-1, GW-3."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus_access.engine import Ask, Engine
from plexus_access.explain import READING, explain, who_can_see
from plexus_access.objects import Object, object_of, subject_of
from plexus_access.records import Binding, Department, Group, Members, Module, Person, Role
from plexus_access.state import State

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
PEOPLE = ("p1", "p2", "p3", "p4")
DEPARTMENTS = ("d1", "d2", "d3", "d4", "d5")
GROUPS = ("g1", "g2")
ROLES = ("r1", "r2")
CONVERSATIONS = ("c1", "c2")
PROJECTS = ("j1", "j2")
TASKS = ("k1", "k2")
PERMISSIONS = (
    "messages.send",
    "people.manage",
    "departments.manage",
    "groups.manage",
    "tasks.read",
)
OBJECTS = (
    "",
    "tenant:t",
    *(f"person:{each}" for each in (*PEOPLE, "p9")),
    *(f"department:{each}" for each in (*DEPARTMENTS, "d9")),
    *(f"group:{each}" for each in (*GROUPS, "g9")),
    *(f"conversation:{each}" for each in (*CONVERSATIONS, "c9")),
    *(f"project:{each}" for each in (*PROJECTS, "j9")),
    *(f"task:{each}" for each in (*TASKS, "k9")),
)
SUBJECTS = (
    *(f"person:{each}" for each in PEOPLE),
    *(f"group:{each}#member" for each in GROUPS),
    *(f"department:{each}#member" for each in DEPARTMENTS),
)
SCOPES = tuple(each for each in OBJECTS if each and each.split(":")[0] not in {"person", "task"})
Fact = Callable[[State], bool]


class Company:
    """Makes history: records each change for the oracle and returns it as facts."""

    def __init__(self, choices: bytes, oracle: Any) -> None:
        self._choices = iter(choices)
        self.over = False
        self.oracle = oracle
        self._versions: dict[str, int] = {}
        self.now = 0

    def pick(self, among: Any) -> Any:
        """Choose by the next byte; the first of all at the end."""
        number = next(self._choices, None)
        if number is None:
            self.over, number = True, 0
        return among[number % len(among)]

    def some(self, among: tuple[str, ...]) -> set[str]:
        """Choose any subset by the next byte."""
        bits = self.pick(range(256))
        return {each for place, each in enumerate(among) if bits >> place & 1}

    def version(self, entity: str) -> int:
        self._versions[entity] = self._versions.get(entity, 0) + 1
        return self._versions[entity]

    def step(self) -> list[Fact]:
        return self.pick(
            (
                self.person,
                self.department,
                self.group,
                self.role,
                self.binding,
                self.binding,
                self.module,
                self.conversation,
                self.project,
                self.task,
            )
        )()

    def person(self) -> list[Fact]:
        id_, active = self.pick(PEOPLE), self.pick((True, True, True, False))
        until = self.pick((0, 0, 0, 30))
        roles = self.pick(((), (), (), ("member",), ("guest", "member"), ("auditor",), ("admin",)))
        known = tuple(self.oracle.parent)
        departments = tuple(sorted(self.some(known[:8]))) if known else ()
        oracle = self.oracle
        oracle.active[id_], oracle.until[id_] = active, until
        mine = f"person:{id_}"
        oracle.tuples = {
            each
            for each in oracle.tuples
            if each[2] != mine or each[0].split(":")[0] not in {"tenant", "department"}
        }
        oracle.tuples |= {("tenant:t", role, mine) for role in roles}
        oracle.tuples |= {(f"department:{each}", "member", mine) for each in departments}
        person = Person(
            id=id_,
            version=self.version(mine),
            active=active,
            kind="guest" if until else "human",
            roles=frozenset(roles),
            departments=departments,
            guest_until=START + timedelta(minutes=until) if until else None,
        )
        return [lambda state: state.put_person(person)]

    def department(self) -> list[Fact]:
        """Make a department, or move one with everything below it."""
        id_ = self.pick(DEPARTMENTS)
        oracle = self.oracle
        others = [each for each in oracle.parent if each != id_ and id_ not in oracle.upward(each)]
        oracle.parent[id_] = self.pick(("", *others))
        told = [each for each in oracle.parent if id_ in oracle.upward(each)]
        facts: list[Fact] = []
        for each in told:
            path = tuple(reversed(oracle.upward(each)))
            record = Department(id=each, version=self.version(f"department:{each}"), path=path)
            facts.append(lambda state, record=record: state.put_department(record))
        return facts

    def group(self) -> list[Fact]:
        id_, members, removed = (
            self.pick(GROUPS),
            self.some(PEOPLE),
            self.pick((False, False, True)),
        )
        home = self.pick(("", *DEPARTMENTS))
        oracle = self.oracle
        oracle.groups.pop(id_, None)
        oracle.set_members(f"group:{id_}", "member", set() if removed else members)
        if not removed:
            oracle.groups[id_] = home
        group = Group(
            id=id_,
            version=self.version(f"group:{id_}"),
            members=frozenset(members),
            department=home,
            removed=removed,
        )
        return [lambda state: state.put_group(group)]

    def role(self) -> list[Fact]:
        id_, permissions = self.pick(ROLES), self.some(PERMISSIONS)
        removed = self.pick((False, False, True))
        self.oracle.roles[id_] = set() if removed else permissions
        role = Role(
            id=id_,
            version=self.version(f"role:{id_}"),
            name=id_,
            permissions=frozenset(permissions),
            removed=removed,
        )
        return [lambda state: state.put_role(role)]

    def binding(self) -> list[Fact]:
        id_, role = self.pick(("b1", "b2", "b3", "b4")), self.pick((*ROLES, "admin"))
        subject, scope = self.pick(SUBJECTS), self.pick(SCOPES)
        expires, removed = self.pick((0, 0, 40)), self.pick((False, False, False, True))
        self.oracle.bindings.pop(id_, None)
        if not removed:
            self.oracle.bindings[id_] = (role, subject, scope, expires)
        binding = Binding(
            id=id_,
            version=self.version(f"binding:{id_}"),
            role=role,
            subject=subject_of(subject),
            scope=object_of(scope),
            expires_at=START + timedelta(minutes=expires) if expires else None,
            removed=removed,
        )
        return [lambda state: state.put_binding(binding)]

    def module(self) -> list[Fact]:
        name, enabled = self.pick(("messaging", "tasks")), self.pick((True, False))
        exceptions = self.some(DEPARTMENTS)
        self.oracle.modules[name] = (enabled, exceptions)
        module = Module(
            name=name,
            version=self.version(f"module:{name}"),
            enabled=enabled,
            exceptions=frozenset(exceptions),
        )
        return [lambda state: state.put_module(module)]

    def conversation(self) -> list[Fact]:
        id_, joined, left = self.pick(CONVERSATIONS), self.some(PEOPLE), self.some(PEOPLE)
        object_ = f"conversation:{id_}"
        version = self.version(object_)
        current = {
            subject.split(":")[1] for what, _, subject in self.oracle.tuples if what == object_
        }
        self.oracle.set_members(object_, "member", (current - left) | joined)
        return [
            lambda state: state.change_members(
                Object("conversation", id_),
                version=version,
                joined=joined,
                left=left,
                begins=version == 1,
            )
        ]

    def project(self) -> list[Fact]:
        id_, people = self.pick(PROJECTS), self.some(PEOPLE)
        self.oracle.set_members(f"project:{id_}", "member", people)
        version = self.version(f"project:{id_}")
        record = Members(object=Object("project", id_), version=version, people=frozenset(people))
        return [lambda state: state.put_members(record)]

    def task(self) -> list[Fact]:
        id_, project, people = self.pick(TASKS), self.pick(("", *PROJECTS)), self.some(PEOPLE)
        self.oracle.tasks[id_] = project
        self.oracle.set_members(f"task:{id_}", "member", set() if project else people)
        record = Members(
            object=Object("task", id_),
            version=self.version(f"task:{id_}"),
            people=frozenset() if project else frozenset(people),
            project=project,
        )
        return [lambda state: state.put_members(record)]


def asked_anything(company: Company, engine: Engine) -> None:
    """Ask one question of both."""
    person, permission = company.pick((*PEOPLE, "p9")), company.pick(PERMISSIONS)
    object_, minute = company.pick(OBJECTS), company.pick((0, 35, 45))
    asked(company, engine, person, permission, object_, minute)


def asked(
    company: Company, engine: Engine, person: str, permission: str, object_: str, minute: int
) -> None:
    expected = company.oracle.allows(person, permission, object_, minute)
    now = START + timedelta(minutes=minute)
    ask = Ask(
        person_id=person, permission=permission, object=object_of(object_) if object_ else None
    )
    told = explain(engine, ask, now=now)
    assert told.decision.allowed == expected, (ask, told)
    assert told.steps[-1].passed == expected


def history(choices: bytes, oracle: Any) -> None:
    company, engine = Company(choices, oracle), Engine(State("t"))
    facts: list[Fact] = []
    while not company.over:
        for fact in company.step():
            fact(engine.state)
            facts.append(fact)
        # Queries fill the engine's caches, which the next step may invalidate.
        for person_id in PEOPLE:
            asked(company, engine, person_id, "people.manage", "", 0)
        asked_anything(company, engine)

    viewed(company, engine)
    repeated_and_shuffled(engine, facts)


def viewed(company: Company, engine: Engine) -> None:
    """The viewers of an object are all people with a positive decision, one by one."""
    for object_ in map(object_of, OBJECTS[2:]):
        seen = who_can_see(engine, object_, now=START)
        permission = READING[object_.kind]
        assert [each.person_id for each in seen] == [
            each for each in PEOPLE if company.oracle.allows(each, permission, str(object_), 0)
        ]


def repeated_and_shuffled(engine: Engine, facts: list[Fact]) -> None:
    """Only newer versions count; except for steps of a conversation, order makes no difference."""
    assert not any(fact(engine.state) for fact in facts)
    shuffled = list(facts)
    random.Random(len(facts)).shuffle(shuffled)  # noqa: S311 - repeatable
    late = Engine(State("t"))
    for fact in shuffled:
        fact(late.state)
    for object_ in map(object_of, OBJECTS[1:]):
        if object_.kind == "conversation":
            continue
        for person_id in PEOPLE:
            ask = Ask(person_id=person_id, permission="people.manage", object=object_)
            assert late.decide(ask, now=START) == engine.decide(ask, now=START)


def scattered(seed: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 - repeatable
    return chance.randbytes(chance.randrange(60, 600))


# Bytes that hypothesis chooses are mostly small; scattered ones make fuller companies.
CHOICES = st.binary(min_size=24, max_size=300) | st.integers(0, 2**64 - 1).map(scattered)
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=800, deadline=None, suppress_health_check=CHECKS)
@given(CHOICES)
def test_gw_03_decisions_are_those_of_the_oracle_at_every_moment(oracle, choices):
    history(choices, oracle())


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_gw_03_decisions_are_those_of_the_oracle_over_100_000_histories(oracle):
    for seed in range(100_000):
        history(scattered(seed), oracle())
