"""History from another system, on a real mongod: MSG-19."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from messaging.app import Store, conversation_log
from messaging.config import LogSection
from messaging.conversations.domain.people import Person
from messaging.conversations.domain.working_hours import DEFAULT
from messaging.conversations.operations.conversations import open_direct
from messaging.importing.domain import ImportDenied
from messaging.importing.operations.conversations import ForeignConversation, import_conversation
from messaging.importing.operations.imports import finish_import, follow
from messaging.importing.operations.messages import (
    BatchOutcome,
    ForeignMessage,
    ImportRun,
    import_messages,
    place_imported_cursors,
)
from messaging.log.domain.states import History, Kind
from messaging.messages.domain.messages import Imported, new_message
from messaging.messages.operations.messages import send_message
from messaging.reading.operations.cursors import place_cursors
from messaging.reading.queries.conversations import get_conversation
from messaging.reading.queries.receipts import Audiences, list_receipts
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.grpc import Actor

from ..conftest import Everybody

KNOWN = Everybody()
THEN = datetime(2018, 5, 11, 8, 30, tzinfo=UTC)
NOW = SystemClock().now()


def channel(*members: str, **fields: object) -> ForeignConversation:
    values: dict = {
        "external_id": "slack:C1",
        "kind": Kind.GROUP,
        "name": "general",
        "topic": "",
        "member_ids": members,
        "owner_id": "",
        "history": History.ALL,
        "archived": False,
        "created_at": THEN,
    }
    return ForeignConversation(**(values | fields))


def old(room: str, number: int, text: str = "", *, root: int | None = None, sender: str = "ann"):
    made = new_message(
        conversation_id=room,
        sender_id=sender,
        request_id=f"slack:C1:{number}",
        text=text,
        imported=Imported(sent_at=THEN + timedelta(seconds=number)),
    )
    return ForeignMessage(made, "" if root is None else f"slack:C1:{root}")


@pytest.fixture
async def room(log, people, person):
    begun = await import_conversation(
        log, people, actor=person("root", "admin"), foreign=channel("ann", "bob"), now=NOW
    )
    return begun.conversation.id


@pytest.fixture
def run(person):
    return ImportRun(person("root", "admin"))


async def test_msg_19_original_times_and_threads_are_kept(store, log, room, run):
    outcome = await import_messages(
        log,
        KNOWN,
        run,
        messages=[old(room, 1, "root"), old(room, 2, "reply", root=1), old(room, 3, "")],
    )

    messages = await store.messages.find_messages(room, [1, 2, 3])
    assert outcome.imported == 3
    assert [m.sent_at.seconds - int(THEN.timestamp()) for m in messages] == [1, 2, 3]
    assert [m.root_seq for m in messages] == [0, 1, 0]
    assert {m.origin for m in messages} == {"import"}
    assert all(m.posted_at.seconds > m.sent_at.seconds for m in messages)


async def test_msg_19_a_second_run_adds_nothing(store, log, person, room, run):
    batch = [old(room, n, f"m{n}", root=1 if n > 1 else None) for n in range(1, 200)]
    await import_messages(log, KNOWN, run, messages=batch)

    again = await import_messages(log, KNOWN, ImportRun(person("root", "admin")), messages=batch)

    assert (again.imported, again.skipped) == (0, 199)
    assert (await store.entries.head(room)).seq == 199


async def test_msg_19_an_interrupted_run_goes_on_and_finds_its_roots(store, log, person, room, run):
    await import_messages(log, KNOWN, run, messages=[old(room, 1, "root")])

    second = ImportRun(person("root", "admin"))
    await import_messages(
        log, KNOWN, second, messages=[old(room, 1, "root"), old(room, 2, "reply", root=1)]
    )

    (reply,) = await store.messages.find_messages(room, [2])
    assert reply.root_seq == 1


async def test_msg_19_nobody_has_unread_history(store, log, person, room, run, say):
    await import_messages(log, KNOWN, run, messages=[old(room, n, f"m{n}") for n in range(1, 9)])
    await place_imported_cursors(log, run, place_cursors=partial(place_cursors, store), now=NOW)

    before = await get_conversation(store, actor=person("bob"), conversation_id=room)
    await send_message(log, new_message=say(room, "ann", "live"))
    after = await get_conversation(store, actor=person("bob"), conversation_id=room)

    assert (before.unread, before.read_through_seq) == (0, 8)
    assert after.unread == 1


async def test_msg_19_imported_messages_have_no_receipts(store, log, person, room, run):
    await import_messages(log, KNOWN, run, messages=[old(room, 1, "old")])
    await place_imported_cursors(log, run, place_cursors=partial(place_cursors, store), now=NOW)

    receipts = await list_receipts(
        store, Audiences(), actor=person("ann"), conversation_id=room, seq=1, after="", limit=10
    )

    assert receipts.audience == 0


async def test_only_administrators_import(log, people, person):
    with pytest.raises(ImportDenied):
        await import_conversation(
            log, people, actor=person("ann"), foreign=channel("ann", "bob"), now=NOW
        )


async def test_the_same_conversation_comes_in_once_and_takes_in_new_members(
    log, people, person, room
):
    again = await import_conversation(
        log,
        people,
        actor=person("root", "admin"),
        foreign=channel("ann", "bob", "carol"),
        now=NOW,
    )

    assert again.conversation.id == room
    assert again.deduplicated
    assert again.conversation.member_count == 3


async def test_messages_to_another_tenants_conversation_are_refused(log, room):
    stranger = ImportRun(Actor("ten_other", "eve", "ses", frozenset({"admin"})))

    outcome = await import_messages(log, KNOWN, stranger, messages=[old(room, 1, "x")])

    assert outcome.imported == 0
    assert outcome.refusals[0][1].reason == "CONVERSATION_NOT_FOUND"


async def test_msg_03_an_importer_who_goes_away_in_the_middle_stops_nobody(store, log, room, run):
    messages = [old(room, number, f"no {number}") for number in range(1, 201)]
    importer = asyncio.create_task(import_messages(log, KNOWN, run, messages=messages))
    await eventually(lambda: not log._partition(room)._idle.is_set(), every=0)
    importer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importer

    again = await import_messages(
        log, KNOWN, ImportRun(run.actor), messages=[*messages, old(room, 201, "last")]
    )
    assert again.imported + again.skipped == 201
    assert again.refusals == ()
    assert (await store.entries.head(room)).seq == 201


# Administrators are not members (GW-11)


async def bring(log, people, person, *members: str, **fields: object):
    return await import_conversation(
        log, people, actor=person("root", "admin"), foreign=channel(*members, **fields), now=NOW
    )


async def write(log, person, *messages: ForeignMessage):
    """Import messages in a run of their own; out: the reasons of refusals."""
    run = ImportRun(person("root", "admin"))
    outcome = await import_messages(log, KNOWN, run, messages=messages)
    await place_imported_cursors(log, run, place_cursors=partial(place_cursors, log.store), now=NOW)
    return [why.reason for _, why in outcome.refusals]


async def forget(store, *conversation_ids: str) -> None:
    """Leave conversations as a version before `imports` stored them."""
    for conversation_id in conversation_ids:
        assert await store.imports._imports.delete({"_id": conversation_id}) == 1


@pytest.mark.rule("GW-11")
async def test_gw_11_a_repeated_import_adds_nobody_to_what_people_use(
    store, log, people, person, room, say
):
    assert await write(log, person, old(room, 1, "old")) == []
    await send_message(log, new_message=say(room, "ann", "native"))

    again = await bring(log, people, person, "ann", "bob", "carol")
    assert again.conversation.member_count == 2
    assert await write(log, person, old(room, 2, "forged")) == ["IMPORT_CLOSED"]
    assert (await store.entries.head(room)).seq == 2


@pytest.mark.rule("GW-11")
async def test_gw_11_the_first_native_message_ends_the_import_also_of_an_open_stream(
    store, log, people, person, room, run, say
):
    await import_messages(log, KNOWN, run, messages=[old(room, 1, "old")])
    await send_message(log, new_message=say(room, "ann", "native"))

    outcome = await import_messages(log, KNOWN, run, messages=[old(room, 2, "late")])

    assert [why.reason for _, why in outcome.refusals] == ["IMPORT_CLOSED"]
    assert (await store.entries.head(room)).seq == 2
    assert await write(log, person, old(room, 3, "late")) == ["IMPORT_CLOSED"]
    again = await bring(log, people, person, "ann", "bob", "carol")
    assert again.conversation.member_count == 2


async def origins(store, room):
    """Return the origins of the messages of a conversation, in order."""
    head = await store.entries.head(room)
    messages = await store.messages.find_messages(room, range(1, head.seq + 1))
    return [message.origin for message in messages]


@pytest.mark.rule("GW-11")
async def test_gw_11_nothing_imported_stands_behind_a_message_sent_at_the_same_moment(
    store, log, people, person, runtime, say
):
    """By the process that imports, in one batch with it, and by another one."""
    other = conversation_log(Store(store.db), section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        for number, sender in enumerate((log, other, log, other)):
            begun = await bring(
                log, people, person, "ann", "bob", external_id=f"slack:R{number}", name="r"
            )
            here = begun.conversation.id
            run = ImportRun(person("root", "admin"))
            await import_messages(log, KNOWN, run, messages=[old(here, 0, "old")])
            batches = [
                import_messages(
                    log, KNOWN, run, messages=[old(here, 10 * n + m, "old") for m in range(1, 9)]
                )
                for n in range(4)
            ]
            native = send_message(sender, new_message=say(here, "ann", f"native {number}"))
            outcomes = await asyncio.gather(*batches[:2], native, *batches[2:])

            found = await origins(store, here)
            assert found.index("") == len(found) - 1
            imported = sum(each.imported for each in outcomes if isinstance(each, BatchOutcome))
            assert imported == len(found) - 2
            reasons = {
                why.reason
                for each in outcomes
                if isinstance(each, BatchOutcome)
                for _, why in each.refusals
            }
            assert reasons <= {"IMPORT_CLOSED"}


@pytest.mark.rule("GW-11")
async def test_gw_11_nothing_is_imported_once_finishing_has_been_answered(
    store, log, person, room, run
):
    await import_messages(log, KNOWN, run, messages=[old(room, 0, "old")])

    async def finish():
        await finish_import(log, actor=person("root", "admin"), source="slack")
        return (await store.entries.head(room)).seq

    batches = [
        import_messages(log, KNOWN, run, messages=[old(room, 10 * n + m) for m in range(1, 9)])
        for n in range(6)
    ]
    *_, last = await asyncio.gather(*batches, finish())

    assert (await store.entries.head(room)).seq == last


@pytest.mark.rule("GW-11")
async def test_gw_11_an_import_writes_into_no_conversation_that_it_did_not_create(
    store, log, people, person, group, room
):
    pair = await open_direct(store, people, actor=person("ann"), peer_id="bob", now=NOW)
    for native in (await group("ann", "bob"), pair.conversation.id):
        assert await write(log, person, old(native, 1, "forged")) == ["CONVERSATION_NOT_FOUND"]
        assert (await store.entries.head(native)).seq == 0
    # Nor does another system's.
    foreign = new_message(
        conversation_id=room,
        sender_id="ann",
        request_id="teams:C1:1",
        text="x",
        imported=Imported(sent_at=THEN),
    )
    reasons = await write(log, person, ForeignMessage(foreign, ""))
    assert reasons == ["CONVERSATION_NOT_FOUND"]


def someone(person_id: str, *, tenant_id: str, active: bool = True) -> Person:
    return Person(
        id=person_id, tenant_id=tenant_id, active=active, is_app=False, time_zone="UTC",
        hours=DEFAULT, department_ids=(), version=1,
    )  # fmt: skip


@pytest.mark.rule("GW-11")
async def test_gw_11_only_people_of_the_tenant_are_senders_of_an_import(store, log, person, room):
    tenant_id = person("root").tenant_id
    await store.people.put(
        [
            someone("per_gone", tenant_id=tenant_id, active=False),
            someone("per_left", tenant_id=tenant_id),
            someone("per_other", tenant_id="ten_other"),
        ]
    )
    for number, forged in enumerate(("ghost_nobody", "per_other")):
        reasons = await write(log, person, old(room, number + 1, "forged", sender=forged))
        assert reasons == ["SENDER_UNKNOWN"], forged
    assert (await store.entries.head(room)).seq == 0

    # Messaging has not received `per_new` yet, directory has it.
    for number, sender in enumerate(("ann", "per_gone", "per_left", "per_new")):
        assert await write(log, person, old(room, number + 1, "said", sender=sender)) == []
    assert (await store.entries.head(room)).seq == 4


@pytest.mark.rule("GW-11")
async def test_gw_11_a_direct_conversation_takes_in_nobody_and_goes_on_until_it_is_used(
    log, people, person, say
):
    pair = {"external_id": "slack:D1", "kind": Kind.DIRECT, "name": ""}
    begun = await bring(log, people, person, "ann", "bob", **pair)
    room = begun.conversation.id
    assert await write(log, person, old(room, 1, "old")) == []
    assert await write(log, person, old(room, 1, "old"), old(room, 2, "more")) == []
    for _ in range(2):
        again = await bring(log, people, person, "ann", "carol", **pair)
        assert (again.conversation.id, again.conversation.member_count) == (room, 2)
    await send_message(log, new_message=say(room, "ann", "native"))
    assert await write(log, person, old(room, 3, "forged")) == ["IMPORT_CLOSED"]


@pytest.mark.rule("GW-11")
async def test_gw_11_finishing_ends_the_import_of_a_source_alone(
    store, log, people, person, room, run
):
    other = await bring(log, people, person, "ann", "bob", external_id="teams:C1", name="t")
    await import_messages(log, KNOWN, run, messages=[old(room, 1, "old")])
    actor = person("root", "admin")
    assert await finish_import(log, actor=actor, source="slack") == 1
    assert await finish_import(log, actor=actor, source="slack") == 0

    # Also for a stream that is open.
    outcome = await import_messages(log, KNOWN, run, messages=[old(room, 2, "late")])
    assert [why.reason for _, why in outcome.refusals] == ["IMPORT_CLOSED"]
    assert (await bring(log, people, person, "ann", "carol")).conversation.member_count == 2
    following = await follow(store, tenant_id=actor.tenant_id, conversations=[other.conversation])
    assert following[other.conversation.id].closed is None

    # A conversation imported afterwards follows until the next end.
    late = await bring(log, people, person, "ann", "bob", external_id="slack:C2", name="c2")
    assert await write(log, person, old(late.conversation.id, 1, "old")) == []
    assert await finish_import(log, actor=actor, source="slack") == 1
    assert await write(log, person, old(late.conversation.id, 2, "x")) == ["IMPORT_CLOSED"]


@pytest.mark.rule("GW-11")
async def test_gw_11_what_an_earlier_version_imported_is_known_by_its_external_id(
    store, log, people, person, room, say
):
    used = await bring(log, people, person, "ann", "bob", external_id="slack:C2", name="c2")
    pair = {"external_id": "slack:D1", "kind": Kind.DIRECT, "name": ""}
    direct = await bring(log, people, person, "ann", "bob", **pair)
    for each in (room, used.conversation.id, direct.conversation.id):
        assert await write(log, person, old(each, 1, "old")) == []
    await send_message(log, new_message=say(used.conversation.id, "ann", "native"))
    await forget(store, room, used.conversation.id, direct.conversation.id)

    assert await write(log, person, old(room, 2, "more")) == []
    again = await bring(log, people, person, "ann", "bob", "carol")
    assert again.conversation.member_count == 3
    for each in (used, direct):
        assert await write(log, person, old(each.conversation.id, 2, "x")) == ["IMPORT_CLOSED"]

    # A finished source also closes conversations without a record of their own.
    await finish_import(log, actor=person("root", "admin"), source="slack")
    await forget(store, room)
    assert await write(log, person, old(room, 3, "late")) == ["IMPORT_CLOSED"]
