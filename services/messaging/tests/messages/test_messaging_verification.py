"""Completeness: the chain proves that nothing of a log is missing or altered."""

import asyncio
import contextlib

import pytest
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.messages.api.verifications import Alone
from messaging.messages.domain.messages import Attachment, Span, SpanKind
from messaging.messages.domain.refusals import VerificationUnderWay
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.operations.messages import send_message
from messaging.messages.queries import shown, verifications
from messaging.messages.queries.verifications import verify_conversation
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem
from plexuskit import turns
from plexuskit.clock import SystemClock
from plexuskit.turns import Turns


@pytest.fixture
async def room(group, log, say, change, person):
    """A log with every kind of entry that messages have."""
    made = await group("ann", "bob", "eve")
    rich = say(
        made,
        "bob",
        "@ann 看 code",
        spans=(Span(0, 4, SpanKind.MENTION, "ann"), Span(7, 4, SpanKind.CODE)),
        attachments=(Attachment("报价.xlsx", "https://files.example/1", "text/plain", 7),),
    )
    await send_message(log, new_message=rich)
    await send_message(log, new_message=say(made, "ann", "re", reply_to_seq=1, quote_seq=1))
    await send_message(log, new_message=say(made, "ann", "quiet", quiet=True))
    await change("edit", "ann", made, 2, text="re: second")
    await change("react", "bob", made, 2, emoji="ok")
    await change("pin", "bob", made, 1)
    await change("label", "bob", made, 1, add=("x",))
    await change("recall", "ann", made, 3)
    await forward_messages(
        log,
        actor=person("ann"),
        conversation_id=made,
        seqs=[1, 2],
        to_conversation_id=made,
        merged=True,
        comment="",
        request_id="f1",
    )
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=made,
        person_ids=["eve"],
        now=SystemClock().now(),
    )
    return made


@pytest.fixture
def verify(store, person):
    async def carry_out(room, *, who="ann", first=0, last=0):
        return await verify_conversation(
            store, actor=person(who), conversation_id=room, first=first, last=last
        )

    return carry_out


@pytest.fixture
def tamper(store, room):
    """Alter the raw document of an entry, like an attacker with access to the database."""

    async def carry_out(change_no, change):
        entries = store.db.collection("entries", schema_version=1)
        assert await entries.update({"_id": f"{room}:{change_no:012d}"}, change) == 1

    return carry_out


async def test_an_untouched_log_is_whole(room, verify):
    found = await verify(room)

    assert (found.through, found.more, found.problems) == (11, False, [])
    assert [link.change_no for link in found.links] == list(range(1, 12))
    assert [link.change_no for link in found.links if link.purged] == [4]


async def test_every_stretch_goes_on_from_the_link_before(room, verify):
    whole = await verify(room)

    for first in range(1, 12):
        part = await verify(room, first=first)
        assert part.problems == []
        assert part.links == whole.links[first - 1 :]
        before = whole.links[first - 2].chain_hash if first > 1 else bytes(32)
        assert part.previous == before


async def test_a_long_log_is_verified_in_stretches(room, verify, monkeypatch):
    monkeypatch.setattr(verifications, "MAX_ENTRIES", 4)

    first, second = await verify(room), await verify(room, first=5)

    assert (first.through, first.more, second.through, second.more) == (4, True, 8, True)
    assert first.problems == second.problems == []


async def test_a_missing_entry_at_the_end_of_a_stretch_is_found(room, store, verify):
    await store.db.collection("entries", schema_version=1).delete({"_id": f"{room}:{6:012d}"})

    found = await verify(room, first=4, last=6)

    assert (found.through, found.more) == (6, False)
    missing = found.problems[0]
    assert (missing.change_no, missing.kind) == (6, ChainProblem.KIND_MISSING)


@pytest.mark.rule("GW-13")
async def test_gw_13_others_run_while_a_log_of_long_texts_is_verified(
    group, log, say, change, verify, monkeypatch
):
    room = await group("ann", "bob")
    for number in range(3):
        await send_message(log, new_message=say(room, "ann", f"{number} " + "words " * 5_000))
    for version in range(4):
        await change("edit", "ann", room, 1, text=f"{version}" * 30_000)
    sizes = []
    taken = Turns.taken

    async def noting(self, size):
        sizes.append(size)
        await taken(self, size)

    yielded = 0
    sleep = asyncio.sleep

    async def counting(seconds):
        nonlocal yielded
        yielded += seconds == 0
        await sleep(seconds)

    monkeypatch.setattr(Turns, "taken", noting)
    monkeypatch.setattr(turns.asyncio, "sleep", counting)
    found = await verify(room)

    assert found.problems == []
    # Posts and edits as entries, the changed post in its current form, and its four edits.
    assert sum(size > 30_000 for size in sizes) >= 3 + 4 + 1 + 4
    assert yielded >= sum(size > turns.MAX_TURN_BYTES for size in sizes)


@pytest.mark.rule("GW-13")
async def test_gw_13_a_call_ends_after_so_many_bytes_also_of_what_the_caller_may_not_read(
    group, log, say, verify, people, person, monkeypatch
):
    room = await group("ann", "bob")
    for number in range(6):
        await send_message(log, new_message=say(room, "ann", f"{number} " + "words " * 2_000))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["eve"],
        role=1,
        now=SystemClock().now(),
    )
    monkeypatch.setattr(verifications, "MAX_READ_BYTES", 20_000)

    first, links, problems = 1, [], []
    calls = 0
    while True:
        found = await verify(room, who="eve", first=first)
        calls += 1
        assert len(found.links) <= 3
        links += [link.change_no for link in found.links]
        problems += found.problems
        if not found.more:
            break
        first = found.through + 1

    assert links == list(range(1, 9))
    assert problems == []
    assert calls >= 3


@pytest.mark.rule("GW-13")
async def test_gw_13_a_call_ends_after_so_many_bytes_of_versions_compared(
    room, change, tamper, verify, monkeypatch
):
    for seq in (1, 2, 4):
        await change("react", "bob", room, seq, emoji="again")
    await tamper(3, {"$set": {"silent": True}})
    whole = await verify(room)
    monkeypatch.setattr(shown, "MAX_COMPARED_BYTES", 0)
    monkeypatch.setattr(shown, "MAX_TOGETHER", 1)

    first, links, problems, calls = 1, [], [], 0
    while True:
        found = await verify(room, first=first)
        calls += 1
        links += found.links
        problems += found.problems
        if not found.more:
            break
        assert found.through >= first
        first = found.through + 1

    assert calls > 3
    assert links == whole.links
    assert problems == whole.problems != []


@pytest.mark.rule("GW-13")
def test_gw_13_a_person_has_one_verification_at_a_time_and_a_process_a_few():
    verifying = Alone()
    with verifying.of("ann"):
        with pytest.raises(VerificationUnderWay) as refused, verifying.of("ann"):
            pass
        assert refused.value.retry_after is not None
        others = (verifying.of(name) for name in ("bob", "eve", "dan"))
        with contextlib.ExitStack() as held:
            for other in others:
                held.enter_context(other)
            with pytest.raises(VerificationUnderWay), verifying.of("fay"):
                pass
    with verifying.of("ann"), pytest.raises(KeyError), verifying.of("bob"):
        raise KeyError
    with verifying.of("bob"):
        pass


async def test_a_missing_entry_is_found(room, store, verify):
    entries = store.db.collection("entries", schema_version=1)
    assert await entries.delete({"_id": f"{room}:{6:012d}"})

    found = await verify(room)

    kinds = {(each.change_no, each.kind) for each in found.problems}
    assert (6, ChainProblem.KIND_MISSING) in kinds
    assert (7, ChainProblem.KIND_BROKEN_LINK) in kinds
    # The message that it changed is not the result of the remaining entries.
    assert (5, ChainProblem.KIND_ALTERED_STATE) in kinds
    assert {number for number, _ in kinds} == {5, 6, 7}


async def test_altered_words_are_found_in_the_event_and_in_what_people_read(
    room, store, verify, tamper
):
    entry = await store.entries.find_change(room, 2)
    envelope = Envelope.FromString(bytes(entry["event"]))
    fact = events_pb2.MessagePosted.FromString(envelope.fact)
    fact.message.text = "@ann 看 c0de"
    envelope.fact = fact.SerializeToString()
    await tamper(2, {"$set": {"event": envelope.SerializeToString()}})
    current = messages_pb2.Message.FromString(
        bytes((await store.entries.find_change(room, 3))["current"])
    )
    current.text = "re: another"
    await tamper(3, {"$set": {"current": current.SerializeToString()}})

    found = await verify(room)

    assert sorted({(each.change_no, each.kind) for each in found.problems}) == [
        (2, ChainProblem.KIND_ALTERED_CONTENT),
        (6, ChainProblem.KIND_ALTERED_STATE),
        (8, ChainProblem.KIND_ALTERED_STATE),
    ]


@pytest.mark.parametrize(
    ("alteration", "kind"),
    [
        ({"$set": {"body_hash": bytes(32)}}, ChainProblem.KIND_BROKEN_LINK),
        ({"$set": {"header_hash": bytes(32)}}, ChainProblem.KIND_BROKEN_LINK),
        ({"$set": {"entity_id": "msg_other"}}, ChainProblem.KIND_ALTERED_HEADER),
        ({"$set": {"kind": "recalled", "about_seq": 1}}, ChainProblem.KIND_ALTERED_HEADER),
        ({"$set": {"last_seq": 9}}, ChainProblem.KIND_SEQ_GAP),
        ({"$set": {"event": b"\xff"}}, ChainProblem.KIND_ALTERED_CONTENT),
    ],
)
async def test_an_altered_entry_is_found(room, verify, tamper, alteration, kind):
    await tamper(5, alteration)

    found = await verify(room)

    assert (5, kind) in {(each.change_no, each.kind) for each in found.problems}


async def test_gw_02_only_members_verify(room, verify):
    with pytest.raises(ConversationNotFound):
        await verify(room, who="mallory")
    with pytest.raises(ConversationNotFound):
        await verify(room, who="eve")
