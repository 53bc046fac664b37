"""A request's single trace, from the gateway to the index and the notification."""

import secrets

import aiohttp
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from plexus_testkit.leaks.spans import Told
from plexus_testkit.wait import eventually

SEND = "plexus.messaging.v1.MessagingService/SendMessage"
TOPIC = "messaging.conversation.v1"
COMMIT = "messaging.log.commit"
# An exporter keeps spans for up to 5 seconds.
TOLD_SECONDS = 60


@pytest.fixture
async def sent(platform, people, group):
    """Send a message over HTTP in a sampled trace; return the trace id and the root span's id."""
    room = await group("ann", "bob")
    trace_id, root_id = secrets.token_hex(16), secrets.token_hex(8)
    (authorization,) = [value for _, value in await people["ann"].metadata()]
    headers = {"authorization": authorization, "traceparent": f"00-{trace_id}-{root_id}-01"}
    message = {
        "conversationId": room,
        "requestId": secrets.token_hex(8),
        "text": "@bob 看一下 the words of a trace",
        "mentions": [{"personId": people["bob"].profile.person_id}],
    }
    async with (
        aiohttp.ClientSession(platform.http_address) as session,
        session.post(f"/{SEND}", json=message, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
    return trace_id, root_id


def one(told: list[Told], service: str, name: str, kind: int) -> Span:
    """Return the only span of a service with a name and a kind."""
    (span,) = [
        span
        for process, span in told
        if (process, span.name, span.kind) == (f"plexus.{service}", name, kind)
    ]
    return span


def attributes(span: Span) -> dict[str, str]:
    return {each.key: each.value.string_value for each in span.attributes if each.value}


def children(told: list[Told], parent: Span, service: str) -> list[Span]:
    return [
        span
        for process, span in told
        if process == f"plexus.{service}" and span.parent_span_id == parent.span_id
    ]


async def test_a_message_is_one_trace_from_the_gateway_to_search_and_notify(sent, received):
    trace_id, root_id = sent

    def whole():
        told = received.of(trace_id)
        groups = {attributes(span).get("messaging.consumer.group.name") for _, span in told}
        stores = {(process, attributes(span).get("db.system.name")) for process, span in told}
        named = {(process, span.name, span.kind) for process, span in told}
        complete = (
            groups >= {"search.messages", "notify.messages"}
            and stores >= {("plexus.search", "opensearch"), ("plexus.notify", "mongodb")}
            and named
            >= {
                ("plexus.gateway", SEND, Span.SPAN_KIND_SERVER),
                ("plexus.gateway", SEND, Span.SPAN_KIND_CLIENT),
                ("plexus.messaging", SEND, Span.SPAN_KIND_SERVER),
                ("plexus.messaging", COMMIT, Span.SPAN_KIND_INTERNAL),
                ("plexus.messaging", "insert entries", Span.SPAN_KIND_CLIENT),
                ("plexus.messaging", f"send {TOPIC}", Span.SPAN_KIND_PRODUCER),
            }
        )
        return told if complete else None

    told = await eventually(whole, within=TOLD_SECONDS)

    served = one(told, "gateway", SEND, Span.SPAN_KIND_SERVER)
    called = one(told, "gateway", SEND, Span.SPAN_KIND_CLIENT)
    owner = one(told, "messaging", SEND, Span.SPAN_KIND_SERVER)
    commit = one(told, "messaging", COMMIT, Span.SPAN_KIND_INTERNAL)
    assert served.parent_span_id.hex() == root_id
    assert called.parent_span_id == served.span_id
    assert owner.parent_span_id == called.span_id
    assert attributes(served)["rpc.system.name"] == "connectrpc"
    assert attributes(called)["rpc.system.name"] == attributes(owner)["rpc.system.name"] == "grpc"
    assert attributes(owner)["rpc.response.status_code"] == "OK"

    # The write of the batch, which may contain other requests.
    assert commit.parent_span_id == owner.span_id
    assert owner.span_id in [link.span_id for link in commit.links]
    assert "insert entries" in [span.name for span in children(told, commit, "messaging")]

    # The relay and every consumer group continue the context of the stored fact.
    batches = [
        (process, span)
        for process, span in told
        if span.kind in {Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER}
        and owner.span_id in [link.span_id for link in span.links]
    ]
    by = {
        (process, attributes(span).get("messaging.consumer.group.name", "")): span
        for process, span in batches
    }
    relayed = by["plexus.messaging", ""]
    indexed = by["plexus.search", "search.messages"]
    notified = by["plexus.notify", "notify.messages"]
    assert relayed.kind == Span.SPAN_KIND_PRODUCER
    assert relayed.name == f"send {TOPIC}"
    for span in (indexed, notified):
        assert span.kind == Span.SPAN_KIND_CONSUMER
        assert span.name == f"process {TOPIC}"
    for span in (relayed, indexed, notified):
        # In a batch with another sampled trace it is only linked.
        assert span.parent_span_id in {owner.span_id, b""}
    bulk = children(told, indexed, "search")
    assert "opensearch" in [attributes(span).get("db.system.name") for span in bulk]
    found = children(told, notified, "notify")
    assert "mongodb" in [attributes(span).get("db.system.name") for span in found]
