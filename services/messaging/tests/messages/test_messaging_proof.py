"""Proof of a conversation, attacked through the API and in the database: MSG-20."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from bson import BSON
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.refusals import AnchorsDenied, RequestIdReused
from messaging.log.domain.states import History, Role
from messaging.log.queries.anchors import export_conversation_anchors
from messaging.messages.domain.hashes import content_hash
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import list_message_versions, list_messages
from messaging.messages.queries.pins import list_pins
from messaging.messages.queries.verifications import verify_conversation
from messaging.messages.store.messages import message_of
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem
from plexus_cli import chain as client
from plexuskit.clock import SystemClock

SECRET, OFFER = "vault code 929251", "offer is 57752 EUR"


@pytest.fixture
def verify(store, person):
    async def carry_out(room, who="ann", *, first=0, last=0):
        return await verify_conversation(
            store, actor=person(who), conversation_id=room, first=first, last=last
        )

    return carry_out


@pytest.fixture
def tamper(store):
    """Alter the raw document of an entry, as an administrator of the database could."""

    async def carry_out(room, change_no, change, *, collection="entries"):
        documents = store.db.collection(collection, schema_version=1)
        key = f"{room}:{change_no:012d}" if isinstance(change_no, int) else change_no
        assert await documents.update({"_id": key}, change) == 1

    return carry_out


@pytest.fixture
def join(log, people, person):
    async def carry_out(room, who, *, by="ann"):
        await add_members(
            log,
            people,
            actor=person(by),
            conversation_id=room,
            person_ids=[who],
            role=Role.MEMBER,
            now=SystemClock().now(),
        )

    return carry_out


def plain_hash(text):
    """Return the unsalted hash of a plain message, as anyone can compute it."""
    return content_hash(
        text=text.encode(),
        spans=(),
        mentions=(),
        mention_all=False,
        priority=1,
        reply_to_seq=0,
        attachments=(),
    )


def salts_of(event):
    fact = client.read(event)[1]
    return fact.header_salt, fact.content_salt


async def everything_told(store, room, person, who):
    """Return every byte that the reads of the API return to a member of a conversation."""
    me = {"actor": person(who), "conversation_id": room}
    found = await verify_conversation(store, **me, first=0, last=0)
    page, _, last = await list_messages(
        store, **me, before_seq=0, after_seq=0, root_seq=0, limit=500
    )
    changes = await list_changes(store, **me, since=0, limit=500)
    told = [found.previous, *(link.SerializeToString() for link in found.links)]
    told += [problem.SerializeToString() for problem in found.problems]
    told += [message.SerializeToString() for message in page]
    told += [message.SerializeToString() for _, message in changes.messages]
    for seq in range(1, last + 1):
        if changes.seat.sees(seq):
            versions, _ = await list_message_versions(store, **me, seq=seq, after=0, limit=100)
            told += [version.SerializeToString() for version in versions]
    pinned, _ = await list_pins(store, **me, before=None, limit=200)
    told += [message.SerializeToString() for message in pinned]
    return told


async def everything_stored(store):
    found = []
    for name in ("entries", "heads", "conversations", "members", "requests", "outbox"):
        documents = store.db.collection(name, schema_version=1)
        found += [BSON.encode(document) for document in await documents.find_all({})]
    return found


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize("history", [History.SINCE_JOIN, History.ALL])
async def test_msg_20_what_was_recalled_cannot_be_guessed_from_all_that_is_told_and_stored(
    store, log, group, say, change, join, verify, person, history
):
    room = await group("ann", "bob", history=history)
    await send_message(log, new_message=say(room, "ann", OFFER))
    await send_message(log, new_message=say(room, "ann", SECRET, request_id="r"))
    salt = salts_of(bytes((await store.entries.find_change(room, 3))["event"]))[1]
    await change("edit", "ann", room, 2, text=SECRET + "!")
    edit_salt = salts_of(bytes((await store.entries.find_change(room, 4))["event"]))[1]
    await change("recall", "ann", room, 2)
    await join(room, "outsider")

    assert (await verify(room)).problems == []
    guesses = [plain_hash(SECRET), plain_hash(SECRET + "!"), salt, edit_salt, SECRET.encode()]
    told = await everything_told(store, room, person, "ann")
    told += await everything_told(store, room, person, "outsider")
    for guess in guesses:
        assert not [each for each in (*told, *await everything_stored(store)) if guess in each]


@pytest.mark.rule("MSG-20")
async def test_msg_20_what_was_said_before_one_joined_is_two_hashes_that_nobody_can_guess(
    store, log, group, say, join, verify, person
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", OFFER))
    entry = await store.entries.find_change(room, 2)
    await join(room, "outsider")
    await send_message(log, new_message=say(room, "ann", "welcome"))

    found = await verify(room, "outsider")

    assert found.problems == []
    hidden = found.links[1]
    assert (hidden.event, hidden.entity_id, hidden.kind) == (b"", "", "")
    assert (hidden.content_hash, hidden.content_salt) == (b"", b"")
    assert len(hidden.header_hash) == len(hidden.body_hash) == 32
    told = b"".join(await everything_told(store, room, person, "outsider"))
    for secret in (*salts_of(bytes(entry["event"])), plain_hash(OFFER), OFFER.encode(), b"msg_"):
        # The welcome's own id is the only message id that is returned.
        known = secret == b"msg_" and entry["entity_id"].encode() not in told
        assert known or secret not in told
    for guess in (b"", plain_hash(OFFER), client.GENESIS):
        assert hashlib.sha256(guess + plain_hash(OFFER)).digest() != hidden.body_hash
    # Only members of that time read the name that the group had and the list of its members.
    assert found.links[0].event == b""
    assert found.links[2].event  # visible to those who joined


@pytest.mark.rule("MSG-20")
async def test_msg_20_every_member_proves_the_same_chain_from_what_each_received(
    log, group, say, change, join, verify
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await join(room, "late")
    await send_message(log, new_message=say(room, "bob", "two"))
    await change("react", "bob", room, 1, emoji="ok")
    await change("recall", "bob", room, 2)
    views = {who: await verify(room, who) for who in ("ann", "bob", "late")}

    for found in views.values():
        link = found.previous
        for each in found.links:
            link = client.link_2(
                link,
                change_no=each.change_no,
                header_hash=each.header_hash,
                body_hash=each.body_hash,
            )
            assert link == each.chain_hash
            if each.event:
                proof = client.prove(each.event)
                assert proof.header_hash == each.header_hash
                assert proof.body_hash == (b"" if each.purged else each.body_hash)
    read = {
        who: [each.change_no for each in found.links if each.event] for who, found in views.items()
    }
    assert read == {"ann": [1, 2, 3, 4, 5, 6], "bob": [1, 2, 3, 4, 5, 6], "late": [3, 4, 6]}


def rewritten(event, **fields):
    """Return an event with other fields of its message and every stored hash unchanged."""
    envelope = Envelope.FromString(event)
    fact = client.read(event)[1]
    for name, value in fields.items():
        if hasattr(value, "seconds"):
            getattr(fact.message, name).CopyFrom(value)
        else:
            setattr(fact.message, name, value)
    envelope.fact = fact.SerializeToString()
    return envelope


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_forged_author_and_time_are_found_with_every_hash_intact(
    store, log, group, say, verify, tamper
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "I approve payment 1"))
    entry = await store.entries.find_change(room, 2)
    fact = client.read(bytes(entry["event"]))[1]
    earlier = type(fact.message.posted_at)(seconds=fact.message.posted_at.seconds - 86_400)
    envelope = rewritten(bytes(entry["event"]), sender_id="bob", posted_at=earlier, sent_at=earlier)
    envelope.actor_id = "bob"
    envelope.occurred_at.CopyFrom(earlier)
    await tamper(
        room,
        2,
        {
            "$set": {
                "sender_id": "bob",
                "stored_at": entry["stored_at"] - timedelta(days=1),
                "event": envelope.SerializeToString(),
            }
        },
    )
    shown = message_of(await store.entries.find_change(room, 2))
    assert shown.sender_id == "bob"

    found = await verify(room)

    assert [(each.change_no, each.kind) for each in found.problems] == [
        (2, ChainProblem.KIND_ALTERED_HEADER)
    ]
    received = found.links[1]
    assert client.prove(received.event).header_hash != received.header_hash


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize(
    "column",
    [
        {"sender_id": "bob"},
        {"request_id": "other"},
        {"root_seq": 1},
        {"priority": 3},
        {"membership_version": 9},
        {"origin": "import"},
        {"revision": 7},
        {"tenant_id": "ten_other"},
        {"entity_id": "msg_other"},
        {"reply_to_seq": 1},
    ],
    ids=lambda column: next(iter(column)),
)
async def test_msg_20_a_rewritten_column_is_found(log, group, say, verify, tamper, column):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await send_message(log, new_message=say(room, "ann", "two"))
    if column == {"reply_to_seq": 1}:
        await send_message(log, new_message=say(room, "ann", "re", reply_to_seq=2))
        await tamper(room, 4, {"$set": column})
    else:
        await tamper(room, 3, {"$set": column})

    problems = (await verify(room)).problems

    assert ChainProblem.KIND_ALTERED_HEADER in {each.kind for each in problems}


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize(
    ("fields", "column"),
    [
        ({"sender_id": "bob"}, {}),
        ({"text": "other"}, {}),
        ({"priority": 3}, {}),
        ({"version": 7}, {}),
        ({"recalled_by": "bob"}, {}),
        ({}, {"silent": True}),
        ({}, {"mentioned": ["bob"]}),
    ],
)
async def test_msg_20_a_rewritten_state_of_a_message_is_found(
    store, log, group, say, change, verify, tamper, fields, column
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await change("pin", "bob", room, 1)
    current = message_of(await store.entries.find_change(room, 2))
    for name, value in fields.items():
        setattr(current, name, value)
    await tamper(room, 2, {"$set": {"current": current.SerializeToString(), **column}})

    found = await verify(room)

    assert [(each.change_no, each.kind) for each in found.problems] == [
        (3, ChainProblem.KIND_ALTERED_STATE)
    ]


@pytest.mark.rule("MSG-20")
async def test_msg_20_an_edit_or_a_recall_that_was_undone_in_the_database_is_found(
    log, group, say, change, verify, tamper
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await send_message(log, new_message=say(room, "ann", "two"))
    await change("edit", "ann", room, 1, text="better")
    await change("recall", "ann", room, 2)
    await tamper(room, 2, {"$unset": {"current": ""}})
    await tamper(room, 3, {"$unset": {"current": "", "recalled": "", "purged": ""}})

    found = await verify(room)

    kinds = {(each.change_no, each.kind) for each in found.problems}
    assert (4, ChainProblem.KIND_ALTERED_STATE) in kinds
    assert (5, ChainProblem.KIND_ALTERED_STATE) in kinds
    assert (3, ChainProblem.KIND_ALTERED_CONTENT) in kinds


@pytest.mark.rule("MSG-20")
async def test_msg_20_words_put_into_a_recalled_message_are_found(
    store, log, group, say, change, verify, tamper
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await change("recall", "ann", room, 1)
    event = bytes((await store.entries.find_change(room, 2))["event"])
    forged = rewritten(event, text="never said").SerializeToString()
    await tamper(room, 2, {"$set": {"event": forged}})

    kinds = {(each.change_no, each.kind) for each in (await verify(room)).problems}

    assert (2, ChainProblem.KIND_ALTERED_CONTENT) in kinds


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_rewritten_role_or_name_is_found_in_the_log_and_in_what_is_shown(
    store, group, verify, tamper
):
    room = await group("ann", "bob")
    await tamper(room, f"{room}:bob", {"$set": {"role": 3}}, collection="members")
    assert [(each.change_no, each.kind) for each in (await verify(room)).problems] == [
        (1, ChainProblem.KIND_ALTERED_STATE)
    ]

    entry = await store.entries.find_change(room, 1)
    envelope = Envelope.FromString(bytes(entry["event"]))
    fact = events_pb2.ConversationCreated.FromString(envelope.fact)
    for member in fact.members:
        if member.person_id == "bob":
            member.role = 3
    envelope.fact = fact.SerializeToString()
    await tamper(room, 1, {"$set": {"event": envelope.SerializeToString()}})
    assert [(each.change_no, each.kind) for each in (await verify(room)).problems] == [
        (1, ChainProblem.KIND_ALTERED_HEADER)
    ]

    other = await group("ann", "bob")
    await tamper(other, other, {"$set": {"name": "forged"}}, collection="conversations")
    assert [(each.change_no, each.kind) for each in (await verify(other)).problems] == [
        (1, ChainProblem.KIND_ALTERED_STATE)
    ]


@pytest.mark.rule("MSG-3")
@pytest.mark.rule("MSG-20")
async def test_msg_03_a_retry_is_compared_by_the_salt_and_after_a_recall_answered_with_the_numbers(
    log, group, say, change
):
    room = await group("ann", "bob")
    first = await send_message(log, new_message=say(room, "ann", "one", request_id="r"))
    again = await send_message(log, new_message=say(room, "ann", "one", request_id="r"))
    assert (again.seq, again.change_no, again.deduplicated) == (first.seq, first.change_no, True)
    with pytest.raises(RequestIdReused):
        await send_message(log, new_message=say(room, "ann", "other", request_id="r"))

    await change("edit", "ann", room, 1, text="edited")
    again = await send_message(log, new_message=say(room, "ann", "one", request_id="r"))
    assert (again.seq, again.deduplicated) == (first.seq, True)

    await change("recall", "ann", room, 1)
    for text in ("one", "other"):
        again = await send_message(log, new_message=say(room, "ann", text, request_id="r"))
        assert (again.message_id, again.seq, again.deduplicated) == (first.message_id, 1, True)


@pytest.mark.rule("MSG-20")
async def test_msg_20_no_fact_and_no_document_has_an_unsalted_hash(store, log, group, say, change):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "one"))
    await change("edit", "ann", room, 1, text="two")
    hashes = [plain_hash("one"), plain_hash("two")]

    for entry in await store.entries.list_changes(room, since=0, limit=10):
        assert "content_hash" not in entry
        assert Envelope.FromString(bytes(entry["event"])).content_hash == b""
    stored = await everything_stored(store)
    assert not [document for document in stored for each in hashes if each in document]


@pytest.mark.rule("MSG-20")
async def test_msg_20_anchors_are_for_who_holds_the_permission_and_prove_the_end_of_each_log(
    store, log, group, say, person, verify
):
    rooms = sorted([await group("ann", "bob") for _ in range(3)])
    await send_message(log, new_message=say(rooms[0], "ann", "one"))
    await log.flush_heads()
    with pytest.raises(AnchorsDenied):
        await export_conversation_anchors(store, actor=person("ann"), after="", limit=10)

    first, following = await export_conversation_anchors(
        store, actor=person("eve", "auditor"), after="", limit=2
    )
    rest, end = await export_conversation_anchors(
        store, actor=person("eve", "auditor"), after=following, limit=2
    )

    assert [each.conversation_id for each in (*first, *rest)] == rooms
    assert end == ""
    for anchor in (*first, *rest):
        links = (await verify(anchor.conversation_id)).links
        assert (anchor.change_no, anchor.chain_hash) == (len(links), links[-1].chain_hash)


@pytest.mark.rule("MSG-20")
async def test_msg_20_a_page_of_long_messages_ends_early_and_goes_on(log, group, say, verify):
    room = await group("ann", "bob")
    for number in range(20):
        draft = say(room, "ann", "x" * 150_000, request_id=f"r{number}")
        await send_message(log, new_message=draft)

    first = await verify(room)
    rest = await verify(room, first=first.through + 1)

    assert first.more
    assert not rest.more
    assert [each.change_no for each in (*first.links, *rest.links)] == list(range(1, 22))
    assert sum(each.ByteSize() for each in first.links) < 3 * 1024 * 1024
    assert first.problems == rest.problems == []


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize(
    ("collection", "key", "change_"),
    [
        ("conversations", "", {"member_count": 9}),
        ("conversations", "", {"membership_version": 2}),
        ("conversations", "", {"membership_version": 5}),
        ("conversations", "", {"membership_version": 99}),
        ("members", "bob", {"stays.0.joined_version": 0}),
        ("members", "bob", {"stays.0.joined_version": 2}),
        ("members", "bob", {"stays.0.joined_version": 99}),
        ("members", "eve", {"stays.0.joined_version": 1}),
        ("members", "carol", {"stays.0.left_version": 3}),
        ("entries", 2, {"pinned_at": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
async def test_msg_20_a_rewritten_count_stay_or_place_of_a_pin_is_found(
    log, group, say, person, change, join, verify, tamper, collection, key, change_
):
    room = await group("ann", "bob", "carol")
    await send_message(log, new_message=say(room, "ann", "one"))
    await join(room, "eve")
    await change("pin", "ann", room, 1)
    await remove_members(
        log,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["carol"],
        now=SystemClock().now(),
    )
    await join(room, "carol")
    assert (await verify(room)).problems == []

    where = key if isinstance(key, int) else f"{room}:{key}" if key else room
    await tamper(room, where, {"$set": change_}, collection=collection)

    problems = (await verify(room)).problems
    assert {each.kind for each in problems} == {ChainProblem.KIND_ALTERED_STATE}
