"""Relay and consumers killed, stalled or repeated: no fact lost, no effect twice."""

import asyncio
import re

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messaging_service_pb2 import AddMembersRequest, RemoveMembersRequest
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexus_testkit.wait import eventually
from plexuskit.kafka import producer

RELAY = "messaging-relay"
# The lease of a relay expires after 10 s.
PAST_THE_LEASE = 12.5


async def test_the_relay_killed_in_mid_batch_loses_nothing_and_tells_nothing_twice(
    platform, people, room, client, checker, armed
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await platform[RELAY].end()
    await _say(ann, conversation, 40, mention=bob.person_id)

    relay = await armed(RELAY, "relay.after_publish:kill@1")
    await relay.died(within=30)
    await relay.begin()
    await _say(ann, conversation, 10, mention=bob.person_id)

    seqs = range(1, 51)
    await checker.kept(conversation, [ann])
    await checker.delivered(conversation, [ann, bob], seqs=seqs)
    await checker.indexed(conversation, seqs=seqs)
    await checker.notified(people["bob"], conversation, seqs=seqs)


async def test_msg_14_a_relay_paused_past_its_lease_loses_and_repeats_nothing_for_anybody(
    platform, people, room, client, checker, armed, patiently
):
    conversation = await room("ann", "bob", "dora")
    ann, bob, dora = await client("ann"), await client("bob"), await client("dora")
    await ann.send(conversation, "before", mention=dora.person_id)
    # Kafka has its first batch; the relay stalls before it records that, until another has led.
    paused = await armed(RELAY, f"relay.after_publish:pause@1:{PAST_THE_LEASE}")
    await _say(ann, conversation, 20, mention=dora.person_id)
    await eventually(lambda: "fault: paused" in paused.log_text(), within=90)
    async with platform.another(RELAY) as other:
        await patiently(
            people["ann"],
            people["ann"].messaging.RemoveMembers,
            RemoveMembersRequest(conversation_id=conversation, person_ids=[dora.person_id]),
        )
        await _say(ann, conversation, 20, mention=dora.person_id)
        await eventually(lambda: _leads(other), within=90)
        await checker.delivered(conversation, [bob], seqs=range(1, 42))
        # The first one resumes and finds that it no longer leads.
        await eventually(lambda: _stands_by(paused), within=90)
        await _say(ann, conversation, 10, mention=dora.person_id)
        await checker.delivered(conversation, [ann, bob], seqs=range(1, 52))

    await checker.kept(conversation, [ann])
    await _is_gone(people["dora"], dora, conversation, checker, heard=range(1, 22))
    await checker.indexed(conversation, seqs=range(1, 52))


async def test_msg_14_facts_repeated_after_newer_ones_bring_back_no_removed_member(
    platform, people, room, client, checker
):
    conversation = await room("ann", "bob")
    ann, bob, dora = await client("ann"), await client("bob"), await client("dora")
    members = {"conversation_id": conversation, "person_ids": [dora.person_id]}
    messaging = people["ann"].messaging
    await people["ann"].call(messaging.AddMembers, AddMembersRequest(**members))
    await ann.send(conversation, "hello", mention=dora.person_id)
    await people["ann"].call(messaging.RemoveMembers, RemoveMembersRequest(**members))
    await ann.send(conversation, "without you", mention=dora.person_id)
    await checker.delivered(conversation, [bob, ann], seqs=[1, 2])

    await _publish_again(platform, conversation, await checker.events_of(conversation))
    await _say(ann, conversation, 5, mention=dora.person_id)

    await checker.delivered(conversation, [ann, bob], seqs=range(1, 8))
    await checker.indexed(conversation, seqs=range(1, 8))
    await checker.notified(people["dora"], conversation, seqs=[1])
    await _is_gone(people["dora"], dora, conversation, checker, heard=[1])


@pytest.mark.parametrize("service", ["notify", "search"])
async def test_a_consumer_killed_after_its_effect_has_it_once(
    platform, people, room, client, checker, armed, service
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await platform[service].end()
    await _say(ann, conversation, 20, mention=bob.person_id)
    await checker.delivered(conversation, [bob], seqs=range(1, 21))

    process = await armed(service, "consumer.after_effect:kill@1")
    await process.died(within=40)
    await process.begin()
    await _say(ann, conversation, 5, mention=bob.person_id)

    seqs = range(1, 26)
    await checker.indexed(conversation, seqs=seqs)
    await checker.notified(people["bob"], conversation, seqs=seqs)
    # The offsets were not committed, so records whose effect was stored were handled once more.
    handled = re.search(
        rf'records_total{{group="{service}.messages",outcome="handled"}} (\d+)',
        (await asyncio.to_thread(process.get, "/metrics"))[1],
    )
    assert handled is not None
    assert int(handled[1]) >= 25


async def _say(client, conversation: str, count: int, *, mention: str) -> None:
    for number in range(count):
        await client.send(conversation, f"word {number}", mention=mention)


async def _publish_again(platform, conversation: str, events: list[bytes]) -> None:
    records = []
    for event in events:
        kind = Envelope.FromString(event).type.encode()
        records.append((MESSAGING_CONVERSATION_V1.name, conversation, event, {"type": kind}))
    async with producer(platform.kafka) as out:
        await out.send_batch(records)


async def _leads(process) -> bool:
    _, metrics = await asyncio.to_thread(process.get, "/metrics")
    return "plexus_relay_leading 1.0" in metrics


async def _stands_by(process) -> bool:
    return not await _leads(process)


async def _is_gone(plexus, device, conversation: str, checker, *, heard) -> None:
    """Check that a removed member got all facts before the removal, and none by any path since."""
    await checker.delivered(conversation, [device], seqs=heard)
    await eventually(lambda: device.of(conversation).closed_at, within=30)
    assert (
        max(c for _, room, c in device.live if room == conversation)
        < device.of(conversation).closed_at
    )
    request = SearchRequest(query="word", types=["message"], page_size=100)
    found = await plexus.call(plexus.search.Search, request)
    assert {hit.seq for hit in found.hits if hit.conversation_id == conversation} <= set(heard)
    await checker.notified(plexus, conversation, seqs=list(heard))
