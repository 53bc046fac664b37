"""Laws of chain version 2 (MSG-20): proofs, their readers, and content that cannot be guessed."""

import hashlib
from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from messaging.log.domain import chain
from messaging.log.events.recalls import emptied_event
from messaging.log.events.seals import content_of, fact_in, header_of, seal
from messaging.messages.events.states import stored_hash
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import conversations_pb2, events_pb2, messages_pb2
from plexus_cli import chain as client

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
STAMP = Timestamp(seconds=1_772_413_200, nanos=5_000_000)
WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
PRIORITY = st.integers(1, 3)
TIMES = st.integers(0, 4_000_000_000).map(lambda seconds: Timestamp(seconds=seconds))


def spans():
    def make(start, length, kind, value):
        valued = kind in {"link", "mention_person_id", "code_block", "mention_department_id"}
        return messages_pb2.Span(start=start, length=length, **{kind: value if valued else True})

    kinds = st.sampled_from(
        ["bold", "code", "link", "mention_person_id", "mention_department_id", "mention_all"]
    )
    return st.builds(make, st.integers(0, 99), st.integers(0, 99), kinds, WORDS)


def mentions():
    person = st.builds(lambda who: messages_pb2.Mention(person_id=who), WORDS)
    everybody = st.just(messages_pb2.Mention(all=True))
    department = st.builds(
        lambda which, version: messages_pb2.Mention(department_id=which, directory_version=version),
        WORDS,
        st.integers(0, 99),
    )
    return st.one_of(person, everybody, department)


ATTACHMENTS = st.builds(
    messages_pb2.Attachment, name=WORDS, url=WORDS, media_type=WORDS, size_bytes=st.integers(0, 99)
)
FORWARDED = st.builds(
    messages_pb2.Forwarded,
    conversation_id=WORDS,
    message_id=WORDS,
    sender_id=WORDS,
    sent_at=TIMES,
    text=WORDS,
    spans=st.lists(spans(), max_size=2),
    attachments=st.lists(ATTACHMENTS, max_size=2),
)
REACTIONS = st.builds(messages_pb2.Reaction, emoji=WORDS, person_ids=st.lists(WORDS, max_size=3))
PINS = st.builds(messages_pb2.Pin, person_id=WORDS, pinned_at=TIMES)
MESSAGES = st.builds(
    messages_pb2.Message,
    id=WORDS,
    seq=st.integers(1, 99),
    change_no=st.integers(1, 99),
    sender_id=WORDS,
    kind=st.integers(1, 2),
    text=WORDS,
    spans=st.lists(spans(), max_size=2),
    mentions=st.lists(mentions(), max_size=2),
    priority=PRIORITY,
    root_seq=st.integers(0, 9),
    reply_to_seq=st.integers(0, 9),
    posted_at=TIMES,
    sent_at=TIMES,
    revision=st.integers(1, 9),
    membership_version=st.integers(1, 9),
    request_id=WORDS,
    reactions=st.lists(REACTIONS, max_size=2),
    attachments=st.lists(ATTACHMENTS, max_size=2),
    forwarded=st.lists(FORWARDED, max_size=2),
    labels=st.lists(WORDS, max_size=2),
    notify=st.integers(0, 2),
    pin=st.none() | PINS,
    quote=st.none()
    | st.builds(messages_pb2.Quote, seq=st.integers(1, 9), message_id=WORDS, sender_id=WORDS),
    conversation_id=WORDS,
    origin=WORDS,
    version=st.integers(0, 9),
    recalled_by=WORDS,
)
INTERVALS = st.builds(
    lambda first, last: {"first_seq": first, "last_seq": last},
    st.integers(1, 9),
    st.integers(0, 9),
)
MEMBERS = st.builds(
    conversations_pb2.Member,
    conversation_id=WORDS,
    person_id=WORDS,
    role=st.integers(1, 3),
    active=st.booleans(),
    intervals=st.lists(INTERVALS, max_size=2),
    version=st.integers(1, 9),
    joined_at=TIMES,
)
CONVERSATIONS = st.builds(
    conversations_pb2.Conversation,
    id=WORDS,
    kind=st.integers(1, 2),
    name=WORDS,
    topic=WORDS,
    history=st.integers(1, 2),
    archived=st.booleans(),
    created_by=WORDS,
    created_at=TIMES,
    version=st.integers(1, 9),
    confidential=st.booleans(),
)
FACTS = st.one_of(
    st.builds(events_pb2.MessagePosted, message=MESSAGES),
    st.builds(
        events_pb2.MessageEdited, message=MESSAGES, added_mentions=st.lists(mentions(), max_size=2)
    ),
    st.builds(events_pb2.MessageRecalled, message=MESSAGES),
    st.builds(
        events_pb2.MessageReacted,
        message=MESSAGES,
        emoji=WORDS,
        person_id=WORDS,
        removed=st.booleans(),
    ),
    st.builds(events_pb2.MessagePinned, message=MESSAGES),
    st.builds(events_pb2.MessageLabeled, message=MESSAGES),
    st.builds(
        events_pb2.ConversationCreated,
        conversation=CONVERSATIONS,
        members=st.lists(MEMBERS, max_size=3),
    ),
    st.builds(events_pb2.ConversationChanged, conversation=CONVERSATIONS),
    st.builds(
        events_pb2.MembersAdded,
        members=st.lists(MEMBERS, max_size=3),
        membership_version=st.integers(1, 9),
    ),
    st.builds(
        events_pb2.MembersRemoved,
        members=st.lists(MEMBERS, max_size=3),
        membership_version=st.integers(1, 9),
        left=st.booleans(),
    ),
)


def sealed(fact, *, previous=chain.GENESIS, change_no=1):
    copy = type(fact)()
    copy.CopyFrom(fact)
    return seal(
        copy,
        previous=previous,
        tenant_id="ten_acme",
        scope="cnv_1",
        change_no=change_no,
        entity_id="msg_1",
        entity_version=1,
        actor_id="ann",
        occurred_at=STAMP,
        now=NOW,
        content_hash=content_of(copy, words_hash=stored_hash),
        membership_version=1,
    )


def proved(event):
    """Compute both hashes of an event as the service does."""
    envelope = Envelope.FromString(event)
    fact = fact_in(envelope)
    return (
        chain.salted(fact.header_salt, header_of(envelope, fact)),
        chain.salted(fact.content_salt, content_of(fact, words_hash=stored_hash)),
    )


@pytest.mark.rule("MSG-20")
@given(FACTS)
def test_msg_20_a_client_computes_the_hashes_that_the_service_stored(fact):
    event, seals = sealed(fact)

    proof = client.prove(event)

    assert (proof.header_hash, proof.body_hash) == (seals.header_hash, seals.body_hash)
    assert proved(event) == (seals.header_hash, seals.body_hash)
    assert seals.chain_hash == client.link_2(
        chain.GENESIS, change_no=1, header_hash=seals.header_hash, body_hash=seals.body_hash
    )


def leaves(message, *, apart=()):
    """Yield (holder, field) of every scalar that is set in a message, however deep."""
    for descriptor, value in message.ListFields():
        if descriptor.name in apart:
            continue
        if descriptor.message_type is not None:
            held = value if descriptor.is_repeated else [value]
            for each in held:
                yield from leaves(each, apart=apart)
        elif not descriptor.is_repeated:
            yield message, descriptor


def alter(holder, descriptor):
    value = getattr(holder, descriptor.name)
    choice = descriptor.containing_oneof
    if isinstance(value, bool) and choice is not None and len(choice.fields) > 1:
        # A flag of a oneof carries meaning by being the one that is set, true or not.
        other = next(each for each in choice.fields if each.name != descriptor.name)
        setattr(holder, other.name, True if other.type == other.TYPE_BOOL else "another")
    elif isinstance(value, bool):
        setattr(holder, descriptor.name, not value)
    elif isinstance(value, str):
        setattr(holder, descriptor.name, f"{value}!")
    elif descriptor.enum_type is not None:
        setattr(holder, descriptor.name, value % 2 + 1)
    elif descriptor.name == "nanos":
        setattr(holder, descriptor.name, (value + 1_000_000) % 1_000_000_000)
    else:
        setattr(holder, descriptor.name, value + 1)


# For a fact about a part of a message only that part and the header are its content: the rest of
# the message it carries is proved by the entries that made it. Ids of holders are in the scope.
_PARTS = {
    "MessageReacted": {"emoji", "person_id", "removed", "reactions"},
    "MessagePinned": {"pin"},
    "MessageLabeled": {"labels"},
    "MessageRecalled": set(),
}
_CONTENT = {
    "text",
    "spans",
    "mentions",
    "attachments",
    "forwarded",
    "quote",
    "reactions",
    "pin",
    "labels",
}
_UNPROVED = {"header_salt", "content_salt"}


@pytest.mark.rule("MSG-20")
@settings(max_examples=300)
@given(FACTS, st.data())
def test_msg_20_any_change_of_anything_shown_breaks_the_proof(fact, data):
    event, _ = sealed(fact)
    before = proved(event)
    envelope = Envelope.FromString(event)
    altered = fact_in(envelope)
    name = type(fact).DESCRIPTOR.name
    apart = _UNPROVED | (_CONTENT - _PARTS[name] if name in _PARTS else set())
    places = list(leaves(altered, apart=apart))
    if not places:
        return
    alter(*data.draw(st.sampled_from(places)))
    envelope.fact = altered.SerializeToString()

    assert proved(envelope.SerializeToString()) != before


@pytest.mark.rule("MSG-20")
@pytest.mark.parametrize(
    "change",
    [
        {"tenant_id": "ten_other"},
        {"scope": "cnv_2"},
        {"entity_id": "msg_2"},
        {"entity_version": 2},
        {"actor_id": "bob"},
        {"membership_version": 2},
        {"origin": "import"},
        {"occurred_at": Timestamp(seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_msg_20_any_change_of_an_envelope_breaks_the_proof(change):
    event, seals = sealed(events_pb2.MessagePosted(message=messages_pb2.Message(text="hi")))
    envelope = Envelope.FromString(event)
    envelope.MergeFrom(Envelope(**change))

    assert client.prove(envelope.SerializeToString()).header_hash != seals.header_hash


@pytest.mark.rule("MSG-20")
@given(MESSAGES.map(lambda message: events_pb2.MessagePosted(message=message)))
def test_msg_20_a_recall_erases_the_content_with_its_salt_and_leaves_the_header_proved(fact):
    event, seals = sealed(fact)
    salt = fact_in(Envelope.FromString(event)).content_salt

    emptied = emptied_event(event)

    proof = client.prove(emptied)
    assert proof.header_hash == seals.header_hash
    assert proof.body_hash == b""
    assert salt not in emptied
    assert stored_hash(fact.message) not in emptied


@pytest.mark.rule("MSG-20")
@given(st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=12))
def test_msg_20_any_subset_of_readers_computes_the_same_links(said):
    link, views = chain.GENESIS, []
    for number, (text, readable) in enumerate(said, start=1):
        fact = events_pb2.MessagePosted(message=messages_pb2.Message(text=text, seq=number))
        event, seals = sealed(fact, previous=link, change_no=number)
        link = seals.chain_hash
        views.append((number, event if readable else None, seals))

    walked = client.GENESIS
    for number, event, seals in views:
        header_hash, body_hash = seals.header_hash, seals.body_hash
        if event is not None:
            proof = client.prove(event)
            header_hash, body_hash = proof.header_hash, proof.body_hash
        walked = client.link_2(
            walked, change_no=number, header_hash=header_hash, body_hash=body_hash
        )
        assert walked == seals.chain_hash


@pytest.mark.rule("MSG-20")
def test_msg_20_the_same_words_leave_no_two_hashes_alike():
    fact = events_pb2.MessagePosted(message=messages_pb2.Message(text="yes"))
    seals = [sealed(fact)[1] for _ in range(1_000)]

    assert len({each.body_hash for each in seals} | {each.header_hash for each in seals}) == 2_000
    unsalted = stored_hash(fact.message)
    assert unsalted not in {each.body_hash for each in seals}
    assert hashlib.sha256(unsalted).digest() not in {each.body_hash for each in seals}


@given(st.lists(st.binary(max_size=6), max_size=6), st.lists(st.binary(max_size=6), max_size=6))
def test_packed_words_share_a_byte_string_exactly_when_they_are_equal(one, other):
    assert (chain.packed(one) == chain.packed(other)) == (one == other)
