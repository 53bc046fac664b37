"""A slow change holds up only its own conversation (GW-13), and keeps order (MSG-1)."""

import asyncio
import contextlib

import pytest
from messaging.app import conversation_log
from messaging.config import LimitsSection, LogSection
from messaging.conversations.operations.conversations import Role
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.operations.turns import LogOverloaded, Turns
from messaging.messages.operations.messages import send_message
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

NOW = SystemClock().now()
CROWD = [f"per_{number}" for number in range(1_000)]


@pytest.fixture
async def one_lane(store, runtime):
    """A log in which every conversation shares one lane, with two places for changes."""
    section = LogSection(lanes=1, changes=2)
    limits = LimitsSection(sender_rate=1e6, sender_burst=1_000_000)
    log = conversation_log(store, section=section, clock=SystemClock(), limits=limits)
    async with log.running(runtime):
        yield log


@pytest.fixture
def gate(store, monkeypatch):
    """Block the transactions of one conversation's changes until the gate is opened."""

    class Gate:
        room = ""
        held = asyncio.Event()
        opened = asyncio.Event()

        async def pass_through(self, room: str) -> None:
            if room == self.room:
                self.held.set()
                await self.opened.wait()

    gate = Gate()
    save, save_current = store.states.save, store.messages.save_current

    async def save_state(conversation, members, *, tx):
        await gate.pass_through(conversation.id)
        await save(conversation, members, tx=tx)

    async def save_message(entry_id, message, *, tx, **fields):
        await gate.pass_through(message.conversation_id)
        await save_current(entry_id, message, tx=tx, **fields)

    monkeypatch.setattr(store.states, "save", save_state)
    monkeypatch.setattr(store.messages, "save_current", save_message)
    return gate


@pytest.fixture
def add(one_lane, people, person):
    """Add people to a group as the named person: `add(room, "ann", ["bob"])`."""

    def make(room, who, names):
        return add_members(
            one_lane,
            people,
            actor=person(who),
            conversation_id=room,
            person_ids=names,
            role=Role.MEMBER,
            now=NOW,
        )

    return make


@pytest.fixture
def held_changes(one_lane, add, change, person):
    """Changes that a person makes in a group, each in the transaction that is held."""

    async def react(room):
        await change("react", "ann", room, 1, emoji="ok", through=one_lane)

    async def remove(room):
        await remove_members(
            one_lane, actor=person("ann"), conversation_id=room, person_ids=CROWD, now=NOW
        )

    return {"add": lambda room: add(room, "ann", CROWD), "react": react, "remove": remove}


@pytest.mark.parametrize("kind", ["add", "remove", "react"])
async def test_gw_13_a_slow_change_holds_no_other_conversation_of_its_lane(
    one_lane, group, say, gate, held_changes, kind
):
    room, other = await group("ann", *CROWD[:500]), await group("bob", "carol")
    await send_message(one_lane, new_message=say(room, "ann", "one"))
    gate.room = room

    changing = asyncio.ensure_future(held_changes[kind](room))
    await gate.held.wait()
    same = asyncio.ensure_future(send_message(one_lane, new_message=say(room, "ann", "two")))
    sent = [
        await send_message(one_lane, new_message=say(other, "bob", f"message {number}"))
        for number in range(3)
    ]

    assert [each.seq for each in sent] == [1, 2, 3]
    assert not changing.done()
    assert not same.done()
    gate.opened.set()
    await changing
    # A message sent while the change was under way comes after it.
    assert ((await same).seq, (await same).change_no) == (2, 4)


async def test_gw_13_many_changes_of_one_person_leave_the_places_to_others(
    one_lane, group, gate, add
):
    rooms = [await group("ann", "bob") for _ in range(5)]
    other = await group("carol", "dave")
    gate.room = rooms[0]

    flood = [asyncio.ensure_future(add(rooms[0], "ann", ["erin"]))]
    await gate.held.wait()
    flood += [asyncio.ensure_future(add(room, "ann", ["erin"])) for room in rooms[1:]]
    await eventually(lambda: one_lane.turns.taken == 5, within=30)
    changed = await add(other, "carol", ["erin"])

    assert changed.person_ids == ("erin",)
    assert not any(each.done() for each in flood)
    gate.opened.set()
    assert [each.person_ids for each in await asyncio.gather(*flood)] == [("erin",)] * 5


async def test_gw_13_those_who_wait_for_a_busy_conversation_hold_no_place(
    one_lane, group, gate, add
):
    room, other = await group("ann", "bob", "carol", "dave"), await group("erin", "frank")
    gate.room = room

    crowd = [
        asyncio.ensure_future(add(room, name, [f"of_{name}"]))
        for name in ("ann", "bob", "carol", "dave")
    ]
    await gate.held.wait()
    await eventually(lambda: one_lane.turns.taken == 4, within=30)
    changed = await add(other, "erin", ["greta"])

    assert changed.person_ids == ("greta",)
    assert not any(each.done() for each in crowd)
    gate.opened.set()
    assert sorted(each.change_no for each in await asyncio.gather(*crowd)) == [2, 3, 4, 5]


async def test_a_change_whose_caller_goes_is_finished_and_releases_its_conversation(
    store, one_lane, group, say, gate, add
):
    room = await group("ann", "bob")
    gate.room = room

    begun = asyncio.ensure_future(add(room, "ann", ["carol"]))
    await gate.held.wait()
    waiting = asyncio.ensure_future(add(room, "ann", ["dave"]))
    behind = asyncio.ensure_future(add(room, "bob", ["erin"]))
    await eventually(lambda: one_lane.turns.taken == 3, within=30)
    for caller in (begun, waiting):
        caller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caller
    gate.opened.set()

    assert (await behind).person_ids == ("erin",)
    assert (await send_message(one_lane, new_message=say(room, "carol", "here"))).change_no == 4
    members = await store.states.members(room, active=True)
    assert [member.person_id for member in members] == ["ann", "bob", "carol", "erin"]


async def test_msg_01_numbers_stay_dense_while_changes_and_sends_alternate(
    store, one_lane, group, say, add
):
    rooms = [await group("ann", "bob"), await group("bob", "ann")]
    work = []
    for number in range(40):
        room, name = rooms[number % 2], ("ann", "bob")[number % 3 % 2]
        work += [
            send_message(one_lane, new_message=say(room, name, f"{number} {n}")) for n in range(5)
        ]
        work.append(add(room, name, [f"per_{number}"]))
    await asyncio.gather(*work)

    for room in rooms:
        rows = await store.entries.list_changes(room, since=0, limit=1_000)
        assert [row["change_no"] for row in rows] == list(range(1, 122))
        assert [row["seq"] for row in rows if "seq" in row] == list(range(1, 101))


async def test_a_drain_waits_for_changes_that_wait_for_their_turn(one_lane, group, gate, add):
    rooms = [await group("ann", "bob") for _ in range(2)]
    gate.room = rooms[0]
    changes = [asyncio.ensure_future(add(room, "ann", ["carol"])) for room in rooms]
    await gate.held.wait()

    drained = asyncio.ensure_future(one_lane.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    gate.opened.set()
    await drained
    assert all(each.done() for each in changes)


async def test_msg_18_more_changes_than_may_wait_are_refused():
    turns = Turns(places=1, maximum=2)
    end = await turns.take("ann", "cnv_1")
    waiting = asyncio.ensure_future(turns.take("bob", "cnv_2"))
    await asyncio.sleep(0)

    with pytest.raises(LogOverloaded):
        await turns.take("carol", "cnv_3")
    end()
    (await waiting)()
    (await turns.take("carol", "cnv_3"))()
    await turns.wait_idle()
