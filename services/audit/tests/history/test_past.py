"""State loaded for a past time decides like a state that received all facts until then."""

import random
from datetime import datetime
from typing import Any

import pytest
from audit import events
from audit.operations import remember
from audit.queries.access import _who
from audit.queries.past import load_state
from audit.store import Store
from audit.store.past import PastStore
from plexus.directory.v1.people_pb2 import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access import facts as access_facts
from plexus_access.engine import Ask, Engine
from plexus_access.explain import Explanation, explain, who_can_see
from plexus_access.objects import Object, object_of
from plexus_access.state import State

PEOPLE = [f"per_{n}" for n in range(6)]
DEPARTMENTS = {"dep_r": (), "dep_a": ("dep_r",), "dep_b": ("dep_r", "dep_a"), "dep_c": ("dep_r",)}
OBJECTS = [
    "conversation:cnv_1", "project:prj_1", "task:tsk_1", "task:tsk_2", "group:grp_1",
    "person:per_1", "person:per_none", "department:dep_b", "conversation:cnv_none", "",
]  # fmt: skip
PERMISSIONS = [
    "messages.read", "tasks.read", "projects.read", "people.read", "people.manage",
    "groups.read", "departments.read", "access.explain_others",
]  # fmt: skip
FORBIDDING = """forbid(principal, action == Plexus::Action::"{0}", resource)
when {{ principal.departments.contains("dep_a") || principal.title == "Buyer" }};"""


class Company:
    """Makes random facts, each with the next version of its entity."""

    def __init__(self, facts: Any, *, seed: int) -> None:
        self._facts = facts
        self._random = random.Random(seed)  # noqa: S311 - the same history each time
        self._versions: dict[str, int] = {}
        self._members: set[str] = set()
        self.told: list[Envelope] = []

    def tell(self, count: int) -> list[Envelope]:
        for id_, path in DEPARTMENTS.items():
            self._add(self._facts.department, id_, path=path)
        for id_ in PEOPLE:
            self._person(id_)
        self._members = set(PEOPLE[:3])
        self._add(self._facts.conversation, "cnv_1", PEOPLE[:3], versioned=False)
        self._versions["cnv_1"] = 1
        kinds = [
            self._someone, self._department, self._group, self._role, self._binding, self._policy,
            self._module, self._membership, self._project, self._task,
        ]  # fmt: skip
        for _ in range(count):
            self._random.choice(kinds)()
        return self.told

    def _add(self, make: Any, id_: str, *args: Any, versioned: bool = True, **fields: Any) -> None:
        more = {}
        if versioned:
            version = self._versions[id_] = self._versions.get(id_, 0) + 1
            more["version"] = version
        self.told.append(make(id_, *args, hours=len(self.told), **more, **fields))

    def _some(self, among: list[str]) -> list[str]:
        return self._random.sample(among, self._random.randint(0, len(among)))

    def _someone(self) -> None:
        self._person(self._random.choice(PEOPLE))

    def _person(self, id_: str) -> None:
        choose = self._random.choice
        self._add(
            self._facts.person, id_,
            state=choose([Person.STATE_ACTIVE] * 4 + [Person.STATE_DEACTIVATED]),
            kind=choose([Person.KIND_HUMAN] * 3 + [Person.KIND_GUEST]),
            roles=choose([["member"], ["member"], ["guest"], ["admin", "member"], ["auditor"]]),
            department_ids=self._some(list(DEPARTMENTS))[:2],
            title=choose(["Buyer", "Clerk"]),
        )  # fmt: skip

    def _department(self) -> None:
        id_ = self._random.choice(["dep_b", "dep_c"])
        path = self._random.choice([("dep_r",), ("dep_r", "dep_a")])
        self._add(self._facts.department, id_, path=path, closed=self._random.random() < 0.2)

    def _group(self) -> None:
        self._add(self._facts.group, "grp_1", self._some(PEOPLE))

    def _role(self) -> None:
        self._add(self._facts.role, "rol_1", self._some(PERMISSIONS))

    def _binding(self) -> None:
        choose = self._random.choice
        self._add(
            self._facts.binding, choose(["bnd_1", "bnd_2"]),
            role_id=choose(["rol_1", "admin", "auditor"]),
            subject=choose(["person:per_1", "group:grp_1#member", "department:dep_a#member"]),
            scope=choose(["tenant:ten_a", "department:dep_a", "group:grp_1", "project:prj_1"]),
            removed=self._random.random() < 0.3,
        )  # fmt: skip

    def _policy(self) -> None:
        cedar = FORBIDDING.format(self._random.choice(PERMISSIONS))
        self._add(self._facts.policy, "pol_1", cedar, enabled=self._random.random() < 0.6)

    def _module(self) -> None:
        self._add(
            self._facts.module, self._random.choice(["tasks", "messaging"]),
            enabled=self._random.random() < 0.7,
            except_department_ids=self._some(["dep_a", "dep_c"]),
        )  # fmt: skip

    def _membership(self) -> None:
        id_ = self._random.choice(PEOPLE)
        make = self._facts.left if id_ in self._members else self._facts.joined
        self._members ^= {id_}
        self._add(make, "cnv_1", [id_])

    def _project(self) -> None:
        self._add(self._facts.project, "prj_1", self._some(PEOPLE) or PEOPLE[:1])

    def _task(self) -> None:
        project = self._random.choice(["prj_1", ""])
        self._add(
            self._facts.task, self._random.choice(["tsk_1", "tsk_2"]), project_id=project,
            creator_id="per_0", owner_id=self._random.choice(PEOPLE),
            assignee_ids=self._some(PEOPLE),
        )  # fmt: skip


def oracle(told: list[Envelope], *, at: datetime) -> State:
    state = State("ten_a")
    for each in told:
        if events.parse_fact(each).occurrence.occurred_at <= at:
            access_facts.apply(state, each)
    return state


def shown(found: Explanation) -> tuple[Any, ...]:
    return found.decision.allowed, found.decision.rule, [(s.kind, s.passed) for s in found.steps]


async def test_gw_03_the_past_is_decided_as_it_was(store: Store, facts: Any) -> None:
    compared = 0
    for seed in range(6):
        told = Company(facts, seed=seed).tell(30)
        late = list(told)
        chance = random.Random(seed)  # noqa: S311 - the same questions each time
        chance.shuffle(late)
        for collection in ("_parts", "_versions", "_relations"):
            await getattr(store.history, collection).delete_many({})
        await remember(
            store, states=[state for each in late for state in events.parse_fact(each).states]
        )
        choose = chance.choice
        for _ in range(6):
            at = facts.at(choose(range(10, len(told) + 1)))
            ask = Ask(
                person_id=choose(PEOPLE),
                permission=choose(PERMISSIONS),
                object=object_of(name) if (name := choose(OBJECTS)) else None,
            )
            loaded = await load_state(
                store, tenant_id="ten_a", people=[ask.person_id], object_=ask.object, at=at
            )
            expected = explain(Engine(oracle(told, at=at)), ask, now=at)
            found = explain(Engine(loaded), ask, now=at)
            assert shown(found) == shown(expected), f"seed {seed}, {ask} at {at}"
            compared += 1
    assert compared == 36


async def test_gw_03_who_could_see_something_is_found_as_it_was(store: Store, facts: Any) -> None:
    for seed in range(100, 103):
        told = Company(facts, seed=seed).tell(30)
        for collection in ("_parts", "_versions", "_relations"):
            await getattr(store.history, collection).delete_many({})
        await remember(
            store, states=[state for each in told for state in events.parse_fact(each).states]
        )
        at = facts.at(25)
        for name in ("conversation:cnv_1", "group:grp_1", "person:per_1", "department:dep_b"):
            object_: Object = object_of(name)
            expected = who_can_see(Engine(oracle(told, at=at)), object_, now=at)
            if name == "group:grp_1" and "grp_1" not in oracle(told, at=at).groups:
                continue
            found = await _who(store, "ten_a", object_, at=at)
            assert [(v.person_id, v.rule) for v in found] == [
                (v.person_id, v.rule) for v in expected
            ], f"seed {seed}, {name}"


@pytest.mark.parametrize("kind", ["conversation", "task", "person", "department", "group"])
async def test_gw_02_hidden_and_absent_cause_the_same_questions(
    store: Store, facts: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    told = [
        facts.person("per_1"),
        facts.person("per_2", department_ids=["dep_r"]),
        facts.department("dep_r"),
        facts.group("grp_1", ["per_2"]),
        facts.conversation("cnv_1", ["per_2"]),
        facts.project("prj_1", ["per_2"]),
        facts.task("tsk_1", project_id="prj_1"),
    ]
    await remember(
        store, states=[state for each in told for state in events.parse_fact(each).states]
    )
    hidden = {"conversation": "cnv_1", "task": "tsk_1", "person": "per_2", "department": "dep_r",
              "group": "grp_1"}[kind]  # fmt: skip
    asked: list[tuple[str, ...]] = []
    read = PastStore._read

    async def noted(self: PastStore, tenant_id: str, query: Any, *, at: datetime) -> Any:
        asked.append(tuple(sorted(query)))
        return await read(self, tenant_id, query, at=at)

    monkeypatch.setattr(PastStore, "_read", noted)
    questions = []
    for id_ in (hidden, "none"):
        asked.clear()
        await load_state(
            store, tenant_id="ten_a", people=["per_1"], object_=Object(kind, id_), at=facts.at(1)
        )
        questions.append(list(asked))

    assert questions[0] == questions[1]
    assert len(questions[0]) == 10
