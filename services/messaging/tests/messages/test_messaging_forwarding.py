"""Forwarding with provenance, and nothing forwarded that may not be (MSG-16)."""

import pytest
from messaging.conversations.operations.conversations import update_conversation
from messaging.conversations.operations.members import add_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.messages.domain.messages import Span, SpanKind
from messaging.messages.domain.refusals import (
    ConversationIsConfidential,
    ForwardNested,
    MessageIsRecalled,
    MessageNotFound,
)
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.operations.messages import send_message
from plexuskit.clock import SystemClock


@pytest.fixture
def forward(log, person):
    async def carry_out(who, room, seqs, target, *, merged=False, comment="", request_id="f1"):
        return await forward_messages(
            log,
            actor=person(who),
            conversation_id=room,
            seqs=seqs,
            to_conversation_id=target,
            merged=merged,
            comment=comment,
            request_id=request_id,
        )

    return carry_out


@pytest.fixture
async def rooms(group, log, say):
    """Two groups of ann and bob; in the first bob has posted two messages, one addressed to ann."""
    first, second = await group("ann", "bob"), await group("ann", "bob")
    spans = (Span(0, 4, SpanKind.MENTION, "ann"), Span(5, 4, SpanKind.BOLD))
    await send_message(log, new_message=say(first, "bob", "@ann bold", spans=spans))
    await send_message(log, new_message=say(first, "bob", "second"))
    return first, second


async def found(store, room, seq):
    (message,) = await store.messages.find_messages(room, [seq])
    return message


async def test_msg_16_a_copy_names_its_origin_and_mentions_nobody(store, rooms, forward):
    first, second = rooms

    (told,) = await forward("ann", first, [1], second)

    original, copy = await found(store, first, 1), await found(store, second, told.seq)
    (origin,) = copy.forwarded
    assert (copy.text, copy.sender_id) == ("@ann bold", "ann")
    assert (origin.conversation_id, origin.message_id, origin.sender_id, origin.sent_at) == (
        first,
        original.id,
        "bob",
        original.sent_at,
    )
    assert not copy.mentions
    assert [span.WhichOneof("meaning") for span in copy.spans] == ["bold"]


async def test_msg_16_merged_they_are_one_message_with_a_comment(store, rooms, forward):
    first, second = rooms

    (told,) = await forward("ann", first, [2, 1], second, merged=True, comment="看一下")

    copy = await found(store, second, told.seq)
    assert copy.text == "看一下"
    assert [each.text for each in copy.forwarded] == ["second", "@ann bold"]


async def test_msg_16_merged_forwards_do_not_nest_but_go_on_alone(store, rooms, forward):
    first, second = rooms
    (merged,) = await forward("ann", first, [1, 2], second, merged=True)

    with pytest.raises(ForwardNested):
        await forward("ann", second, [merged.seq], first, merged=True, request_id="f2")
    (told,) = await forward("ann", second, [merged.seq], first, request_id="f3")

    copy = await found(store, first, told.seq)
    assert [each.text for each in copy.forwarded] == ["@ann bold", "second"]


async def test_msg_03_forwarding_again_stores_nothing_more(rooms, forward):
    first, second = rooms
    once = await forward("ann", first, [1, 2], second, comment="both")
    twice = await forward("ann", first, [1, 2], second, comment="both")

    assert [each.seq for each in once] == [1, 2, 3]
    assert [(each.seq, each.deduplicated) for each in twice] == [(n, True) for n in (1, 2, 3)]


async def test_msg_16_nothing_leaves_a_confidential_conversation(log, rooms, forward, person):
    first, second = rooms
    await update_conversation(
        log,
        actor=person("ann"),
        conversation_id=first,
        name=None,
        topic=None,
        archived=None,
        confidential=True,
        expected_version=0,
        now=SystemClock().now(),
    )

    with pytest.raises(ConversationIsConfidential):
        await forward("ann", first, [1], second)


async def test_msg_14_only_what_one_sees_is_forwarded_and_only_where_one_is(
    log, group, rooms, forward, people, person
):
    first, second = rooms
    elsewhere = await group("bob")
    with pytest.raises(ConversationNotFound):
        await forward("ann", first, [1], elsewhere)
    with pytest.raises(ConversationNotFound):
        await forward("mallory", first, [1], second)
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=first,
        person_ids=["eve"],
        role=1,
        now=SystemClock().now(),
    )
    with pytest.raises(MessageNotFound):
        await forward("eve", first, [1], second)


async def test_msg_12_what_is_recalled_is_not_forwarded_and_copies_stay(
    store, rooms, forward, change
):
    first, second = rooms
    (told,) = await forward("ann", first, [2], second)
    await change("recall", "bob", first, 2)

    with pytest.raises(MessageIsRecalled):
        await forward("ann", first, [2], second, request_id="f2")
    assert (await found(store, second, told.seq)).text == "second"
