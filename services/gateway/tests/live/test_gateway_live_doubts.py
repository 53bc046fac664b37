"""A gap in one conversation affects that conversation alone (MSG-6, MSG-14)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from gateway.live import doubts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus.gateway.v1.session_service_pb2 import Frame, SessionResponse
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus_testkit.wait import eventually

from .fanout_support import ROOM, TENANT, House, Listener, numbers, stretches

OTHER = "cnv_other"
NEVER = 3_600.0
"""Seconds between two questions that no test waits for."""
PEOPLE = ("ana", "bo", "cy")


@pytest.fixture
async def house() -> House:
    return House()


async def crowd(house: House, *, people: int = 30) -> list[Listener]:
    """Connect listeners, each a member of the other conversation."""
    found = []
    for number in range(people):
        house.owner.member(f"per_{number}", (1, 0), channel=OTHER)
        found.append(await house.listen(f"per_{number}"))
    house.fanout.apply([house.posted(1, channel=OTHER)])
    for each in found:
        assert numbers(await each.frames()) == [1]
    return found


def kinds(frames: list[Frame]) -> list[str | None]:
    return [frame.WhichOneof("frame") for frame in frames]


async def resynced(listener: Listener) -> str:
    """Wait until a stream gets a notice to fetch; return its reason."""
    async with asyncio.timeout(60):
        while True:
            for frame in SessionResponse.FromString(await listener.send_buffer.take()).frames:
                if frame.HasField("resync"):
                    return frame.resync.reason


async def settled(house: House) -> None:
    """Wait until no query of the conversation is pending."""
    await eventually(lambda: house.channels.get(ROOM).question is None)


@pytest.mark.rule("MSG-6")
async def test_msg_06_a_fact_of_an_unknown_type_is_seen_and_only_its_number_is_told(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")

    house.fanout.apply([house.posted(5), house.newer(6), house.posted(7)])

    frames = await ana.frames()
    assert stretches(frames) == [(4, 7)]
    told = [event for frame in frames for event in frame.events.events][1]
    assert (told.change_no, told.omitted) == (6, True)
    # Only the owner can decide if ana may see the message in question.
    assert (told.fact, told.entity_id) == (b"", "")
    assert not house.owner.asked_channels


async def test_facts_of_an_unknown_type_in_a_foreign_conversation_ask_nobody(house: House) -> None:
    members = await crowd(house)
    asked = house.owner.asked

    house.fanout.apply([house.newer(number) for number in range(1, 6)])
    house.fanout.apply([house.posted(2, channel=OTHER)])

    for member in members:
        assert stretches(await member.frames()) == [(1, 2)]
    assert house.owner.asked == asked
    assert not house.owner.asked_channels
    assert not house.memberships.mock_calls


@pytest.mark.rule("MSG-14")
async def test_msg_14_an_unknown_fact_that_changes_the_membership_is_asked_about(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.owner.answers["ana"] = []
    house.fanout.apply([house.newer(6, membership=6), house.posted(7, membership=6)])

    assert (await ana.next_frame()).conversation_closed.conversation_id == ROOM
    assert house.owner.asked_channels == [ROOM]
    house.memberships.gap.assert_called_once_with(TENANT, ROOM)


Fault = Callable[[House], list[object]]
FAULTS = {
    "a gap": lambda house: [house.posted(4), house.posted(6)],
    "an unreadable record": lambda house: [house.posted(4), house.unreadable()],
    "an omitted membership": lambda house: [
        house.posted(4),
        house.omitted(house.added(5, "bo", (6, 0))),
    ],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_what_one_conversation_lacks_reloads_no_person_and_stops_no_other_conversation(
    house: House, fault: Fault
) -> None:
    members = await crowd(house)
    asked = house.owner.asked
    house.owner.open.clear()

    house.fanout.apply(fault(house))
    house.fanout.apply([house.posted(2, channel=OTHER)])

    for member in members:
        assert stretches(await member.frames()) == [(1, 2)]
    house.owner.open.set()
    await settled(house)
    for member in members:
        assert not await member.frames()
    assert house.owner.asked == asked
    assert house.owner.asked_channels == [ROOM]
    # The copy that permissions are checked by has the answer too, and loads nothing.
    house.memberships.gap.assert_called_once()
    house.memberships.restored.assert_called_once()
    house.memberships.missed.assert_not_called()


async def test_a_flood_of_gaps_asks_once_about_a_conversation_in_its_time() -> None:
    house = House(every=NEVER)
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5), house.posted(7)])
    assert await resynced(ana) == "GAP"

    house.fanout.apply([house.posted(number) for number in range(9, 1_000, 2)])
    for _ in range(100):
        await asyncio.sleep(0)

    assert house.owner.asked_channels == [ROOM]
    assert house.owner.asked == 1
    house.doubts.close()


async def test_a_gap_while_the_owner_is_asked_is_one_more_question_and_no_more(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.owner.open.clear()
    house.fanout.apply([house.posted(5), house.posted(7)])
    await eventually(lambda: house.owner.asked_channels)

    house.fanout.apply([house.posted(number) for number in range(9, 100, 2)])
    house.owner.open.set()

    assert await resynced(ana) == "GAP"
    assert house.owner.asked_channels == [ROOM, ROOM]
    assert not await ana.frames()


async def test_lost_positions_again_and_again_ask_about_a_person_once_in_a_while() -> None:
    house = House(every=NEVER)
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    for _ in range(50):
        house.fanout.begin()
        await asyncio.sleep(0)

    assert await resynced(ana) == "RELOADED"
    house.fanout.begin()
    for _ in range(100):
        await asyncio.sleep(0)
    assert house.owner.asked == 2
    house.subscribers.close()


async def test_broken_records_of_one_person_tell_their_streams_once_in_a_while() -> None:
    house = House(every=NEVER)
    ana = await house.listen("ana")
    broken = replace(house.unreadable(channel="ana"), topic="notify.notification.v1")
    house.fanout.apply([broken])
    assert await resynced(ana) == "GAP"

    house.fanout.apply([broken] * 100)
    for _ in range(100):
        await asyncio.sleep(0)

    assert not await ana.frames()
    house.subscribers.close()


@pytest.mark.rule("MSG-14")
async def test_msg_14_an_answer_older_than_what_was_applied_is_not_taken(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana, bo = await house.listen("ana"), await house.listen("bo")
    house.fanout.apply([house.posted(5), house.added(6, "bo", (6, 0))])
    assert numbers(await bo.frames()) == [6]
    await ana.frames()

    # The owner's answer is from before bo was added.
    house.owner.version = 1
    house.fanout.apply([house.posted(8, membership=6)])
    await eventually(lambda: len(house.owner.asked_channels) >= 2)
    assert not await bo.frames()
    house.memberships.restored.assert_not_called()

    house.owner.version = 6
    house.owner.member("bo", (6, 0))
    assert await resynced(bo) == "GAP"
    assert "bo" in house.channels.get(ROOM).subscriptions


@pytest.mark.rule("MSG-14")
async def test_msg_14_a_removal_while_the_conversation_is_asked_about_wins_by_its_number(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    house.owner.member("bo", (1, 0))
    await house.listen("ana")
    bo = await house.listen("bo")
    house.owner.version = 2
    house.owner.open.clear()
    house.fanout.apply([house.posted(5), house.posted(7, membership=2)])
    await eventually(lambda: house.owner.asked_channels)

    house.fanout.apply([house.removed(8, "bo")])
    house.owner.open.set()
    await settled(house)

    assert kinds(await bo.frames()) == ["events", "conversation_closed"]
    assert set(house.channels.get(ROOM).subscriptions) == {"ana"}
    last = house.memberships.mock_calls[-1]
    assert (last[0], last.kwargs["version"], last.kwargs["left"]) == ("step", 8, ("bo",))


@pytest.mark.rule("MSG-14")
async def test_msg_14_an_answer_newer_than_a_removal_on_its_way_is_not_undone(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.owner.version = 20
    house.owner.open.clear()
    house.fanout.apply([house.posted(5), house.posted(7)])
    await eventually(lambda: house.owner.asked_channels)

    # The owner has added ana again as number 20; the removal arrives only now.
    house.fanout.apply([house.removed(8, "ana")])
    house.owner.open.set()
    await settled(house)

    assert kinds(await ana.frames()) == ["events", "conversation_closed", "resync"]
    assert set(house.channels.get(ROOM).subscriptions) == {"ana"}


@pytest.mark.rule("MSG-14")
async def test_msg_14_who_comes_while_a_conversation_is_asked_about_hears_nothing_before(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    await house.listen("ana")
    house.owner.open.clear()
    house.fanout.apply([house.posted(5), house.posted(7)])
    await eventually(lambda: house.owner.asked_channels)
    house.owner.member("late", (1, 0))
    opening = asyncio.create_task(house.listen("late"))
    await eventually(lambda: house.owner.asked == 2)

    house.fanout.apply([house.posted(8)])
    house.owner.open.set()
    late = await opening
    await settled(house)
    house.fanout.apply([house.posted(9)])

    assert numbers(await late.frames()) == [9]


async def test_a_messaging_that_does_not_know_the_question_is_asked_about_each_person(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.owner.old = True

    house.fanout.apply([house.posted(5), house.posted(7)])

    assert await resynced(ana) == "GAP"
    assert house.owner.asked == 2
    house.memberships.missed.assert_called_once_with()


async def test_a_question_is_asked_again_until_the_owner_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "_BACK_OFF", (0.001, 0.01))
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.owner.down = True
    house.fanout.apply([house.posted(5), house.posted(7)])
    await eventually(lambda: len(house.owner.asked_channels) >= 3)
    assert numbers(await ana.frames()) == [5]

    house.owner.down = False
    assert await resynced(ana) == "GAP"


@pytest.mark.rule("GW-10")
async def test_gw_10_nothing_is_shown_by_roles_and_policies_that_are_too_old(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.stale = True
    house.fanout.apply([house.posted(6)])
    house.fanout.receive([house.posted(7).value])
    assert not await ana.frames()

    house.stale = False
    house.fanout.apply([house.posted(8)])
    assert await resynced(ana) == "RELOADED"
    house.fanout.apply([house.posted(9)])
    assert numbers(await ana.frames()) == [9]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["post", "toggle", "newer", "history"]),
        st.sampled_from(PEOPLE),
        st.sampled_from(["told", "told", "lost", "unreadable"]),
        # True if the owner's answer is read before the change, false if after it.
        st.booleans(),
    ),
    max_size=25,
)


class Log:
    """A conversation as its owner has it; makes the record of each change."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.members: set[str] = set()
        self.change_no = 1
        self.membership = 1

    def append(self, kind: str, person_id: str) -> object:
        self.change_no += 1
        number, house = self.change_no, self.house
        if kind == "toggle":
            self.membership = number
            if person_id in self.members:
                self.members.discard(person_id)
                house.owner.answers[person_id] = []
                record = house.removed(number, person_id)
            else:
                self.members.add(person_id)
                house.owner.member(person_id, (1, 0))
                record = house.added(number, person_id, (1, 0))
        elif kind == "newer":
            record = house.newer(number, membership=self.membership)
        elif kind == "history":
            conversation = Conversation(id=ROOM, history=Conversation.HISTORY_SINCE_JOIN)
            changed = events_pb2.ConversationChanged(conversation=conversation)
            record = house.record(changed, number, membership=self.membership)
        else:
            record = house.posted(number, membership=self.membership)
        house.owner.version = self.membership
        return record


@pytest.mark.rule("MSG-14")
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(steps=STEPS)
def test_msg_14_whatever_is_lost_the_seats_end_as_the_owner_has_them(
    steps: list[tuple[str, str, str, bool]],
) -> None:
    async def play() -> None:
        house = House(every=0.0)
        listeners = {each: await house.listen(each) for each in PEOPLE}
        log = Log(house)
        house.fanout.apply([house.record(_created(), 1, membership=1)])
        for kind, person_id, fate, answered in steps:
            if answered:
                await asyncio.sleep(0)
            record = log.append(kind, person_id)
            if fate == "told":
                house.fanout.apply([record])
            elif fate == "unreadable":
                house.fanout.apply([house.unreadable()])
        # The next number reveals the last loss.
        house.fanout.apply([log.append("post", "")])
        await eventually(lambda: house.channels.get(ROOM).question is None)

        assert set(house.channels.get(ROOM).subscriptions) == log.members
        for listener in listeners.values():
            await listener.frames()
        house.fanout.apply([log.append("post", "")])
        for person_id, listener in listeners.items():
            heard = numbers(await listener.frames())
            assert heard == ([log.change_no] if person_id in log.members else [])

    asyncio.run(play())


def _created() -> events_pb2.ConversationCreated:
    conversation = Conversation(id=ROOM, history=Conversation.HISTORY_SINCE_JOIN)
    return events_pb2.ConversationCreated(conversation=conversation)
