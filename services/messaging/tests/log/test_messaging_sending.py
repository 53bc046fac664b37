"""The log on a real mongod: MSG-1, MSG-2, MSG-3, MSG-14, MSG-15, MSG-18."""

import asyncio

import pytest
from messaging.app import conversation_log
from messaging.config import LogSection
from messaging.conversations.operations.conversations import Role
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain import chain
from messaging.log.domain.refusals import ConversationNotFound, RequestIdReused
from messaging.log.operations.items import Stored
from messaging.messages.domain.refusals import MentionAllDenied, RootNotFound
from messaging.messages.operations.messages import send_message, send_messages
from plexus_testkit.spans import attributes_of, ids, origins_of, parent_id
from plexuskit import telemetry
from plexuskit.clock import SystemClock
from plexuskit.errors import Refusal


async def test_msg_01_numbers_start_at_one_and_are_dense(log, group, say):
    room = await group("ann", "bob")

    verdicts = await send_messages(
        log, new_messages=[say(room, "ann", f"message {n}") for n in range(300)]
    )

    assert [verdict.seq for verdict in verdicts] == list(range(1, 301))
    assert [verdict.change_no for verdict in verdicts] == list(range(2, 302))


async def test_msg_01_several_writers_of_one_conversation_leave_no_hole(
    store, log, runtime, group, say
):
    room = await group("ann", "bob")
    other = conversation_log(store, section=LogSection(), clock=SystemClock())

    async with other.running(runtime):
        verdicts = await asyncio.gather(
            *(
                send_message(log if n % 2 else other, new_message=say(room, "ann", f"m{n}"))
                for n in range(400)
            )
        )

    assert sorted(verdict.seq for verdict in verdicts) == list(range(1, 401))
    rows = await store.entries.list_changes(room, since=0, limit=1000)
    assert [row["change_no"] for row in rows] == list(range(1, 402))


async def test_the_chain_of_hashes_covers_every_entry(store, log, group, say, person):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["bob"],
        now=SystemClock().now(),
    )
    await send_message(log, new_message=say(room, "ann", "two"))

    link = chain.GENESIS
    for row in await store.entries.list_changes(room, since=0, limit=10):
        link = chain.link(
            link,
            change_no=row["change_no"],
            header_hash=bytes(row["header_hash"]),
            body_hash=bytes(row["body_hash"]),
        )
        assert bytes(row["chain_hash"]) == link


async def test_msg_03_the_same_request_gives_the_original_numbers(log, group, say):
    room = await group("ann", "bob")
    first = await send_message(log, new_message=say(room, "ann", "hello", request_id="r1"))

    again = await send_message(log, new_message=say(room, "ann", "hello", request_id="r1"))

    assert (again.message_id, again.seq) == (first.message_id, first.seq)
    assert again.deduplicated
    assert not first.deduplicated


async def test_msg_03_the_same_request_with_other_content_is_refused(log, group, say):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "hello", request_id="r1"))

    with pytest.raises(RequestIdReused):
        await send_message(log, new_message=say(room, "ann", "hallo", request_id="r1"))


async def test_msg_03_two_people_may_use_the_same_request_id(log, group, say):
    room = await group("ann", "bob")

    one = await send_message(log, new_message=say(room, "ann", "x", request_id="r1"))
    two = await send_message(log, new_message=say(room, "bob", "y", request_id="r1"))

    assert (one.seq, two.seq) == (1, 2)


async def test_msg_03_concurrent_identical_sends_store_one(store, log, runtime, group, say):
    room = await group("ann", "bob")
    other = conversation_log(store, section=LogSection(), clock=SystemClock())

    async with other.running(runtime):
        verdicts = await asyncio.gather(
            *(
                send_message(
                    log if n % 2 else other, new_message=say(room, "ann", "same", request_id="r1")
                )
                for n in range(50)
            )
        )

    assert {verdict.seq for verdict in verdicts} == {1}
    assert sum(not verdict.deduplicated for verdict in verdicts) == 1


async def test_msg_03_a_retry_after_removal_still_gets_the_original(log, group, say, person):
    room = await group("ann", "bob")
    first = await send_message(log, new_message=say(room, "bob", "hi", request_id="r1"))
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["bob"],
        now=SystemClock().now(),
    )

    again = await send_message(log, new_message=say(room, "bob", "hi", request_id="r1"))

    assert again.message_id == first.message_id


async def test_a_batch_with_bad_items_stores_the_others_densely(log, group, say):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "known", request_id="known"))
    drafts: list = [say(room, "ann", f"m{n}") for n in range(60)]
    drafts.insert(7, say(room, "ann", "known", request_id="known"))
    drafts.insert(23, say(room, "ann", "other words", request_id="known"))
    drafts.insert(41, say(room, "eve", "let me in"))
    with pytest.raises(Refusal) as too_long:
        say(room, "ann", "字" * 60_000, request_id="long")
    drafts.insert(50, too_long.value)

    verdicts = await send_messages(log, new_messages=drafts)

    assert len(verdicts) == 64
    assert verdicts[7] == Stored(verdicts[7].message_id, 1, 2, verdicts[7].at, deduplicated=True)
    assert isinstance(verdicts[23], RequestIdReused)
    assert isinstance(verdicts[41], ConversationNotFound)
    assert verdicts[50].reason == "TEXT_TOO_LONG"
    stored = [v.seq for n, v in enumerate(verdicts) if n not in {7, 23, 41, 50}]
    assert stored == list(range(2, 62))


async def test_msg_14_a_removed_member_can_send_nothing_more(
    store, log, runtime, group, say, person
):
    room = await group("ann", "bob")
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        # The other process has bob as a member in memory.
        await send_message(other, new_message=say(room, "bob", "before"))
        await remove_members(
            log,
            actor=person("ann"),
            conversation_id=room,
            person_ids=["bob"],
            now=SystemClock().now(),
        )

        with pytest.raises(ConversationNotFound):
            await send_message(other, new_message=say(room, "bob", "after"))


async def test_a_conversation_that_does_not_exist_answers_like_a_foreign_one(log, group, say):
    room = await group("ann", "bob")
    with pytest.raises(ConversationNotFound) as foreign:
        await send_message(log, new_message=say(room, "eve", "hello"))
    with pytest.raises(ConversationNotFound) as absent:
        await send_message(log, new_message=say("cnv_none", "eve", "hello"))

    assert foreign.value.reason == absent.value.reason
    assert foreign.value.metadata.keys() == absent.value.metadata.keys()


async def test_msg_13_everybody_is_mentioned_by_administrators_only(log, group, say):
    room = await group("ann", "bob")

    assert (await send_message(log, new_message=say(room, "ann", "hi all", mention_all=True))).seq
    with pytest.raises(MentionAllDenied):
        await send_message(log, new_message=say(room, "bob", "hi all", mention_all=True))


async def test_msg_13_mentioned_outsiders_are_named_to_the_sender(log, group, say):
    room = await group("ann", "bob")

    stored = await send_message(log, new_message=say(room, "ann", "hi", mentions=("bob", "eve")))

    assert stored.not_in_conversation == ("eve",)


async def test_msg_15_a_reply_belongs_to_the_thread_of_its_target(store, log, group, say):
    room = await group("ann", "bob")
    root = await send_message(log, new_message=say(room, "ann", "root"))
    reply = await send_message(log, new_message=say(room, "bob", "reply", reply_to_seq=root.seq))
    await send_message(log, new_message=say(room, "ann", "deeper", reply_to_seq=reply.seq))

    messages = await store.messages.find_messages(room, [1, 2, 3])

    assert [message.root_seq for message in messages] == [0, 1, 1]
    with pytest.raises(RootNotFound):
        await send_message(log, new_message=say(room, "bob", "to nothing", reply_to_seq=99))


async def test_membership_changes_are_not_starved_by_a_busy_conversation(
    log, group, say, person, people
):
    room = await group("ann", "bob")
    busy = asyncio.ensure_future(
        send_messages(log, new_messages=[say(room, "ann", f"m{n}") for n in range(2000)])
    )

    changed = await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["carol"],
        role=Role.MEMBER,
        now=SystemClock().now(),
    )

    assert changed.person_ids == ("carol",)
    assert [verdict.seq for verdict in await busy] == list(range(1, 2001))


async def test_a_batch_is_one_span_and_each_entry_keeps_the_context_of_its_request(
    recorded_spans, store, log, group, say
):
    room = await group("ann", "bob")
    with telemetry.span("request"):
        context = telemetry.inject()
        await send_messages(
            log, new_messages=[say(room, "ann", f"the words {n}") for n in range(20)]
        )

    commits = recorded_spans.named("messaging.log.commit")
    assert sum(attributes_of(span)["plexus.items"] for span in commits) == 20
    assert len(commits) < 5
    request = ids(recorded_spans.one("request"))
    for span in commits:
        assert (ids(span)[0], parent_id(span)) == request
        assert [(link.trace_id, link.span_id) for link in origins_of(span)] == [request]
    rows = await store.entries.list_changes(room, since=1, limit=100)
    assert {row["traceparent"] for row in rows} == {context}
    assert "words" not in recorded_spans.text()
