"""Clocks an hour apart: numbers order messages, nothing is stored twice (MSG-3, MSG-5)."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexuskit.clock import SystemClock

API, RELAY, DIRECTORY = "messaging-api", "messaging-relay", "directory"
EACH = 30
# A clock that is ahead; one that is behind takes as long again.
BOTH_WAYS = pytest.mark.parametrize("hours", [1, pytest.param(-1, marks=pytest.mark.long)])


@asynccontextmanager
async def _moved_settings(platform, moved):
    """Return the settings of a messaging process with a shifted clock.

    It fills its replica of roles from a directory whose clock is shifted too: any other would
    reject all of its calls, and it would never be ready.
    """
    offset = str(moved.total_seconds())
    async with platform.another(DIRECTORY, roles=("api",), PLEXUS_CLOCK_OFFSET=offset):
        there = platform.address_of(f"{DIRECTORY}-2")
        yield {"PLEXUS_CLOCK_OFFSET": offset, "MESSAGING_PEERS__DIRECTORY": there}


@asynccontextmanager
async def _moved(platform, moved):
    """Run one more messaging process with a shifted clock."""
    async with _moved_settings(platform, moved) as settings, platform.another(API, **settings):
        yield


class MovedClock(SystemClock):
    """The machine's clock with an offset."""

    def __init__(self, moved: timedelta) -> None:
        super().__init__()
        self._offset = moved


@BOTH_WAYS
async def test_msg_5_two_processes_an_hour_apart_write_one_order_and_know_each_others_requests(
    platform, room, client, direct, checker, hours
):
    conversation = await room("ann", "bob")
    listener = await client("bob")
    moved = timedelta(hours=hours)
    async with _moved(platform, moved):
        here = await direct("ann", API)
        there = await direct("ann", f"{API}-2", MovedClock(moved))
        began = time.time()

        async def write(writer) -> None:
            for number in range(EACH):
                await writer.send(conversation, f"{number}")

        await asyncio.gather(write(here), write(there))
        same = SendMessageRequest(conversation_id=conversation, request_id="same", text="once")
        first = await there.call("SendMessage", same)
        again = await here.call("SendMessage", same)

    stored = await checker.kept(conversation, [here, there])
    assert len(stored) == 2 * EACH + 1
    assert (again.seq, again.message_id, again.deduplicated) == (first.seq, first.message_id, True)
    apart = first.server_time.seconds - began - moved.total_seconds()
    assert abs(apart) < 120
    await checker.delivered(conversation, [listener], seqs=range(1, 2 * EACH + 2))


@BOTH_WAYS
async def test_gw_1_a_process_an_hour_off_believes_no_caller_and_stores_nothing(
    platform, room, direct, checker, hours
):
    conversation = await room("ann", "bob")
    async with _moved(platform, timedelta(hours=hours)):
        there = await direct("ann", f"{API}-2")
        request = SendMessageRequest(conversation_id=conversation, request_id="r", text="hello")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await there.call("SendMessage", request)

    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert await checker.log_of(conversation) == []


@BOTH_WAYS
async def test_a_relay_an_hour_off_publishes_everything_once_and_in_order(
    platform, room, client, checker, hours
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    await ann.send(conversation, "before")
    await platform[RELAY].end()
    async with _moved_settings(platform, timedelta(hours=hours)) as settings:
        await platform[RELAY].begin(**settings)
        for number in range(20):
            await ann.send(conversation, f"moved {number}")
        await platform[RELAY].end()
    await platform[RELAY].begin()
    await ann.send(conversation, "after")

    await checker.kept(conversation, [ann])
    await checker.delivered(conversation, [ann, bob], seqs=range(1, 23))
