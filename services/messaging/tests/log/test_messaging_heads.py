"""Heads reach the store after any failure, so that lists show acknowledged messages (MSG-8)."""

import asyncio
from datetime import timedelta

import pytest
from messaging.app import conversation_log
from messaging.config import LimitsSection, LogSection
from messaging.conversations.operations.members import add_members
from messaging.log.domain.states import Role
from messaging.log.operations.heads import ENDED_AFTER, UNKNOWN_FOR, Heads
from messaging.messages.operations.messages import send_message
from messaging.reading.queries.conversations import list_conversations
from plexus_testkit import eventually
from plexus_testkit.clock import FrozenClock
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown

UNLIMITED = LimitsSection(
    sender_rate=1e6, sender_burst=1_000_000, conversation_rate=1e6, conversation_burst=1_000_000
)


@pytest.fixture
async def quiet(store):
    """Return a log that saves heads only on request of a test."""
    log = conversation_log(store, section=LogSection(), clock=SystemClock(), limits=UNLIMITED)
    partitions = [asyncio.create_task(partition.run()) for partition in log.partitions]
    yield log
    for partition in partitions:
        partition.cancel()
    await asyncio.gather(*partitions, return_exceptions=True)


async def listed(store, actor):
    views, _ = await list_conversations(
        store, actor=actor, position=None, limit=10, include_archived=False
    )
    return {view.conversation.id: (view.last_seq, view.unread) for view in views}


def gate_saves(store, monkeypatch):
    """Block each save of heads until the event is set."""
    save, begun, go = store.heads.save, asyncio.Event(), asyncio.Event()

    async def held(heads):
        begun.set()
        await go.wait()
        await save(heads)

    monkeypatch.setattr(store.heads, "save", held)
    return begun, go


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_list_that_is_cancelled_loses_no_head(
    store, quiet, group, say, person, monkeypatch
):
    room = await group("ann", "bob")
    await send_message(quiet, new_message=say(room, "ann", "hello"))
    begun, go = gate_saves(store, monkeypatch)

    caller = asyncio.create_task(quiet.flush_heads())
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await quiet.flush_heads()

    assert await listed(store, person("bob")) == {room: (1, 1)}


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_list_waits_for_the_save_that_is_under_way(
    store, quiet, group, say, person, monkeypatch
):
    room = await group("ann", "bob")
    await send_message(quiet, new_message=say(room, "ann", "hello"))
    begun, go = gate_saves(store, monkeypatch)
    background = asyncio.create_task(quiet.flush_heads())
    await begun.wait()

    async def list_now():
        await quiet.flush_heads()
        return await listed(store, person("bob"))

    answer = asyncio.create_task(list_now())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not answer.done()
    go.set()

    assert await answer == {room: (1, 1)}
    await background


@pytest.mark.rule("MSG-8")
@pytest.mark.parametrize("error", [DependencyDown(), RuntimeError("a bug")])
async def test_msg_08_heads_are_kept_when_their_write_fails(
    store, quiet, group, say, person, monkeypatch, error
):
    room = await group("ann", "bob")
    await send_message(quiet, new_message=say(room, "ann", "hello"))

    async def failing(_):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(store.heads, "save", failing)
        with pytest.raises(type(error)):
            await quiet.flush_heads()
    await quiet.flush_heads()

    assert await listed(store, person("bob")) == {room: (1, 1)}


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_retry_of_a_write_whose_answer_was_lost_updates_the_head(
    store, quiet, group, say, person, monkeypatch
):
    room = await group("ann", "bob")
    append = store.entries.append

    async def answer_lost(documents):
        await append(documents)
        raise DependencyDown

    with monkeypatch.context() as broken:
        broken.setattr(store.entries, "append", answer_lost)
        with pytest.raises(DependencyDown):
            await send_message(quiet, new_message=say(room, "ann", "hello"))
    quiet.heads = quiet.log_states._heads = Heads(store, clock=quiet.clock)  # of another process

    again = await send_message(quiet, new_message=say(room, "ann", "hello"))
    await quiet.flush_heads()

    assert again.deduplicated
    assert await listed(store, person("bob")) == {room: (1, 1)}


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_change_whose_commit_was_unknown_updates_the_head_without_a_retry(
    store, quiet, group, person, people, monkeypatch
):
    room = await group("ann", "bob")
    transact = store.transact

    async def answer_lost(work):
        await transact(work)
        raise DependencyDown

    with monkeypatch.context() as broken:
        broken.setattr(store, "transact", answer_lost)
        with pytest.raises(DependencyDown):
            await add_members(
                quiet,
                people,
                actor=person("ann"),
                conversation_id=room,
                person_ids=["carol"],
                role=Role.MEMBER,
                now=quiet.clock.now(),
            )
    await quiet.flush_heads()

    assert (await store.heads.find([room]))[room]["change_no"] == 2


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_write_that_comes_true_late_is_found_within_a_minute(
    store, group, say, person, quiet
):
    room = await group("ann", "bob")
    clock = FrozenClock(SystemClock().now())
    heads = Heads(store, clock=clock)
    heads.mark_stale([room], unknown=True)
    await heads.save()
    await send_message(quiet, new_message=say(room, "ann", "late"))  # its head is never saved

    for _ in range(int(UNKNOWN_FOR)):
        clock.advance(timedelta(seconds=1))
        await heads.save()

    assert await listed(store, person("bob")) == {room: (1, 1)}


@pytest.mark.rule("MSG-8")
async def test_msg_08_a_head_is_compared_when_its_tail_is_loaded(store, quiet, group, say, person):
    room = await group("ann", "bob")
    await send_message(quiet, new_message=say(room, "ann", "hello"))  # this process dies
    other = conversation_log(store, section=LogSection(), clock=SystemClock())

    await other.state(room)
    await other.flush_heads()

    assert await listed(store, person("bob")) == {room: (1, 1)}


@pytest.mark.rule("MSG-8")
async def test_msg_08_what_a_process_owed_is_repaired_after_any_outage(
    store, quiet, group, say, person, monkeypatch
):
    room = await group("ann", "bob")
    await quiet.heads.mark()
    await send_message(quiet, new_message=say(room, "ann", "hello"))  # this process dies
    clock = FrozenClock(SystemClock().now() + timedelta(days=3))
    next_one = Heads(store, clock=clock)
    written, failures = store.heads.written_between, iter([DependencyDown(), DependencyDown()])

    async def failing_twice(since, until):
        if (failure := next(failures, None)) is not None:
            raise failure
        return await written(since, until)

    monkeypatch.setattr(store.heads, "written_between", failing_twice)
    monkeypatch.setattr("messaging.log.operations.heads.SAVE_INTERVAL", 0.01)
    keeping = asyncio.create_task(next_one.keep())

    async def repaired():
        return quiet.heads._process_id not in await store.heads.marks()

    try:
        await eventually(repaired)
    finally:
        keeping.cancel()
    assert await listed(store, person("bob")) == {room: (1, 1)}


async def test_a_process_that_goes_on_keeps_its_mark_and_one_that_ends_well_leaves_none(store):
    clock = FrozenClock(SystemClock().now())
    one, other = Heads(store, clock=clock), Heads(store, clock=clock)
    await one.mark()
    await other.mark()
    clock.advance(ENDED_AFTER + timedelta(seconds=1))
    await one.mark()

    await one.repair(every=False)
    assert set(await store.heads.marks()) == {one._process_id}
    await one.close()

    assert await store.heads.marks() == {}
