"""Kafka, OpenSearch or MongoDB down: their dependents wait, everything else continues (MSG-2)."""

import asyncio
import contextlib
import http
import signal
from collections.abc import AsyncIterator

import grpc
import pytest
from plexus.messaging.v1.messaging_service_pb2 import ListConversationsRequest
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.topics import CONSUMERS
from plexus_local.servers.child import signal_group
from plexus_testkit.wait import eventually
from plexuskit.kafka import dlq_depth

OK, UNREADY = http.HTTPStatus.OK, http.HTTPStatus.SERVICE_UNAVAILABLE
# A send that waited for Kafka or OpenSearch would take as long as the outage.
ACKNOWLEDGED_WITHIN = 5


async def test_msg_2_kafka_stopped_sends_are_acknowledged_and_everything_arrives_after(
    platform, people, room, client, checker, talking
):
    await _send_without_kafka(platform, people, room, client, checker, talking, seconds=8)


@pytest.mark.long
async def test_msg_2_kafka_stopped_for_30_s_sends_are_acknowledged_and_everything_arrives_after(
    platform, people, room, client, checker, talking
):
    await _send_without_kafka(platform, people, room, client, checker, talking, seconds=30)


@pytest.mark.long
async def test_opensearch_stopped_chat_goes_on_and_search_answers_unavailable_then_catches_up(
    platform, people, room, client, checker, talking
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    letters = await _dead_letters(platform)
    plexus, request = people["bob"], SearchRequest(query="says", types=["message"])

    async with platform.without("opensearch"):
        async with talking([ann], conversation, every=0.1, mention=bob.person_id):
            await eventually(lambda: len(bob.of(conversation).seqs) >= 20, within=30)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await plexus.search.Search(request, metadata=await plexus.metadata(), timeout=15)
        seqs = range(1, len(ann.acknowledged) + 1)
        await checker.delivered(conversation, [ann, bob], seqs=seqs)
        await checker.notified(plexus, conversation, seqs=seqs)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert max(ann.waits) < ACKNOWLEDGED_WITHIN
    await checker.indexed(conversation, seqs=seqs)

    async def found() -> bool:
        answer = await plexus.call(plexus.search.Search, request)
        return bool(answer.total >= len(seqs) and not answer.partial)

    await eventually(found, within=40, every=0.5)
    assert await _dead_letters(platform) == letters


async def test_mongo_frozen_every_process_lives_and_its_owners_are_unready_until_it_is_back(
    platform, room, client, checker
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await ann.send(conversation, "before")
    mongod = platform.servers["mongo"].child.pid

    signal_group(mongod, signal.SIGSTOP)
    sending = asyncio.create_task(ann.send(conversation, "meanwhile"))
    owners = ["directory", "messaging-api", "tasks", "notify"]
    await eventually(lambda: _all(platform, owners, "/readyz", UNREADY), within=30)
    alive = await _all(platform, list(platform.processes), "/livez", OK)
    signal_group(mongod, signal.SIGCONT)
    await eventually(lambda: _all(platform, owners, "/readyz", OK), within=30)
    stored = await sending

    assert alive
    assert stored.seq == 2
    await checker.kept(conversation, [ann])
    await checker.delivered(conversation, [ann, bob], seqs=[1, 2])


async def _send_without_kafka(
    platform, people, room, client, checker, talking, *, seconds: float
) -> None:
    conversation = await room("ann", "bob", "chen")
    ann, bob, chen = await client("ann"), await client("bob"), await client("chen")
    plexus = people["bob"]

    async with talking([ann, chen], conversation, every=0.1, mention=bob.person_id):
        await eventually(lambda: len(bob.of(conversation).seqs) >= 5, within=30)
        async with platform.without("kafka"):
            sent = len(ann.waits)
            async with _watching(platform) as seen:
                await asyncio.sleep(seconds)
            assert len(ann.waits) - sent >= seconds, "hardly anything was acknowledged"
        listed = await plexus.call(
            plexus.messaging.ListConversations, ListConversationsRequest(page_size=1)
        )

    assert listed.views
    assert max(ann.waits + chen.waits) < ACKNOWLEDGED_WITHIN
    assert {each["messaging-api"] for each in seen["/readyz"]} == {OK}
    for process in platform.processes:
        assert {each[process] for each in seen["/livez"]} == {OK}, process
    seqs = range(1, len(ann.acknowledged) + len(chen.acknowledged) + 1)
    await checker.kept(conversation, [ann, chen])
    await checker.delivered(conversation, [ann, bob, chen], seqs=seqs)
    await checker.indexed(conversation, seqs=seqs)
    await checker.notified(plexus, conversation, seqs=seqs)


@contextlib.asynccontextmanager
async def _watching(platform) -> AsyncIterator[dict[str, list[dict[str, int]]]]:
    """Poll the status of every process once a second; yield the answers by page."""
    seen: dict[str, list[dict[str, int]]] = {"/livez": [], "/readyz": []}

    async def watch() -> None:
        while True:
            for page, answers in seen.items():
                answers.append(await _pages(platform, list(platform.processes), page))
            await asyncio.sleep(1)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert seen["/readyz"]


async def _pages(platform, processes: list[str], page: str) -> dict[str, int]:
    answers = await asyncio.gather(
        *(asyncio.to_thread(platform[name].get, page) for name in processes)
    )
    return {name: status for name, (status, _) in zip(processes, answers, strict=True)}


async def _all(platform, processes: list[str], page: str, status: int) -> bool:
    return set((await _pages(platform, processes, page)).values()) == {status}


async def _dead_letters(platform) -> dict[str, int]:
    section = platform.kafka
    return {each.group: await dlq_depth(section, each.group) for each in CONSUMERS if each.dlq}
