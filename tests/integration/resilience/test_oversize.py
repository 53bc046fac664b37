"""Messages of the largest allowed size, and facts too large for a record, in every service."""

import contextlib
import secrets

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from plexus.authz.v1.authority_pb2 import ReadFactsRequest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messages_pb2 import Attachment, Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import (
    EditMessageRequest,
    LabelMessageRequest,
    PinMessageRequest,
    ReactToMessageRequest,
    RecallMessageRequest,
    SendMessageRequest,
)
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexus_sdk import Refused, open_channel
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens
from plexuskit.kafka import topic_name
from plexuskit.kafka.clients import admin

pytestmark = pytest.mark.rule("MSG-21")

# Such that the texts of several messages do not fit into one record, and one link of each does.
LINK_BYTES = 2_000
MAX_LINKS = 330
LABELS = [f"{number:02}" + "标" * 48 for number in range(20)]
LIMIT_SETTING = "max.message.bytes"
SMALL_RECORDS = 40_000


def heavy(word: str, *, links: int) -> dict:
    """Return the content of a message that begins with a word and contains many links."""
    text = f"{word} " + "字a" * links
    return {
        "text": text,
        "spans": [
            Span(start=len(word) + 1 + 2 * number, length=1, link=link()) for number in range(links)
        ],
        "attachments": [
            Attachment(name=f"{n}" + "n" * 200, url=link(), media_type="text/plain", size_bytes=n)
            for n in range(20)
        ],
    }


def link() -> str:
    """Return a long address that does not compress."""
    return "https://example.com/" + secrets.token_hex(LINK_BYTES // 2 - 10)


async def largest(ann, room: str, bob: str, word: str):
    """Send a message of almost the largest size: remove a link until it is accepted."""
    mentions = [Mention(person_id=bob)]
    mentions += [Mention(person_id=f"per_{number:03}" + "p" * 100) for number in range(150)]
    for links in range(MAX_LINKS, 0, -5):
        request = SendMessageRequest(
            conversation_id=room,
            request_id=f"{word} {links}",
            mentions=mentions,
            **heavy(word, links=links),
        )
        try:
            return await ann.call(ann.messaging.SendMessage, request), links
        except Refused as refused:
            if refused.reason != "MESSAGE_TOO_LARGE":
                raise
    raise AssertionError("no message is small enough")


async def alter(ann, room: str, seq: int, *, word: str, links: int) -> None:
    """Change a message in every way except deletion."""
    place = {"conversation_id": room, "seq": seq}
    messaging = ann.messaging
    for call, request in (
        (messaging.LabelMessage, LabelMessageRequest(**place, request_id="l", add=LABELS)),
        (messaging.PinMessage, PinMessageRequest(**place, request_id="p")),
        (messaging.ReactToMessage, ReactToMessageRequest(**place, request_id="r", emoji="👍")),
        (
            messaging.EditMessage,
            EditMessageRequest(**place, request_id="e", **heavy(word, links=links)),
        ),
        (messaging.PinMessage, PinMessageRequest(**place, request_id="u", unpin=True)),
    ):
        await ann.call(call, request)


async def test_a_message_of_the_largest_size_can_be_changed_and_recalled_and_reaches_everybody(
    platform, people, room, client, checker
):
    conversation = await room("ann", "bob")
    ann, listener = people["ann"], await client("bob")
    first, second = (f"w{secrets.token_hex(6)}" for _ in range(2))

    sent, links = await largest(ann, conversation, listener.person_id, first)
    await checker.delivered(conversation, [listener], seqs=[1])
    await checker.notified(people["bob"], conversation, seqs=[1])
    await eventually(lambda: _hits(people["bob"], first), within=60, every=0.5)

    await alter(ann, conversation, sent.seq, word=second, links=links)
    await eventually(lambda: _hits(people["bob"], second), within=60, every=0.5)
    assert not await _hits(people["bob"], first)

    recall = RecallMessageRequest(conversation_id=conversation, seq=sent.seq, request_id="gone")
    gone = await ann.call(ann.messaging.RecallMessage, recall)
    assert gone.message.recalled
    await eventually(lambda: _none(people["bob"], second), within=60, every=0.5)

    stored = await checker.log_of(conversation)
    last = (await checker.entries_of(conversation))[-1]["change_no"]
    await eventually(lambda: listener.of(conversation).through == last, within=60)
    assert len(stored) == 1
    assert await _omitted(platform) == 0


@pytest.mark.long
async def test_a_fact_that_no_record_carries_is_read_from_its_owner_by_every_consumer(
    platform, people, room, client, checker
):
    conversation = await room("ann", "bob")
    ann, listener = people["ann"], await client("bob")
    word = f"w{secrets.token_hex(6)}"
    before = await _omitted(platform)
    async with _at_another_gateway(platform, people["bob"], type(listener)) as elsewhere:
        async with _small_records(platform):
            sent, _ = await largest(ann, conversation, listener.person_id, word)
            small = await ann.call(
                ann.messaging.SendMessage,
                SendMessageRequest(conversation_id=conversation, request_id="s", text="small"),
            )
            # In the live stream, in the index and in the notifications, each exactly once.
            await checker.delivered(conversation, [listener], seqs=[1, 2])
            # A gateway that receives the fact by Kafka only sends its number, and the client
            # fetches it.
            await eventually(
                lambda: elsewhere.of(conversation).through == small.change_no, within=60
            )
            await checker.notified(people["bob"], conversation, seqs=[1])
            await checker.indexed(conversation, seqs=[1, 2])
        assert await _omitted(platform) > before
        assert await _hits(people["bob"], word) == 1

        recall = RecallMessageRequest(conversation_id=conversation, seq=sent.seq, request_id="gone")
        await ann.call(ann.messaging.RecallMessage, recall)
        await eventually(lambda: _none(people["bob"], word), within=60, every=0.5)
        assert small.change_no == sent.change_no + 1
    fact = await _read_fact(platform, conversation, small.change_no)
    assert fact.type == "plexus.messaging.v1.MessagePosted"


@contextlib.asynccontextmanager
async def _small_records(platform):
    """Let the broker accept small records only, as an operator may misconfigure it."""
    topic = topic_name(platform.kafka, MESSAGING_CONVERSATION_V1.name)

    async with admin(platform.kafka) as client:
        answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        entries = answers[0].resources[0][4]
        (before,) = [entry[1] for entry in entries if entry[0] == LIMIT_SETTING]

        async def set_(size: str) -> None:
            wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {LIMIT_SETTING: size})
            await client.alter_configs([wanted])

        await set_(str(SMALL_RECORDS))
        try:
            yield
        finally:
            await set_(before)


@contextlib.asynccontextmanager
async def _at_another_gateway(platform, plexus, client_of):
    """Open a device at a gateway that receives messages by Kafka only."""
    async with (
        platform.another("gateway"),
        platform.signed_in(plexus.profile.handle, gateway="gateway-2") as there,
        client_of(there).running() as device,
    ):
        yield device


async def _read_fact(platform, conversation: str, change_no: int) -> Envelope:
    """Fetch a fact from messaging as a consumer does."""
    keys = CallerSection(keys_file=platform.layout.keys / "search.json")
    tokens = CallerTokens(
        CallerSigner(keys), CallerContext(kind=CallerContext.KIND_SERVICE), clock=SystemClock()
    )
    async with open_channel(platform.address_of("messaging-api")) as channel:
        request = ReadFactsRequest(
            topic=MESSAGING_CONVERSATION_V1.name,
            scope=conversation,
            from_change_no=change_no,
            through_change_no=change_no,
        )
        metadata = ((METADATA_KEY, tokens.for_audience("messaging")),)
        answer = await AuthorityStub(channel).ReadFacts(request, metadata=metadata, timeout=20)
    (fact,) = answer.facts
    return fact


async def _omitted(platform) -> float:
    """Return the number of facts that the relay has published without their content."""
    _, text = platform["messaging-relay"].get("/metrics")
    name = "plexus_relay_omitted_total"
    values = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(values[0]) if values else 0.0


async def _hits(plexus, word: str) -> int:
    response = await plexus.call(plexus.search.Search, SearchRequest(query=word))
    return response.total


async def _none(plexus, word: str) -> bool:
    return await _hits(plexus, word) == 0
