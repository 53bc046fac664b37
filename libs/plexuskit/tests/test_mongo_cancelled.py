"""Callers that disconnect: the pool stays usable, and operations under way end by themselves."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from plexuskit.config import MongoSection
from plexuskit.mongo import Collection, Database, connect
from plexuskit.mongo.driving import wait_for_abandoned
from plexuskit.mongo.transactions import Transaction

CALLS = 200
ROUNDS = 10


@pytest.fixture
async def crowded(mongo_url, db):
    """A database whose pool is much smaller than the crowd that asks."""
    section = MongoSection(url=mongo_url, database=db.name, pool_size=5)
    async with connect(section) as database:
        yield database


async def _leave_twice(
    calls: Callable[[], Coroutine[Any, Any, Any]], *, after: float
) -> list[BaseException | Any]:
    """Begin many calls and cancel each twice, as a deadline and gRPC's server do."""
    tasks = [asyncio.create_task(calls()) for _ in range(CALLS)]
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    loop.call_later(after, gone.set_result, None)
    await gone
    for _ in range(2):
        for task in tasks:
            task.cancel()
        # One turn of the loop later the first cancellation is being cleaned up.
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)


async def _reads(_: Database, people: Collection) -> None:
    await people.find_one({"_id": "ann"})


async def _lists(_: Database, people: Collection) -> None:
    async for found in people.find({}, batch_size=2):
        assert found


async def _transacts(db: Database, people: Collection) -> None:
    async def work(tx: Transaction) -> None:
        await people.find_one({"_id": "ann"}, tx=tx)

    await db.transact(work)


@pytest.mark.parametrize("operation", [_reads, _lists, _transacts])
async def test_calls_cancelled_twice_in_one_moment_leave_a_pool_that_serves(crowded, operation):
    people = crowded.collection("people", schema_version=1)
    for number in range(5):
        await people.insert({"_id": f"{operation.__name__}{number}"})
    for number in range(ROUNDS):
        ended = await _leave_twice(lambda: operation(crowded, people), after=0.002 + 0.004 * number)
        assert {type(each) for each in ended} <= {asyncio.CancelledError, type(None)}
        await asyncio.wait_for(crowded.ping(), 30)


async def test_a_write_whose_caller_has_gone_still_happens(crowded):
    people = crowded.collection("people", schema_version=1)
    writing = asyncio.create_task(people.insert({"_id": "bob"}))
    turn = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turn.set_result, None)
    await turn
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    async def stored() -> None:
        while await people.find_one({"_id": "bob"}) is None:
            await crowded.ping()

    await asyncio.wait_for(stored(), 30)


async def test_a_cancelled_call_whose_operation_fails_logs_no_traceback(crowded):
    people = crowded.collection("people", schema_version=1)
    await people.insert({"_id": "eve"})  # transactions make no collections here
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    stored, leave, conflicting = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first(tx: Transaction) -> None:
        await people.insert({"_id": "cid"}, tx=tx)
        stored.set()
        await leave.wait()

    async def second(tx: Transaction) -> None:
        conflicting.set()
        await people.insert({"_id": "cid"}, tx=tx)

    holder = asyncio.create_task(crowded.transact(first))
    await stored.wait()
    for _ in range(ROUNDS):
        conflicting.clear()
        caller = asyncio.create_task(crowded.transact(second, attempts=1))
        await conflicting.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
    leave.set()
    await holder
    await asyncio.wait_for(wait_for_abandoned(), 30)
    gc.collect()

    assert reported == []

    async def deleted(tx: Transaction) -> bool:
        return await people.delete({"_id": "cid"}, tx=tx)

    # No session of a caller that has gone holds the document.
    assert await asyncio.wait_for(crowded.transact(deleted, attempts=1), 10)
