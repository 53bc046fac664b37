"""MSG-21: the parts of a message are bounded together, and accepted messages stay changeable."""

import random
from datetime import UTC, datetime

import pytest
from messaging.contract.domain import FactTooLarge, MessageTooLarge
from messaging.contract.events import MAX_EVENT_BYTES, envelope
from messaging.conversations.operations.members import add_members
from messaging.log.domain.entries import EntryKind
from messaging.log.domain.states import Role
from messaging.messages.domain.content import Attachment, Span, SpanKind
from messaging.messages.domain.forwards import Forwarded
from messaging.messages.domain.messages import MessageContent, new_message
from messaging.messages.domain.refusals import TextTooLong, TooManyReactions
from messaging.messages.events.messages import MAX_CONTENT_BYTES
from messaging.messages.operations.messages import send_message, send_messages
from messaging.messages.operations.recalls import empty_events
from messaging.messages.store.messages import message_of
from messaging.messages.store.recalls import EmptyingStore
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexuskit.kafka import MAX_FACT_BYTES
from plexuskit.timestamps import timestamp

pytestmark = pytest.mark.rule("MSG-21")

EMOJI = [f"{number:03}" + "喜" * 61 for number in range(50)]
LABELS = [f"{number:02}" + "标" * 48 for number in range(20)]


def link(length: int) -> str:
    return "https://example.com/" + "a" * (length - 20)


def heavy_words(chance: random.Random, *, links: int) -> MessageContent:
    text = "".join(chance.choice("字a") for _ in range(links * 2)) or "a"
    spans = tuple(
        Span(number * 2, 1, SpanKind.LINK, link(chance.randint(1500, 2000)))
        for number in range(links)
    )
    attachments = tuple(
        Attachment(f"{number}" + "n" * 200, link(2000), "text/plain", number)
        for number in range(chance.randint(0, 50))
    )
    mentions = tuple(f"per_{number:03}" + "p" * 100 for number in range(chance.randint(0, 150)))
    return MessageContent(text, spans=spans, mentions=mentions, attachments=attachments)


def drafted(room, words, request_id, **fields):
    return new_message(
        conversation_id=room,
        sender_id="bob",
        request_id=request_id,
        text=words.text,
        spans=words.spans,
        mentions=words.mentions,
        attachments=words.attachments,
        **fields,
    )


def test_the_limits_leave_room_for_key_and_headers_in_a_record() -> None:
    assert MAX_EVENT_BYTES + 40_000 <= MAX_FACT_BYTES
    reactions = 1_000 * 132 + 50 * (4 * 64 + 8)
    labels = 20 * (4 * 50 + 4)
    added = 200 * 132 + 20 * 140
    assert MAX_CONTENT_BYTES + reactions + labels + added + 10_000 <= MAX_EVENT_BYTES


async def test_a_message_that_no_record_could_carry_gets_no_number(store, log, group):
    room = await group("ann", "bob")
    words = heavy_words(random.Random(1), links=600)  # noqa: S311 - repeatable, no secret
    with pytest.raises(MessageTooLarge):
        await send_message(log, new_message=drafted(room, words, "large"))
    small = drafted(room, MessageContent("small"), "small")
    stored = await send_message(log, new_message=small)
    assert stored.seq == 1
    rows = await store.entries.list_changes(room, since=0, limit=10)
    assert [row["change_no"] for row in rows] == [1, 2]


async def test_a_change_that_no_record_could_carry_gets_no_number(log, people, person, group):
    room = await group("ann")
    crowd = [f"per_{number:04}" + "p" * 240 for number in range(4_000)]

    async def add(names):
        return await add_members(
            log,
            people,
            actor=person("ann"),
            conversation_id=room,
            person_ids=names,
            role=Role.MEMBER,
            now=datetime.now(UTC),
        )

    with pytest.raises(FactTooLarge):
        await add(crowd)
    assert (await add(crowd[:2])).change_no == 2


def test_a_fact_outside_of_logs_that_no_record_could_carry_is_not_made() -> None:
    now = datetime.now(UTC)
    with pytest.raises(FactTooLarge):
        envelope(
            messages_pb2.Message(text="x" * MAX_EVENT_BYTES),
            tenant_id="ten_acme",
            scope="per_ann",
            change_no=1,
            entity_id="per_ann",
            entity_version=1,
            actor_id="per_ann",
            occurred_at=timestamp(now),
            now=now,
        )


async def test_one_item_of_a_batch_that_is_too_large_refuses_no_other(log, group):
    room = await group("ann", "bob")
    words = heavy_words(random.Random(2), links=600)  # noqa: S311 - repeatable, no secret
    drafts = [
        drafted(room, MessageContent("one"), "one"),
        drafted(room, words, "large"),
        drafted(room, MessageContent("two"), "two"),
    ]
    first, large, second = await send_messages(log, new_messages=drafts)
    assert (first.seq, second.seq) == (1, 2)
    assert isinstance(large, MessageTooLarge)


def test_what_is_forwarded_counts_with_its_links() -> None:
    spans = tuple(Span(number, 1, SpanKind.LINK, link(2000)) for number in range(70))
    carried = Forwarded("cnv_a", "msg_a", "per_a", datetime.now(UTC), "x" * 70, spans)
    assert carried.size_bytes >= 140_000
    with pytest.raises(TextTooLong):
        new_message(
            conversation_id="cnv_b",
            sender_id="bob",
            request_id="forward",
            text="",
            forwarded=(carried, carried),
        )


async def test_whatever_was_taken_can_be_labelled_pinned_reacted_to_edited_and_recalled(
    store, log, group, change
):
    room = await group("ann", "bob")
    for seed in range(8):
        chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        seq = await _largest(log, room, chance, seed=seed)
        entry = await store.messages.find_entry(room, seq)
        message = message_of(entry)
        message.revision = 2
        # All but the last of the allowed reactions, as if that many people had added them.
        for place, emoji in enumerate(EMOJI):
            people = [f"per_{place:02}_{n:02}" + "p" * 118 for n in range(20)]
            message.reactions.add(emoji=emoji, person_ids=people)
        del message.reactions[-1].person_ids[-1]

        async def keep(tx, entry=entry, message=message):
            await store.messages.save_current(entry["_id"], message, tx=tx)

        await store.transact(keep)
        await change("label", "ann", room, seq, add=LABELS)
        await change("pin", "ann", room, seq)
        await change("react", "ann", room, seq, emoji=EMOJI[0])
        with pytest.raises(TooManyReactions):
            await change("react", "bob", room, seq, emoji=EMOJI[0])
        words = heavy_words(chance, links=chance.randint(0, 150))
        edited = await change("edit", "bob", room, seq, text="", content=words)
        assert len(edited.reactions) == 50
        down = await change("edit", "bob", room, seq, text="down")
        assert down.text == "down"
        assert (await change("recall", "bob", room, seq)).recalled

    rows = await store.entries.list_changes(room, since=0, limit=1000)
    assert max(len(row["event"]) for row in rows) <= MAX_EVENT_BYTES


async def _largest(log, room, chance, *, seed) -> int:
    """Send a message of about the maximum size, by removing links until it fits."""
    links = 330
    while True:
        words = heavy_words(chance, links=links)
        try:
            request = f"largest {seed} {links}"
            return (await send_message(log, new_message=drafted(room, words, request))).seq
        except MessageTooLarge:
            links -= 10


async def test_facts_of_reactions_pins_and_labels_carry_the_parts_without_the_words(
    store, log, group, change
):
    room = await group("ann", "bob")
    text = "字" * 24_000
    stored = await send_message(log, new_message=drafted(room, MessageContent(text), "long"))
    await change("react", "ann", room, 1, emoji="ok")
    await change("pin", "ann", room, 1)
    await change("label", "bob", room, 1, add=("x",))
    await change("react", "bob", room, 1, emoji="ok")

    rows = await store.entries.list_changes(room, since=stored.change_no, limit=10)
    facts = []
    for row in rows:
        envelope = Envelope.FromString(bytes(row["event"]))
        fact = getattr(events_pb2, envelope.type.rpartition(".")[2]).FromString(envelope.fact)
        assert not fact.HasField("message")
        assert len(row["event"]) < 1_000
        assert (fact.parts.message_id, fact.parts.seq) == (stored.message_id, 1)
        assert fact.parts.revision == envelope.entity_version
        assert fact.parts.change_no == row["change_no"]
        facts.append(fact.parts)
    last = facts[-1]
    assert [(each.emoji, list(each.person_ids)) for each in last.reactions] == [
        ("🆗", ["ann", "bob"])
    ]
    assert last.pin.person_id == "ann"
    assert list(last.labels) == ["x"]


async def test_2500_toggles_of_a_reaction_do_not_repeat_a_long_message(store, log, group, change):
    room = await group("ann", "bob")
    await send_message(log, new_message=drafted(room, MessageContent("字" * 24_000), "long"))
    for number in range(50):
        await change("react", "ann", room, 1, emoji="ok", remove=bool(number % 2))
    rows = await store.entries.list_changes(room, since=2, limit=100)
    assert len(rows) == 50
    toggles = sum(len(row["event"]) for row in rows) * 50  # as many as 2,500 would be
    assert toggles < 2_000_000  # 181,000,000 when each repeated the text


@pytest.mark.rule("MSG-12")
async def test_a_recall_empties_any_number_of_facts_in_bounded_batches(
    store, log, group, change, monkeypatch
):
    room = await group("ann", "bob")
    await send_message(log, new_message=drafted(room, MessageContent("secret"), "request secret"))
    for number in range(120):
        await change("react", "ann", room, 1, emoji=f"e{number % 7}", remove=number % 14 >= 7)
    await change("label", "ann", room, 1, add=("secret label",))
    await change("edit", "bob", room, 1, text="other secret")
    sizes = []
    empty = EmptyingStore.empty

    async def watched(self, events):
        sizes.append(len(events))
        await empty(self, events)

    monkeypatch.setattr(EmptyingStore, "empty", watched)
    await change("recall", "bob", room, 1)

    assert sum(sizes) == 121
    assert max(sizes) <= 50
    await _is_emptied(store, room)


@pytest.mark.rule("MSG-12")
async def test_what_a_killed_process_did_not_empty_another_one_does(
    store, log, group, change, monkeypatch
):
    room = await group("ann", "bob")
    await send_message(log, new_message=drafted(room, MessageContent("secret"), "request secret"))
    await change("label", "ann", room, 1, add=("secret label",))

    async def killed(*_, **__):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(EmptyingStore, "find_full", killed)
        with pytest.raises(RuntimeError, match="killed"):
            await change("recall", "bob", room, 1)
    assert await store.emptying.left_behind(limit=10) == [(room, 1)]

    await empty_events(store, room, 1)
    await _is_emptied(store, room)


async def _is_emptied(store, room) -> None:
    assert await store.emptying.left_behind(limit=10) == []
    for row in await store.entries.list_changes(room, since=1, limit=1000):
        # The request id is the client's own and stays.
        event = bytes(row["event"]).replace(b"request secret", b"")
        assert b"secret" not in event
        assert row["kind"] == EntryKind.RECALLED.value or row["purged"]
