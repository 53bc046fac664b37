"""Transactions on a real mongod: all or nothing, run again after conflicts, bounded."""

import asyncio
import gc
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown, VersionConflict
from plexuskit.mongo import Collection, Database, DuplicateKey, Retry, Transaction
from pymongo.errors import OperationFailure


@pytest.fixture
async def accounts(db: Database) -> Collection:
    collection = db.collection("accounts", schema_version=1)
    await collection.ensure_indexes([])
    await collection.insert_many([{"_id": "a", "has": 100}, {"_id": "b", "has": 0}])
    return collection


async def has(accounts: Collection, name: str, tx: Transaction | None = None) -> int:
    found = await accounts.find_one({"_id": name}, tx=tx)
    assert found is not None
    amount: int = found["has"]
    return amount


async def test_a_transaction_returns_what_its_work_returned(
    db: Database, accounts: Collection
) -> None:
    async def work(tx: Transaction) -> str:
        await accounts.update({"_id": "a"}, {"$inc": {"has": -10}}, tx=tx)
        await accounts.update({"_id": "b"}, {"$inc": {"has": 10}}, tx=tx)
        return "moved"

    assert await db.transact(work) == "moved"
    assert (await has(accounts, "a"), await has(accounts, "b")) == (90, 10)


async def test_conflicting_transactions_all_happen_one_after_the_other(
    db: Database, accounts: Collection
) -> None:
    runs = 0

    async def work(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        seen = await has(accounts, "a", tx)
        await asyncio.sleep(0.001)
        await accounts.update({"_id": "a"}, {"$set": {"has": seen - 1}}, tx=tx)

    await asyncio.gather(*[db.transact(work, attempts=100) for _ in range(8)])

    assert await has(accounts, "a") == 92
    assert runs > 8


async def test_a_transaction_reads_one_snapshot(db: Database, accounts: Collection) -> None:
    async def work(tx: Transaction) -> tuple[int, int]:
        first = await has(accounts, "a", tx)
        await accounts.update({"_id": "b"}, {"$set": {"has": 7}})
        return first, await has(accounts, "b", tx)

    assert await db.transact(work) == (100, 0)


async def test_a_refusal_inside_leaves_nothing_behind(db: Database, accounts: Collection) -> None:
    async def work(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$set": {"has": 0}}, tx=tx)
        raise VersionConflict(expected_version=1, current_version=2)

    with pytest.raises(VersionConflict):
        await db.transact(work)

    assert await has(accounts, "a") == 100
    # Nothing is locked any more either.
    assert await accounts.update({"_id": "a"}, {"$set": {"has": 1}}) == 1


@pytest.mark.parametrize("many", [False, True])
async def test_a_duplicate_key_escapes_and_nothing_is_stored(
    db: Database, accounts: Collection, *, many: bool
) -> None:
    async def work(tx: Transaction) -> None:
        await accounts.insert({"_id": "c"}, tx=tx)
        if many:
            await accounts.insert_many([{"_id": "d"}, {"_id": "a"}], tx=tx)
        else:
            await accounts.insert({"_id": "a"}, tx=tx)

    with pytest.raises(DuplicateKey) as failure:
        await db.transact(work)

    assert failure.value.key == {"_id": "a"}
    assert failure.value.position == (1 if many else 0)
    assert await accounts.count({}) == 2


async def test_work_that_raises_retry_runs_again_on_fresh_state(
    db: Database, accounts: Collection
) -> None:
    wanted = "a"

    async def work(tx: Transaction) -> str:
        nonlocal wanted
        try:
            await accounts.insert({"_id": wanted}, tx=tx)
        except DuplicateKey:
            wanted = "another"
            raise Retry from None
        return wanted

    assert await db.transact(work) == "another"
    assert await accounts.count({}) == 3


async def test_attempts_are_bounded(db: Database) -> None:
    runs = 0

    async def work(_: Transaction) -> None:
        nonlocal runs
        runs += 1
        raise Retry

    with pytest.raises(DependencyDown) as failure:
        await db.transact(work, attempts=3)

    assert runs == 3
    assert isinstance(failure.value.__cause__, Retry)


async def test_time_is_bounded(db: Database) -> None:
    async def work(_: Transaction) -> None:
        await asyncio.sleep(0.02)
        raise Retry

    async with asyncio.timeout(60):
        with pytest.raises(DependencyDown):
            await db.transact(work, attempts=10_000, within=timedelta(milliseconds=300))


async def test_a_document_that_stays_blocked_is_a_dependency_that_is_down(
    db: Database, accounts: Collection
) -> None:
    blocked, enough = asyncio.Event(), asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$set": {"has": 1}}, tx=tx)
        blocked.set()
        await enough.wait()

    async def want(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$set": {"has": 2}}, tx=tx)

    holder = asyncio.create_task(db.transact(hold))
    await blocked.wait()
    with pytest.raises(DependencyDown):
        await db.transact(want, attempts=3)
    enough.set()
    await holder

    assert await has(accounts, "a") == 1


async def test_a_cancelled_transaction_frees_its_documents_at_once(
    db: Database, accounts: Collection
) -> None:
    blocked = asyncio.Event()

    async def hold(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$set": {"has": 1}}, tx=tx)
        blocked.set()
        await asyncio.Event().wait()

    holder = asyncio.create_task(db.transact(hold))
    await blocked.wait()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder

    async def want(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$set": {"has": 2}}, tx=tx)

    async with asyncio.timeout(1):
        await db.transact(want)
    assert await has(accounts, "a") == 2


async def test_a_transaction_outlived_by_the_server_runs_again(
    db: Database, accounts: Collection
) -> None:
    runs: list[Any] = []

    async def work(tx: Transaction) -> None:
        await accounts.update({"_id": "a"}, {"$inc": {"has": 1}}, tx=tx)
        if not runs:
            runs.append(1)
            # The server ends transactions after 3 s; it looks every second and a half.
            await asyncio.sleep(6)
        await accounts.update({"_id": "b"}, {"$inc": {"has": 1}}, tx=tx)

    await db.transact(work, within=timedelta(seconds=20))

    assert await eventually(lambda: has(accounts, "b")) == 1
    assert await has(accounts, "a") == 101


# PyMongo leaves the socket of a cancelled connection attempt to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")
@pytest.mark.parametrize("what", ["find", "insert_many", "transact"])
async def test_a_cancellation_is_heard_at_whatever_moment_it_comes(
    db: Database, accounts: Collection, what: str
) -> None:
    async def operate(number: int) -> None:
        if what == "find":
            await accounts.find_all({})
        elif what == "insert_many":
            await accounts.insert_many([{"_id": f"{number}-{no}"} for no in range(20)])
        else:
            await db.transact(lambda tx: accounts.update({"_id": "a"}, {"$inc": {"n": 1}}, tx=tx))
        await asyncio.Event().wait()

    for number in range(60):
        task = asyncio.create_task(operate(number))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        # A swallowed cancellation would leave the task waiting for ever.
        done, _ = await asyncio.wait([task], timeout=2)
        assert done, f"cancelled after {number} turns of the loop, and goes on"
    gc.collect()


@pytest.mark.filterwarnings("ignore:.*unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket")
async def test_a_deadline_strikes_in_the_middle_of_an_operation(accounts: Collection) -> None:
    async def read_for_ever() -> None:
        while True:
            await accounts.find_all({})

    for turns in range(30):
        limit = asyncio.timeout(0.0001 * turns)
        with suppress(TimeoutError):
            async with limit:
                await read_for_ever()
        assert limit.expired()
    gc.collect()


async def test_conflicts_leave_nothing_to_the_collector(db: Database, accounts: Collection) -> None:
    async def work(tx: Transaction) -> None:
        seen = await has(accounts, "a", tx)
        await asyncio.sleep(0.001)
        await accounts.update({"_id": "a"}, {"$set": {"has": seen - 1}}, tx=tx)

    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*[db.transact(work, attempts=100) for _ in range(8)])
        kept = [
            each.details
            for each in gc.get_objects()
            # Code 251: the server's response to the end of a transaction that a conflict has ended.
            if issubclass(type(each), OperationFailure) and each.code != 251
        ]
    finally:
        gc.enable()
    assert kept == []
