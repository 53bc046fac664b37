"""The history on a real MongoDB: full states in, intervals out, in any order of arrival."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from audit import events
from audit.domain.history import State
from audit.operations import remember
from audit.store import Store
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.mongo import Database

Held = Callable[..., Awaitable[set[str]]]


def states(*envelopes: Envelope) -> list[State]:
    told = [events.parse_fact(each) for each in envelopes]
    return [state for each in told if each for state in each.states]


@pytest.fixture
def held(db: Database) -> Held:
    """Return relations at a time: `await held(facts.at(3))` returns `object#relation@subject`."""

    async def read(at: datetime) -> set[str]:
        found = await db.collection("relations", schema_version=1).find_all(
            {"from_at": {"$lte": at}, "to_at": {"$gt": at}}
        )
        return {f"{each['object']}#{each['relation']}@{each['subject']}" for each in found}

    return read


async def test_relations_hold_from_their_fact_to_the_one_that_ends_them(
    store: Store, facts: Any, held: Held
) -> None:
    await remember(
        store,
        states=states(
            facts.group("grp_1", ["per_ann", "per_bo"], hours=1),
            facts.group("grp_1", ["per_bo", "per_cy"], version=2, hours=2),
        ),
    )

    assert await held(facts.at(0)) == set()
    assert await held(facts.at(1)) == {
        "group:grp_1#state@present",
        "group:grp_1#member@person:per_ann",
        "group:grp_1#member@person:per_bo",
    }
    assert await held(facts.at(9)) == {
        "group:grp_1#state@present",
        "group:grp_1#member@person:per_bo",
        "group:grp_1#member@person:per_cy",
    }


async def test_the_order_of_arrival_and_repeats_make_no_difference(
    store: Store, facts: Any, held: Held, db: Database
) -> None:
    history = [
        facts.group("grp_1", ["per_ann"], hours=1),
        facts.group("grp_1", ["per_ann", "per_bo"], version=2, hours=2),
        facts.group("grp_1", ["per_bo"], version=3, hours=3),
        facts.group("grp_1", ["per_ann"], version=4, hours=4),
    ]
    seen = set()
    for order in itertools.islice(itertools.permutations(history), 0, None, 3):
        for each in (*order, order[0]):
            await remember(store, states=states(each))
        seen.add(tuple([frozenset(await held(facts.at(hour))) for hour in range(6)]))
        for name in ("parts", "versions", "relations"):
            await db.collection(name, schema_version=1).delete_many({})

    assert len(seen) == 1


async def test_what_was_already_so_gets_its_time_when_the_fact_is_told(
    store: Store, facts: Any, held: Held
) -> None:
    told = states(facts.group("grp_1", ["per_ann"], version=3, hours=3))
    found = [replace(each, at=facts.at(8), exact=False) for each in told]

    await remember(store, states=found)
    assert await held(facts.at(5)) == set()

    await remember(store, states=told)
    await remember(store, states=states(facts.group("grp_1", ["per_bo"], version=2, hours=2)))
    assert "group:grp_1#member@person:per_ann" in await held(facts.at(5))
    assert "group:grp_1#member@person:per_bo" in await held(facts.at(2))

    await remember(store, states=found)
    assert "group:grp_1#member@person:per_ann" in await held(facts.at(5))


async def test_processes_that_meet_leave_one_history(store: Store, facts: Any, held: Held) -> None:
    told = states(
        *(facts.group("grp_1", [f"per_{n}"], version=n, hours=n) for n in range(1, 9)),
        *(facts.person(f"per_{n}") for n in range(1, 9)),
    )

    await asyncio.gather(*(remember(store, states=told[start::3] + told) for start in range(3)))

    for n in range(1, 9):
        members = {each for each in await held(facts.at(n)) if "#member@" in each}
        assert members == {f"group:grp_1#member@person:per_{n}"}


async def test_what_a_version_changed_is_told_again_for_a_known_one(
    store: Store, facts: Any
) -> None:
    before = states(facts.person("per_bo", title="Buyer", department_ids=["dep_1"]))
    after = states(
        facts.person(
            "per_bo",
            version=2,
            hours=1,
            title="Lead",
            department_ids=["dep_2"],
            email="bo@x.example",
        )
    )
    await remember(store, states=before)

    first = await remember(store, states=after)
    again = await remember(store, states=after)

    changed = first["person:per_bo", 2]
    assert changed.fields == ("email", "title")
    assert {str(each) for each in changed.began if each.subject} == {
        "person:per_bo#department@department:dep_2"
    }
    assert {str(each) for each in changed.ended if each.subject} == {
        "person:per_bo#department@department:dep_1"
    }
    assert again == first


async def test_a_large_conversation_is_one_part_per_member(
    store: Store, facts: Any, held: Held
) -> None:
    people = [f"per_{n}" for n in range(450)]
    await remember(store, states=states(facts.conversation("cnv_1", people, hours=1)))
    await remember(store, states=states(facts.left("cnv_1", ["per_7"], version=5, hours=2)))
    await remember(store, states=states(facts.joined("cnv_1", ["per_7"], version=9, hours=3)))

    def members(all_: set[str]) -> int:
        return len([each for each in all_ if each.startswith("conversation:cnv_1#member@")])

    assert [members(await held(facts.at(hour))) for hour in (1, 2, 3)] == [450, 449, 450]


async def test_policies_count_while_they_are_enabled(store: Store, facts: Any, held: Held) -> None:
    await remember(
        store,
        states=states(
            facts.policy("pol_1", "forbid(principal, action, resource);", hours=1),
            facts.policy("pol_1", "", version=2, enabled=False, hours=2),
            facts.module("tasks", enabled=False, hours=1, except_department_ids=["dep_1"]),
            facts.binding("bnd_1", role_id="admin", subject="person:per_bo", hours=1),
            facts.binding(
                "bnd_1", role_id="admin", subject="person:per_bo", hours=2, version=2, removed=True
            ),
        ),
    )

    assert await held(facts.at(1)) == {
        "tenant:ten_a#policy@policy:pol_1",
        "module:tasks#state@off",
        "module:tasks#except@department:dep_1",
        "tenant:ten_a#role:admin@person:per_bo",
    }
    assert await held(facts.at(2)) == {
        "module:tasks#state@off",
        "module:tasks#except@department:dep_1",
    }
