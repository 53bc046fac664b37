"""The answer of `access explain` is the answer that the call gets, in random companies (GW-3)."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from audit import events
from audit.operations import remember
from audit.queries import Asker, explain_access
from audit.store import Store
from gateway.access import Access
from gateway.access.projection import Projection
from gateway.config import LimitsSection
from gateway.identity import Identity
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.objects import object_of
from plexus_access.roles import PERMISSIONS, TENANT_WIDE
from plexus_testkit.clock import FrozenClock
from plexuskit.errors import Refusal

TENANT = "ten_a"
PEOPLE = [f"per_{number}" for number in range(6)]
DEPARTMENTS = {"dep_a": (), "dep_b": ("dep_a",), "dep_c": ("dep_a", "dep_b"), "dep_d": ()}
GROUPS = ["grp_1", "grp_2"]
ROOMS = ["cnv_1", "cnv_2"]
ASKED = [
    *sorted(TENANT_WIDE),
    "audit.read", "conversations.read", "departments.manage", "groups.manage", "messages.read",
    "messages.send", "people.manage", "people.read", "roles.bind", "tasks.create",
]  # fmt: skip
OBJECTS = [
    "",
    f"tenant:{TENANT}",
    *(f"person:{each}" for each in (*PEOPLE, "per_absent")),
    *(f"department:{each}" for each in (*DEPARTMENTS, "dep_absent")),
    *(f"group:{each}" for each in (*GROUPS, "grp_absent")),
    *(f"conversation:{each}" for each in (*ROOMS, "cnv_absent")),
]
POLICIES = [
    'forbid(principal, action == Plexus::Action::"messages.read", resource) when { context.app };',
    (
        'forbid(principal, action == Plexus::Action::"people.manage", resource)'
        " unless { context.second_factor };"
    ),
    (
        'forbid(principal, action == Plexus::Action::"messages.send", resource)'
        ' when { principal.title == "clerk" };'
    ),
]
CASES = 60


@dataclass(frozen=True)
class Call:
    """A call as the gateway sees it."""

    person_id: str
    permission: str
    object: str
    scopes: frozenset[str]
    second_factor: bool


def history(chosen: random.Random, facts: Any) -> list[Envelope]:
    """Make a company: members, bindings and policies."""

    def some(among: list[str], maximum: int) -> list[str]:
        return chosen.sample(among, chosen.randint(0, maximum))

    departments = list(DEPARTMENTS)
    made = [facts.department(id_, path=path) for id_, path in DEPARTMENTS.items()]
    made += [
        facts.person(
            id_,
            roles=chosen.choice([["member"], ["member"], ["guest"], ["auditor"], ["admin"]]),
            department_ids=some(departments, 2),
            title=chosen.choice(["clerk", ""]),
        )
        for id_ in PEOPLE
    ]
    made += [facts.group(id_, some(PEOPLE, 3)) for id_ in GROUPS]
    made += [facts.conversation(id_, [*PEOPLE[:1], *some(PEOPLE[1:], 4)]) for id_ in ROOMS]
    made += [
        facts.role(f"rol_{number}", some(sorted(PERMISSIONS), 20), version=1) for number in range(3)
    ]
    subjects = [
        *(f"person:{each}" for each in PEOPLE),
        *(f"group:{each}#member" for each in GROUPS),
        *(f"department:{each}#member" for each in DEPARTMENTS),
    ]
    scopes = [f"tenant:{TENANT}", *(f"department:{each}" for each in DEPARTMENTS)]
    scopes += [*(f"group:{each}" for each in GROUPS), *(f"conversation:{each}" for each in ROOMS)]
    made += [
        facts.binding(
            f"rbd_{number}",
            role_id=chosen.choice(["admin", "auditor", "rol_0", "rol_1", "rol_2"]),
            subject=chosen.choice(subjects),
            scope=chosen.choice(scopes),
        )
        for number in range(8)
    ]
    made += [
        facts.policy(f"pol_{number}", cedar)
        for number, cedar in enumerate(POLICIES)
        if chosen.random() < 0.5
    ]
    if chosen.random() < 0.5:
        made.append(facts.module("messaging", enabled=False, except_department_ids=["dep_b"]))
    return made


def calls(chosen: random.Random) -> list[Call]:
    """Choose callers, permissions, objects and tokens."""
    return [
        Call(
            person_id=chosen.choice(PEOPLE),
            permission=chosen.choice(ASKED),
            object=chosen.choice(["", chosen.choice(OBJECTS)]),
            scopes=frozenset(chosen.choice([[], [], chosen.sample(ASKED, 6)])),
            second_factor=chosen.choice([False, True]),
        )
        for _ in range(CASES)
    ]


def decided(access: Access, call: Call, *, clock: FrozenClock) -> bool:
    """Decide as the gateway does; a decision left to an owner with no more data is a refusal."""
    identity = Identity(
        tenant_id=TENANT,
        person_id=call.person_id,
        session_id="ses",
        roles=frozenset({"member"}),
        expires_at=clock.now() + timedelta(hours=1),
        token_id=f"jti_{call.person_id}",
        scopes=call.scopes,
        api_token_id="tok" if call.scopes else "",
        second_factor=call.second_factor,
    )
    try:
        verdict = access.decide(
            identity, call.permission, object_of(call.object) if call.object else None
        )
    except Refusal:
        return False
    return not verdict.confirm


@pytest.fixture
def gateway(clock: FrozenClock) -> Access:
    async def never(_: Any) -> Any:
        raise AssertionError("no owner is asked")

    return Access(
        Projection(),
        messaging=never,
        tasks=never,
        directory=never,
        limits=LimitsSection(),
        clock=clock,
    )


@pytest.fixture
def explained(store: Store, clock: FrozenClock) -> Callable[[Call, str], Awaitable[Any]]:
    """Ask for an explanation as the subject or as an auditor."""

    async def ask(call: Call, by: str) -> Any:
        own = by == call.person_id
        found = await explain_access(
            store,
            asker=Asker(
                tenant_id=TENANT,
                person_id=by,
                scopes=call.scopes if own else frozenset(),
                app=own and bool(call.scopes),
                second_factor=own and call.second_factor,
            ),
            subject=f"person:{call.person_id}",
            permission=call.permission,
            object=call.object,
            scopes=() if own else sorted(call.scopes),
            second_factor=not own and call.second_factor,
            at=None,
            now=clock.now(),
        )
        return found.explanation

    return ask


@pytest.mark.rule("GW-11")
@pytest.mark.parametrize("seed", range(3))
async def test_gw_03_an_explanation_is_the_answer_that_the_call_gets(
    seed: int, facts: Any, store: Store, gateway: Access, explained: Any, clock: FrozenClock
) -> None:
    chosen = random.Random(seed)  # noqa: S311 - a company, no secret
    told = [*history(chosen, facts), facts.person("per_root", roles=["admin"])]
    states = [
        state for each in told if (found := events.parse_fact(each)) for state in found.states
    ]
    await remember(store, states=states)
    await store.history.begin(facts.at(0))
    gateway.projection.take(told)
    clock.advance(facts.at(1) - clock.now())

    allowed = 0
    for call in calls(chosen):
        answer = decided(gateway, call, clock=clock)
        for by in ("per_root", call.person_id):
            explanation = await explained(call, by)
            assert explanation.decision.allowed == answer, (call, by, explanation.summary)
            assert explanation.steps[-1].passed == answer, (call, by)
        allowed += answer
    # Neither answer is rare, so that both are compared.
    assert CASES / 20 < allowed < CASES * 19 / 20


async def test_gw_03_without_an_object_a_role_for_a_part_is_not_enough_for_the_company(
    facts: Any, store: Store, gateway: Access, explained: Any, clock: FrozenClock
) -> None:
    told = [
        facts.department("dep_a"),
        facts.person("per_1", department_ids=["dep_a"]),
        facts.person("per_root", roles=["admin"]),
        facts.binding("rbd_1", role_id="admin", subject="person:per_1", scope="department:dep_a"),
    ]
    states = [
        state for each in told if (found := events.parse_fact(each)) for state in found.states
    ]
    await remember(store, states=states)
    await store.history.begin(facts.at(0))
    gateway.projection.take(told)
    clock.advance(facts.at(1) - clock.now())

    for permission in sorted(PERMISSIONS):
        call = Call("per_1", permission, "", frozenset(), second_factor=False)
        explanation = await explained(call, "per_root")
        assert explanation.decision.allowed == (permission not in TENANT_WIDE), permission
        assert decided(gateway, call, clock=clock) == explanation.decision.allowed
    call = Call("per_1", "modules.manage", "", frozenset(), second_factor=False)
    assert (await explained(call, "per_root")).summary == (
        "Refused: modules.manage is held for department:dep_a alone;"
        " this takes a role for the company."
    )
