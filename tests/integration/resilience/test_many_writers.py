"""One conversation, many writers: exactly 1..N, even when writers and processes die (MSG-1)."""

import asyncio
import contextlib
import random

import pytest
from plexus.messaging.v1.messaging_service_pb2 import AddMembersRequest, RemoveMembersRequest

API, RELAY = "messaging-api", "messaging-relay"
NAMES = ("ann", "bob", "chen", "dora", "eve")


async def test_msg_1_two_processes_write_one_conversation_dense_and_in_one_order(
    platform, people, room, client, direct, checker
):
    conversation = await room("ann", "bob", "chen")
    listener = await client("chen")
    dora = people["dora"].profile.person_id
    async with platform.another(API):
        anns = [await direct("ann", process) for process in (API, f"{API}-2")]
        bobs = [await direct("bob", process) for process in (API, f"{API}-2")]

        async def write(writer) -> None:
            for number in range(60):
                await writer.send(conversation, f"{number}")

        async def come_and_go() -> None:
            for _ in range(4):
                # Alternating processes, so that each has a tail that the other made stale.
                for writer, method, request_type in (
                    (anns[0], "AddMembers", AddMembersRequest),
                    (anns[1], "RemoveMembers", RemoveMembersRequest),
                ):
                    request = request_type(conversation_id=conversation, person_ids=[dora])
                    await writer.insist(method, request)

        await asyncio.gather(*(write(writer) for writer in (*anns, *bobs)), come_and_go())

    stored = await checker.kept(conversation, [*anns, *bobs])
    assert len(stored) == 240
    await checker.delivered(conversation, [listener], seqs=range(1, 241))


@pytest.mark.long
async def test_msg_1_20_writers_with_random_kills_give_exactly_1_to_n(
    platform, room, client, checker
):
    await _write_under_kills(platform, room, client, checker, writers=20, sends=50, kills=3)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_msg_1_50_writers_of_200_sends_with_random_kills_give_exactly_1_to_n(
    platform, room, client, checker
):
    await _write_under_kills(platform, room, client, checker, writers=50, sends=200, kills=12)


async def _write_under_kills(platform, room, client, checker, *, writers, sends, kills) -> None:
    """Let devices write while messaging and its relay are killed after random numbers of batches.

    Some processes are killed at a random time instead, which hits places without a fault point.
    """
    conversation = await room(*NAMES)
    devices = [await client(NAMES[number % len(NAMES)]) for number in range(writers)]
    chance = random.Random()  # noqa: S311 - a test's dice
    api, relay = platform[API], platform[RELAY]
    lives: list[str] = []

    async def write(device) -> None:
        for number in range(sends):
            await device.send(conversation, f"{device.person_id} {number}", within=120)

    async def kill(writing: asyncio.Future) -> None:
        for life in range(kills):
            point = chance.choice(["send.before_insert", "send.after_insert"])
            fault = f"{point}:kill@{chance.randint(2, 2 * sends // (3 * kills))}"
            api.kill()
            # Not `begin`: it may die before it reports that it is ready.
            api.start(PLEXUS_FAULT=fault)
            lives.append(fault)
            with contextlib.suppress(AssertionError):
                await api.died(within=20 if life % 3 else chance.uniform(0.5, 2))
            if life % 2:
                relay.kill()
                await relay.begin()
        assert not writing.done(), f"nobody wrote any more when the last of {lives} began"
        api.kill()
        await api.begin()

    writing = asyncio.gather(*(write(device) for device in devices))
    await asyncio.gather(writing, kill(writing))

    stored = await checker.kept(conversation, devices)
    assert len(stored) == writers * sends
    assert sum(len(device.acknowledged) for device in devices) == writers * sends
    await checker.delivered(conversation, devices, seqs=range(1, writers * sends + 1))
