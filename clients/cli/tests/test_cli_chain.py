"""The command line's own verifier, against the worked example of docs/chain.md (MSG-20)."""

import re
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import ChainLink
from plexus_cli import chain
from plexus_cli.commands.verifying import Verified

DOC = (Path(__file__).parents[3] / "docs" / "chain.md").read_text()


@pytest.fixture
def example():
    """Return the values of the document by name."""
    block = re.search(r"```\n(header {7}.*?)```", DOC, re.DOTALL)
    assert block is not None
    joined = re.sub(r"\n {13}", "", block.group(1))
    names = ("header", "content hash", "header_hash", "body_hash", "chain_hash")
    return {
        name: bytes.fromhex(re.search(rf"^{name} +(\w+)$", joined, re.MULTILINE)[1])
        for name in names
    }


@pytest.fixture
def event(example):
    at = Timestamp(seconds=1_772_413_200)
    message = Message(
        id="msg_1",
        conversation_id="cnv_1",
        seq=1,
        change_no=2,
        sender_id="per_ann",
        kind=Message.KIND_TEXT,
        text="hello",
        priority=1,
        posted_at=at,
        sent_at=at,
        revision=1,
        membership_version=1,
        request_id="r1",
    )
    fact = MessagePosted(
        message=message, header_salt=bytes(range(16)), content_salt=bytes(range(16, 32))
    )
    return Envelope(
        tenant_id="ten_acme",
        scope="cnv_1",
        change_no=2,
        entity_id="msg_1",
        entity_version=1,
        occurred_at=at,
        type="plexus.messaging.v1.MessagePosted",
        fact=fact.SerializeToString(),
        actor_id="per_ann",
        membership_version=1,
        chain_hash=example["chain_hash"],
    )


@pytest.mark.rule("MSG-20")
def test_msg_20_the_worked_example_of_the_document_is_what_the_command_line_computes(
    example, event
):
    envelope, fact = chain.read(event.SerializeToString())
    proof = chain.prove(event.SerializeToString())

    assert chain.header(envelope, fact) == example["header"]
    assert chain.content(fact) == example["content hash"]
    assert (proof.header_hash, proof.body_hash) == (example["header_hash"], example["body_hash"])
    assert example["chain_hash"] == chain.link_2(
        chain.GENESIS,
        change_no=2,
        header_hash=example["header_hash"],
        body_hash=example["body_hash"],
    )


def link_of(example, event):
    return ChainLink(
        change_no=2,
        kind="posted",
        entity_id="msg_1",
        chain_hash=example["chain_hash"],
        version=2,
        header_hash=example["header_hash"],
        body_hash=example["body_hash"],
        event=event.SerializeToString(),
    )


@pytest.mark.rule("MSG-20")
def test_msg_20_a_server_that_shows_another_sender_or_text_is_found_by_the_client(example, event):
    whole = Verified("cnv_1")
    whole.take(link_of(example, event), chain.GENESIS)
    assert whole.problems == []

    for name, value in (("sender_id", "per_bob"), ("text", "other")):
        forged = Envelope()
        forged.CopyFrom(event)
        fact = MessagePosted.FromString(event.fact)
        setattr(fact.message, name, value)
        forged.fact = fact.SerializeToString()
        found = Verified("cnv_1")
        found.take(link_of(example, forged), chain.GENESIS)
        assert [number for number, _ in found.problems] == [2], name


@pytest.mark.rule("MSG-20")
def test_msg_20_who_may_not_read_an_entry_proves_its_link_by_the_two_hashes(example, event):
    link = link_of(example, event)
    hidden = ChainLink(
        change_no=2,
        chain_hash=link.chain_hash,
        version=2,
        header_hash=link.header_hash,
        body_hash=link.body_hash,
    )
    found = Verified("cnv_1")
    found.take(hidden, chain.GENESIS)
    assert (found.problems, found.read) == ([], 0)

    hidden.body_hash = bytes(32)
    found.take(hidden, chain.GENESIS)
    assert [number for number, _ in found.problems] == [2]


def test_what_is_no_event_is_reported_and_not_raised(example, event):
    link = link_of(example, event)
    link.event = b"\xff"
    found = Verified("cnv_1")

    found.take(link, chain.GENESIS)

    assert [number for number, _ in found.problems] == [2]
