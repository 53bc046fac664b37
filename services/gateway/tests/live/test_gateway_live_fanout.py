"""Fan-out of records: gaps, repeats, owners that answer late (MSG-6, MSG-14)."""

import asyncio
from dataclasses import replace

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown
from plexuskit.kafka import Record
from structlog.testing import capture_logs

from .fanout_support import ROOM, TENANT, House, numbers, stretches


@pytest.fixture
async def house() -> House:
    return House()


async def test_msg_06_a_repeated_or_older_number_is_skipped(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")

    house.fanout.apply([house.posted(5), house.posted(6)])
    house.fanout.apply([house.posted(5), house.posted(6), house.posted(7)])

    frames = await ana.frames()
    assert numbers(frames) == [5, 6, 7]
    assert stretches(frames) == [(4, 6), (6, 7)]


async def test_msg_06_a_missing_number_becomes_resync_after_the_owner_was_asked(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    assert numbers(await ana.frames()) == [5]

    house.owner.open.clear()
    house.fanout.apply([house.posted(7), house.posted(8)])
    assert not await ana.frames()
    house.owner.open.set()

    resync = (await ana.next_frame()).resync
    assert (list(resync.conversation_ids), resync.reason) == ([ROOM], "GAP")
    house.fanout.apply([house.posted(9)])
    assert stretches(await ana.frames()) == [(8, 9)]


async def test_msg_06_what_was_stored_here_is_delivered_once_and_before_kafka_tells(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    records = [house.posted(6), house.posted(7)]

    house.fanout.receive([record.value for record in records])

    assert stretches(await ana.frames()) == [(4, 5), (5, 7)]
    house.fanout.apply([*records, house.posted(8)])
    assert stretches(await ana.frames()) == [(7, 8)]


@pytest.mark.rule("MSG-20")
async def test_msg_20_the_entry_that_begins_version_2_of_a_chain_is_no_hole(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    begun = house.record(events_pb2.ChainBegun(version=2, through=5), 6)

    house.fanout.apply([house.posted(5), begun, house.posted(7)])

    assert stretches(await ana.frames()) == [(4, 7)]


async def test_msg_14_what_was_stored_here_waits_for_what_came_before_it(house: House) -> None:
    house.owner.member("ana", (1, 0))
    house.owner.member("bo", (1, 0))
    ana, bo = await house.listen("ana"), await house.listen("bo")
    house.fanout.apply([house.posted(5)])
    assert numbers(await ana.frames()) == numbers(await bo.frames()) == [5]
    removal, message = house.removed(6, "bo"), house.posted(7)

    house.fanout.receive([message.value, house.posted(8).value])

    assert not await ana.frames()
    assert not await bo.frames()
    house.fanout.apply([removal, message])
    assert numbers(await ana.frames()) == [6, 7]
    assert [frame.WhichOneof("frame") for frame in await bo.frames()] == ["conversation_closed"]
    assert house.owner.asked == 2


async def test_msg_06_what_was_stored_here_waits_where_no_number_is_known(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")

    house.fanout.receive([house.posted(1, channel="cnv_unheard").value, house.posted(5).value])
    assert not await ana.frames()
    house.fanout.apply([house.posted(5)])
    assert numbers(await ana.frames()) == [5]

    house.fanout.begin()
    house.fanout.receive([house.posted(6).value])
    assert not numbers(await ana.frames())


async def test_msg_14_who_was_removed_in_a_hole_hears_only_that_it_is_closed(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.owner.answers["ana"] = []
    house.fanout.apply([house.posted(7)])

    assert (await ana.next_frame()).conversation_closed.conversation_id == ROOM
    house.fanout.apply([house.posted(8)])
    assert not await ana.frames()


async def test_msg_14_who_was_added_in_a_hole_is_told_to_fetch(house: House) -> None:
    house.owner.member("ana", (1, 0))
    await house.listen("ana")
    bo = await house.listen("bo")
    house.fanout.apply([house.posted(5)])

    house.owner.member("bo", (6, 0))
    house.fanout.apply([house.posted(7)])

    assert list((await bo.next_frame()).resync.conversation_ids) == [ROOM]
    house.fanout.apply([house.posted(8)])
    assert numbers(await bo.frames()) == [8]


async def test_a_record_that_cannot_be_read_is_a_hole(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    broken = Record(
        topic="messaging.conversation.v1", partition=0, offset=9, key=ROOM, value=b"\xff"
    )
    house.fanout.apply([broken])

    assert (await ana.next_frame()).resync.reason == "GAP"


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize("key", ["", "\udcff\udcfe", "c" * 257, "cnv 1"], ids=range(4))
@pytest.mark.parametrize("appended", [b"", b"\xff"], ids=["fact", "garbage"])
async def test_gw_08_a_record_whose_key_is_no_id_is_one_skip(
    house: House, key: str, appended: bytes
) -> None:
    fact = house.posted(1)
    broken = replace(fact, key=key, value=fact.value + appended, offset=77)

    with capture_logs() as logs:
        house.fanout.apply([broken])
        await asyncio.sleep(0.1)

    (skip,) = [line for line in logs if line["event"] == "live.key_broken"]
    assert (skip["topic"], skip["partition"], skip["offset"]) == (fact.topic, 0, 77)
    assert not house.owner.asked_channels
    assert not list(house.channels)


@pytest.mark.rule("GW-8")
async def test_gw_08_a_fact_under_the_key_of_another_conversation_is_shown_to_nobody(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.fanout.apply([replace(house.posted(6, channel="cnv_other"), key=ROOM)])
    assert not await ana.frames()
    house.fanout.apply([replace(house.posted(6), key="cnv_other")])
    assert not await ana.frames()

    # The omitted content is missing, and the owner is queried about its conversation.
    house.fanout.apply([house.posted(7)])
    assert (await ana.next_frame()).resync.reason == "GAP"


async def test_msg_14_through_advances_over_what_a_late_joiner_may_not_see(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    late = await house.listen("late")
    house.fanout.apply([house.posted(5, seq=5), house.added(6, "late", (6, 0))])
    house.fanout.apply([house.edited(7, seq=2), house.posted(8, seq=6), house.edited(9, seq=6)])

    frames = await late.frames()
    assert numbers(frames) == [6, 8, 9]
    assert stretches(frames) == [(5, 6), (6, 9)]
    assert numbers(await ana.frames()) == [5, 6, 7, 8, 9]


async def test_msg_14_a_room_with_open_history_shows_edits_of_old_messages(house: House) -> None:
    house.owner.member("ana")
    await house.listen("ana")
    late = await house.listen("late")
    house.fanout.apply([house.added(6, "late", (6, 0)), house.edited(7, seq=2)])

    assert numbers(await late.frames()) == [6, 7]


async def test_msg_14_what_an_unknown_policy_may_show_is_fetched_and_not_hidden(
    house: House,
) -> None:
    late = await house.listen("late")
    house.fanout.apply([house.added(6, "late", (6, 0))])
    await late.frames()
    house.fanout.apply([house.edited(7, seq=2)])

    (frame,) = await late.frames()
    assert list(frame.resync.conversation_ids) == [ROOM]


async def test_msg_14_a_removal_while_the_owner_is_asked_wins_over_its_older_answer(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    house.owner.open.clear()
    opening = asyncio.create_task(house.listen("ana"))
    await eventually(lambda: house.owner.asked)

    house.fanout.apply([house.removed(6, "ana")])
    house.owner.open.set()
    ana = await opening
    house.fanout.apply([house.posted(7)])

    assert not await ana.frames()


async def test_msg_14_an_addition_while_the_owner_is_asked_counts(house: House) -> None:
    house.owner.open.clear()
    opening = asyncio.create_task(house.listen("ana"))
    await eventually(lambda: house.owner.asked)

    house.fanout.apply([house.added(6, "ana", (6, 0))])
    house.owner.open.set()
    ana = await opening
    house.fanout.apply([house.posted(7, seq=6)])

    assert numbers(await ana.frames()) == [7]


async def test_msg_14_an_answer_newer_than_the_events_shows_nothing_from_before(
    house: House,
) -> None:
    house.owner.member("ana", (9, 0))
    ana = await house.listen("ana")

    house.fanout.apply([house.posted(8, seq=8), house.added(9, "ana", (9, 0))])
    house.fanout.apply([house.posted(10, seq=9)])

    assert numbers(await ana.frames()) == [9, 10]


async def test_a_person_is_asked_for_once_for_many_streams_and_again_after_the_last(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    await asyncio.gather(*(house.listen("ana") for _ in range(5)))
    assert house.owner.asked == 1

    person = house.subscribers.get("ana")
    assert person is not None
    for _ in range(5):
        house.subscribers.leave(person)
    assert house.subscribers.get("ana") is None
    assert not house.channels.get(ROOM).subscriptions

    await house.listen("ana")
    assert house.owner.asked == 2


async def test_a_stream_is_refused_while_the_owner_is_down_and_opened_afterwards(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    house.owner.down = True
    with pytest.raises(DependencyDown):
        await house.listen("ana")

    house.owner.down = False
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(1)])
    assert numbers(await ana.frames()) == [1]


async def test_lost_positions_reload_everybody_and_resync_everything(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.fanout.begin()
    house.fanout.apply([house.posted(9)])
    resync = (await ana.next_frame()).resync

    assert (list(resync.conversation_ids), resync.reason) == ([], "RELOADED")
    house.fanout.apply([house.posted(10)])
    assert stretches(await ana.frames()) == [(9, 10)]


async def test_a_reload_is_tried_again_until_the_owner_answers(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.owner.down = True
    house.fanout.begin()
    await eventually(lambda: house.owner.asked >= 3)
    house.owner.down = False

    assert (await ana.next_frame()).resync.reason == "RELOADED"


async def test_msg_14_a_changed_policy_asks_the_owner_again(house: House) -> None:
    house.owner.member("ana", (3, 0))
    ana = await house.listen("ana")
    house.owner.member("ana")
    changed = events_pb2.ConversationChanged(
        conversation=Conversation(id=ROOM, history=Conversation.HISTORY_ALL)
    )
    house.fanout.apply([house.record(changed, 5)])

    assert (await ana.next_frame()).resync.reason == "RELOADED"
    house.fanout.apply([house.edited(6, seq=1)])
    assert numbers(await ana.frames()) == [6]


async def test_a_personal_record_of_another_tenant_goes_nowhere(house: House) -> None:
    ana = await house.listen("ana")
    mine = Envelope(tenant_id=TENANT, event_id="evt_mine")
    foreign = Envelope(tenant_id="ten_other", event_id="evt_foreign")
    house.fanout.apply(
        [
            Record(
                topic="notify.notification.v1",
                partition=0,
                offset=offset,
                key="ana",
                value=each.SerializeToString(),
            )
            for offset, each in enumerate((foreign, mine))
        ]
    )

    assert [frame.personal.event.event_id for frame in await ana.frames()] == ["evt_mine"]


@pytest.mark.rule("MSG-14")
async def test_msg_14_a_reaction_without_words_goes_to_those_who_may_see_its_message(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    house.owner.member("eve", (3, 0))
    ana, eve = await house.listen("ana"), await house.listen("eve")
    house.fanout.apply([house.posted(5)])
    assert numbers(await ana.frames()) == numbers(await eve.frames()) == [5]

    house.fanout.apply([house.reacted(6, seq=2), house.reacted(7, seq=4)])

    assert numbers(await ana.frames()) == [6, 7]
    assert numbers(await eve.frames()) == [7]


@pytest.mark.rule("MSG-21")
async def test_msg_21_a_fact_that_is_left_out_tells_no_more_than_that_there_is_something(
    house: House,
) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.fanout.apply([house.omitted(house.posted(6)), house.posted(7)])

    frames = await ana.frames()
    assert stretches(frames) == [(5, 7)]
    left_out, whole = (each for frame in frames for each in frame.events.events)
    assert (left_out.change_no, left_out.omitted) == (6, True)
    assert (left_out.entity_id, left_out.actor_id, left_out.fact) == ("", "", b"")
    assert not whole.omitted


@pytest.mark.rule("MSG-21")
async def test_msg_21_membership_that_is_left_out_is_asked_for(house: House) -> None:
    house.owner.member("ana", (1, 0))
    ana = await house.listen("ana")
    house.fanout.apply([house.posted(5)])
    await ana.frames()

    house.fanout.apply([house.omitted(house.added(6, "bo", (6, 0)))])

    resync = (await ana.next_frame()).resync
    assert (list(resync.conversation_ids), resync.reason) == ([ROOM], "GAP")
