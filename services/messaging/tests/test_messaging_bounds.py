"""Fields outside their declared bounds: one verdict, never the end of a batch (GW-8)."""

import asyncio
import gc
from datetime import timedelta
from functools import partial

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from messaging.app import SERVICE, MessagingApi
from messaging.importing.api.importing import ImportApi
from messaging.messages.api.logs import LogApi
from messaging.reading.operations.cursors import place_cursors
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.messaging.v1 import (
    conversations_pb2,
    import_service_pb2,
    import_service_pb2_grpc,
    log_service_pb2,
    log_service_pb2_grpc,
    messages_pb2,
    messaging_service_pb2,
    messaging_service_pb2_grpc,
)
from plexus_testkit.companies import Company
from plexuskit import metrics
from plexuskit.clock import SystemClock
from plexuskit.config import GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    refused,
    responses,
    serve,
)
from plexuskit.loop import Watchdog

pb = messaging_service_pb2
OUT_OF_RANGE = "FIELD_OUT_OF_RANGE"
# Values that crashed the hash of a message, and values that no message number can have.
BAD_NUMBERS = ({"reply_to_seq": -1}, {"quote_seq": -1}, {"reply_to_seq": 2**63 - 1})


@pytest.fixture
async def channel(log, cursors, people, caller_keys_of, runtime):
    company = Company()
    verifier = CallerVerifier(caller_keys_of("messaging"), SERVICE)
    async with (
        serve(
            GrpcSection(port=0, drain_seconds=1),
            service=SERVICE,
            servicers=[
                (
                    messaging_service_pb2_grpc.add_MessagingServiceServicer_to_server,
                    MessagingApi(log, cursors, people, decisions=company.decisions),
                ),
                (
                    import_service_pb2_grpc.add_ImportServiceServicer_to_server,
                    ImportApi(log, people, place_cursors=partial(place_cursors, log.store)),
                ),
                (
                    log_service_pb2_grpc.add_LogServiceServicer_to_server,
                    LogApi(log, verifier, decisions=company.decisions, stopping=runtime.stopping),
                ),
            ],
            verifier=verifier,
            runtime=runtime,
            health=runtime.health,
        ) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


@pytest.fixture
def signed(caller_keys):
    def make(name: str, *roles: str) -> bytes:
        context = CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id="ten_acme",
            person_id=name,
            session_id=f"ses_{name}",
            roles=roles or ["member"],
        )
        tokens = CallerTokens(CallerSigner(caller_keys), context, clock=SystemClock())
        return tokens.for_audience(SERVICE)

    return make


@pytest.fixture
async def room(group):
    return await group("ann", "bob")


def message(room, request_id, **fields):
    return pb.SendMessageRequest(
        conversation_id=room, request_id=request_id, text="hello", **fields
    )


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize("fields", BAD_NUMBERS)
async def test_an_impossible_number_in_a_stream_is_that_items_verdict(
    channel, caller_keys, signed, room, fields
):
    gateway = CallerTokens(
        CallerSigner(caller_keys),
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=SystemClock(),
    )
    stub = log_service_pb2_grpc.LogServiceStub(channel)
    stream = stub.Append(metadata=((METADATA_KEY, gateway.for_audience(SERVICE)),))
    commands = [message(room, "bad", **fields), message(room, "good")]

    for ref, command in enumerate(commands):
        item = log_service_pb2.AppendItem(
            ref=ref, signed_caller=signed("ann"), command=command.SerializeToString()
        )
        await stream.write(log_service_pb2.AppendRequest(items=[item]))
    verdicts = {}
    async with asyncio.timeout(60):
        while len(verdicts) < len(commands):
            verdicts |= {each.ref: each.verdict for each in (await stream.read()).verdicts}
    stream.cancel()

    assert verdicts[0].refused.reason == OUT_OF_RANGE
    assert verdicts[0].refused.metadata["field"] == next(iter(fields))
    assert verdicts[1].stored.seq == 1


@pytest.mark.rule("GW-8")
async def test_an_item_of_the_stream_with_an_oversized_trace_is_refused_alone(
    channel, caller_keys, signed, room
):
    gateway = CallerTokens(
        CallerSigner(caller_keys),
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=SystemClock(),
    )
    stub = log_service_pb2_grpc.LogServiceStub(channel)
    command = message(room, "r").SerializeToString()
    items = [
        log_service_pb2.AppendItem(
            ref=ref, signed_caller=signed("ann"), command=command, traceparent=trace
        )
        for ref, trace in enumerate(("t" * 129, ""))
    ]

    async def frames():
        yield log_service_pb2.AppendRequest(items=items)

    verdicts = {}
    metadata = ((METADATA_KEY, gateway.for_audience(SERVICE)),)
    async for response in stub.Append(frames(), metadata=metadata):
        verdicts |= {each.ref: each.verdict for each in response.verdicts}

    assert verdicts[0].refused.metadata["field"] == "traceparent"
    assert verdicts[1].stored.seq == 1


@pytest.mark.rule("GW-8")
async def test_an_impossible_number_in_a_batch_is_that_items_verdict(channel, signed, room):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    bad = [message(room, f"bad{n}", **fields) for n, fields in enumerate(BAD_NUMBERS)]

    answer = await stub.SendMessages(
        pb.SendMessagesRequest(items=[*bad, message(room, "good")]),
        metadata=((METADATA_KEY, signed("ann")),),
    )

    assert [each.refused.reason for each in answer.verdicts] == [*[OUT_OF_RANGE] * len(bad), ""]
    assert answer.verdicts[-1].stored.seq == 1


@pytest.mark.rule("GW-8")
async def test_an_impossible_cursor_is_that_advances_verdict(channel, signed, room):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    metadata = ((METADATA_KEY, signed("ann")),)
    await stub.SendMessage(message(room, "r"), metadata=metadata)
    advance = pb.CursorAdvance

    answer = await stub.AdvanceCursors(
        pb.AdvanceCursorsRequest(
            advances=[
                advance(conversation_id=room, through_seq=-1),
                advance(conversation_id=room, through_seq=1),
                advance(conversation_id=room, root_seq=2**62),
            ]
        ),
        metadata=metadata,
    )
    none_good = await stub.AdvanceCursors(
        pb.AdvanceCursorsRequest(advances=[advance(conversation_id=room, through_seq=-1)]),
        metadata=metadata,
    )

    assert [each.refused.reason for each in answer.verdicts] == [OUT_OF_RANGE, "", OUT_OF_RANGE]
    assert answer.verdicts[1].cursor.through_seq == 1
    assert [each.refused.reason for each in none_good.verdicts] == [OUT_OF_RANGE]


@pytest.fixture
async def importing(channel, signed):
    """Return the import's stub, its caller, and the fields of a valid message."""
    stub = import_service_pb2_grpc.ImportServiceStub(channel)
    metadata = ((METADATA_KEY, signed("ann", "admin")),)
    foreign = import_service_pb2.ImportedConversation(
        external_id="slack:C1",
        kind=conversations_pb2.Conversation.KIND_GROUP,
        name="imported",
        member_ids=["ann", "bob"],
        owner_id="ann",
    )
    request = import_service_pb2.ImportConversationsRequest(conversations=[foreign])
    made = await stub.ImportConversations(request, metadata=metadata)
    at = Timestamp()
    at.FromDatetime(SystemClock().now() - timedelta(days=1))
    kept = {"conversation_id": made.conversations[0].id, "sender_id": "ann", "sent_at": at}
    return stub, metadata, kept


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize(
    ("count", "size", "problem"),
    [
        (257, 1, "has more than 256"),
        (513, 1, "send 512 at most"),
        (15, 150_000, "send 2097152 at most"),
    ],
)
async def test_a_frame_of_an_import_is_bounded_in_number_and_bytes(importing, count, size, problem):
    stub, metadata, kept = importing
    answers = []

    def frame(count, *, size, of):
        return import_service_pb2.ImportMessagesRequest(
            messages=[
                import_service_pb2.ImportedMessage(
                    **kept, request_id=f"slack:C1:{of}:{number}", text="x" * size
                )
                for number in range(count)
            ]
        )

    async def frames():
        yield frame(256, size=1, of="many")
        yield frame(13, size=150_000, of="large")
        yield frame(count, size=size, of="beyond")

    async def read_all():
        async for answer in responses(stub.ImportMessages(frames(), metadata=metadata)):
            answers.append(answer)  # noqa: PERF401 - kept although the stream ends with a refusal

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_all()

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert problem in caught.value.details()
    assert [(each.imported, len(each.refusals)) for each in answers] == [(256, 0), (13, 0)]


@pytest.mark.rule("GW-8")
async def test_an_impossible_message_of_an_import_is_refused_alone(importing):
    stub, metadata, kept = importing

    async def batches():
        yield import_service_pb2.ImportMessagesRequest(
            messages=[
                import_service_pb2.ImportedMessage(
                    **kept, request_id="slack:C1:1", reactions=[{"emoji": "x" * 401}]
                ),
                import_service_pb2.ImportedMessage(**kept, request_id="slack:C1:2", text="hello"),
            ]
        )

    answers = [answer async for answer in stub.ImportMessages(batches(), metadata=metadata)]

    assert [answer.imported for answer in answers] == [1]
    assert [(each.request_id, each.reason) for each in answers[0].refusals] == [
        ("slack:C1:1", OUT_OF_RANGE)
    ]


@pytest.mark.rule("GW-8")
async def test_a_text_that_is_only_a_bit_too_long_keeps_the_reason_of_the_domain(
    channel, signed, room
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)

    async def reason(text: str) -> str:
        request = pb.SendMessageRequest(conversation_id=room, request_id="r", text=text)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.SendMessage(request, metadata=((METADATA_KEY, signed("ann")),))
        return refused(error.value).reason

    assert await reason("x" * 153_601) == "TEXT_TOO_LONG"
    assert await reason("x" * 204_801) == OUT_OF_RANGE


@pytest.fixture
def collected():
    """Exclude the tests' objects from collection, like `spare_garbage_collection`."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.rule("GW-13")
@pytest.mark.usefixtures("collected")
async def test_a_batch_of_many_tiny_parts_gives_way_to_other_work(channel, signed, room):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    spans = [messages_pb2.Span(length=1, bold=True)] * 2_001
    # Made before: this side's own work would be a turn of the same loop.
    request = pb.SendMessagesRequest(items=[message(room, f"r{n}", spans=spans) for n in range(32)])
    metadata = ((METADATA_KEY, signed("ann")),)
    # The first call of a process imports and compiles, which is no request's doing.
    await stub.SendMessages(pb.SendMessagesRequest(items=request.items[:1]), metadata=metadata)
    before = long_turns()
    watching = asyncio.create_task(Watchdog().run())

    answer = await stub.SendMessages(request, metadata=metadata)
    watching.cancel()

    assert {each.refused.reason for each in answer.verdicts} == {"INVALID_ARGUMENT"}
    assert long_turns() == before


def long_turns() -> float:
    """Return the number of turns of the event loop that took too long."""
    (family,) = metrics.LOOP_TURN_SECONDS.collect()
    values = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    return values["plexus_loop_turn_seconds_count"] - values[str(metrics.MAX_TURN_SECONDS)]
