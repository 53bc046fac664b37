"""Messaging killed at every fault point: no acknowledged message is lost or duplicated."""

import asyncio
import time

import grpc
import pytest
from plexus.messaging.v1.messaging_service_pb2 import (
    AddMembersRequest,
    ListMembersRequest,
    SendMessageRequest,
    SendMessagesRequest,
)
from plexus_testkit.wait import eventually

API = "messaging-api"
DIES_WITHIN = 20


@pytest.mark.parametrize(
    ("point", "in_the_log"), [("send.before_insert", 0), ("send.after_insert", 1)]
)
async def test_msg_2_killed_around_the_insert_the_retry_finds_or_stores_it_once(
    room, client, checker, armed, point, in_the_log
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    messaging = await armed(API, f"{point}:kill@1")

    sending = asyncio.create_task(ann.send(conversation, "hello"))
    await messaging.died(within=DIES_WITHIN)
    assert len(await checker.log_of(conversation)) == in_the_log
    assert not sending.done()
    await messaging.begin()
    stored = await sending

    assert (stored.seq, stored.deduplicated) == (1, bool(in_the_log))
    await checker.kept(conversation, [ann])
    await checker.delivered(conversation, [ann, bob], seqs=[1])


async def test_msg_3_killed_in_the_middle_of_a_batch_the_retry_stores_the_rest_dense(
    people, room, client, checker, armed, patiently
):
    conversation = await room("ann", "bob")
    bob, plexus = await client("bob"), people["ann"]
    items = [
        SendMessageRequest(conversation_id=conversation, request_id=f"r{n}", text=f"t{n}")
        for n in range(64)
    ]
    messaging = await armed(API, "send.after_insert:kill@2")
    # Stored before, so that the batch's first write ends there and its second never happens.
    await patiently(plexus, plexus.messaging.SendMessage, items[30])

    request = SendMessagesRequest(items=items)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await plexus.messaging.SendMessages(request, metadata=await plexus.metadata(), timeout=15)
    await messaging.died(within=DIES_WITHIN)
    half = await checker.log_of(conversation)
    await messaging.begin()
    response = await patiently(plexus, plexus.messaging.SendMessages, request)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert [each.request_id for each in half] == ["r30", *(f"r{n}" for n in range(30))]
    verdicts = [verdict.stored for verdict in response.verdicts]
    assert [each.deduplicated for each in verdicts] == [n <= 30 for n in range(64)]
    stored = await checker.log_of(conversation)
    assert {each.request_id: each.seq for each in stored} == {
        item.request_id: verdict.seq for item, verdict in zip(items, verdicts, strict=True)
    }
    await checker.delivered(conversation, [bob], seqs=range(1, 65))


async def test_killed_inside_the_transaction_of_a_membership_change_the_next_send_takes_under_6_s(
    platform, people, room, direct, checker, armed
):
    conversation = await room("ann", "bob")
    doras_id = people["dora"].profile.person_id
    added = AddMembersRequest(conversation_id=conversation, person_ids=[doras_id])
    async with platform.another(API):
        survivor = await direct("ann", f"{API}-2")
        await survivor.send(conversation, "before")
        doomed = await armed(API, "change.in_transaction:kill@1")
        await eventually(lambda: asyncio.to_thread(doomed.ready), within=DIES_WITHIN)
        ann = await direct("ann", API)

        with pytest.raises(grpc.aio.AioRpcError):
            await ann.call("AddMembers", added)
        await doomed.died(within=DIES_WITHIN)
        killed_at = time.monotonic()
        stored = await survivor.send(conversation, "after", within=30)
        took = time.monotonic() - killed_at
        request = ListMembersRequest(conversation_id=conversation)
        members = await survivor.call("ListMembers", request)
        again = await survivor.call("AddMembers", added)

    assert took < 6
    assert stored.seq == 2
    assert doras_id not in {member.person_id for member in members.members}
    assert list(again.added_person_ids) == [doras_id]
    await checker.kept(conversation, [survivor])


async def test_killed_after_the_commit_of_a_membership_change_it_is_there_once(
    people, room, client, direct, checker, armed, patiently
):
    conversation = await room("ann", "bob")
    dora, ann = await client("dora"), people["ann"]
    doras_id = people["dora"].profile.person_id
    added = AddMembersRequest(conversation_id=conversation, person_ids=[doras_id])
    doomed = await armed(API, "change.after_commit:kill@1")
    await eventually(lambda: asyncio.to_thread(doomed.ready), within=DIES_WITHIN)

    with pytest.raises(grpc.aio.AioRpcError):
        await (await direct("ann", API)).call("AddMembers", added)
    await doomed.died(within=DIES_WITHIN)
    await doomed.begin()
    again = await patiently(ann, ann.messaging.AddMembers, added)
    stored = await dora.send(conversation, "hello")

    assert list(again.added_person_ids) == []
    assert (stored.seq, stored.change_no) == (1, 3)
    await checker.kept(conversation, [dora])
    await checker.delivered(conversation, [dora], seqs=[1])
