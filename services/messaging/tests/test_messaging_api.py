"""The service over a real gRPC socket, with signed callers."""

import asyncio
from functools import partial
from typing import Any

import grpc
import pytest
from messaging.app import SERVICE, SOURCES, MessagingApi
from messaging.importing.api.importing import ImportApi
from messaging.messages.api import translation
from messaging.messages.api.authority import AuthorityApi
from messaging.messages.api.logs import MAX_EVENT_BYTES, LogApi, Outbox
from messaging.reading.operations.cursors import place_cursors
from plexus.authz.v1.authority_pb2 import ReadableContainersRequest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub, add_AuthorityServicer_to_server
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import (
    conversations_pb2,
    import_service_pb2,
    import_service_pb2_grpc,
    log_service_pb2,
    log_service_pb2_grpc,
    messaging_service_pb2,
    messaging_service_pb2_grpc,
)
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.config import GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    refused,
    serve,
)

pb = messaging_service_pb2


@pytest.fixture
def company():
    return Company()


@pytest.fixture
async def port(log, cursors, people, store, caller_keys_of, runtime, company):
    verifier = CallerVerifier(caller_keys_of("messaging"), SERVICE)
    async with serve(
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
            (add_AuthorityServicer_to_server, AuthorityApi(store, sources=SOURCES)),
        ],
        verifier=verifier,
        runtime=runtime,
        health=runtime.health,
    ) as bound:
        yield bound


@pytest.fixture
async def channel(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


@pytest.fixture
def signed(caller_keys):
    def make(name: str, *roles: str, **more: Any) -> bytes:
        context = CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id="ten_acme",
            person_id=name,
            session_id=f"ses_{name}",
            roles=roles or ["member"],
            **more,
        )
        tokens = CallerTokens(CallerSigner(caller_keys), context, clock=SystemClock())
        return tokens.for_audience(SERVICE)

    return make


@pytest.fixture
def as_(signed):
    return lambda name, *roles: ((METADATA_KEY, signed(name, *roles)),)


@pytest.fixture
def as_service(caller_keys):
    context = CallerContext(kind=CallerContext.KIND_SERVICE)
    tokens = CallerTokens(CallerSigner(caller_keys), context, clock=SystemClock())
    return ((METADATA_KEY, tokens.for_audience(SERVICE)),)


async def new_group(stub, metadata, *members):
    request = pb.CreateConversationRequest(
        request_id="g1",
        kind=conversations_pb2.Conversation.KIND_GROUP,
        name="采购",
        member_ids=members,
    )
    return (await stub.CreateConversation(request, metadata=metadata)).conversation.id


async def test_a_call_without_caller_context_is_refused(channel):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)

    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.ListConversations(pb.ListConversationsRequest())

    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_creating_twice_with_one_request_id_makes_one(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)

    first = await new_group(stub, as_("ann"), "bob")
    second = await new_group(stub, as_("ann"), "bob")

    assert first == second


async def test_a_pair_has_one_direct_conversation_whoever_opens_it(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)

    async def direct(me, peer):
        request = pb.CreateConversationRequest(
            kind=conversations_pb2.Conversation.KIND_DIRECT, member_ids=[peer]
        )
        response = await stub.CreateConversation(request, metadata=as_(me))
        return response.conversation.id

    opened = await asyncio.gather(*(direct("ann", "bob") for _ in range(5)), direct("bob", "ann"))

    assert len(set(opened)) == 1


@pytest.mark.rule("GW-11")
async def test_gw_11_an_import_shows_nothing_of_what_people_use(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    imports = import_service_pb2_grpc.ImportServiceStub(channel)
    request = pb.CreateConversationRequest(
        kind=conversations_pb2.Conversation.KIND_DIRECT, member_ids=["bob"]
    )
    native = (await stub.CreateConversation(request, metadata=as_("ann"))).conversation

    async def bring(key, *members):
        request = import_service_pb2.ImportConversationsRequest(
            conversations=[
                import_service_pb2.ImportedConversation(
                    external_id=key,
                    kind=conversations_pb2.Conversation.KIND_DIRECT,
                    member_ids=members,
                )
            ]
        )
        answer = await imports.ImportConversations(request, metadata=as_("root", "admin"))
        [conversation], [closed] = answer.conversations, answer.closed
        return conversation, closed

    # Two people who talk here already: not even an id.
    conversation, closed = await bring("slack:D1", "ann", "bob")
    assert closed
    assert conversation == conversations_pb2.Conversation(
        kind=conversations_pb2.Conversation.KIND_DIRECT, external_id="slack:D1"
    )

    made, closed = await bring("slack:D2", "ann", "carol")
    assert (made.last_seq, closed) == (0, False)
    await stub.SendMessage(
        pb.SendMessageRequest(conversation_id=made.id, request_id="1", text="native"),
        metadata=as_("ann"),
    )
    conversation, closed = await bring("slack:D2", "ann", "bob")
    assert closed
    assert conversation == conversations_pb2.Conversation(
        id=made.id, kind=conversations_pb2.Conversation.KIND_DIRECT, external_id="slack:D2"
    )
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.ListMessages(
            pb.ListMessagesRequest(conversation_id=native.id), metadata=as_("root", "admin")
        )
    assert refused(raised.value).reason == "CONVERSATION_NOT_FOUND"


@pytest.mark.rule("GW-11")
async def test_gw_11_only_an_importer_finishes_an_import(channel, as_):
    imports = import_service_pb2_grpc.ImportServiceStub(channel)
    for source, who, reason in (
        ("slack", ("ann",), "IMPORT_DENIED"),
        ("", ("root", "admin"), "INVALID_ARGUMENT"),
        ("a:b", ("root", "admin"), "INVALID_ARGUMENT"),
        ("x" * 101, ("root", "admin"), "INVALID_ARGUMENT"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await imports.FinishImport(
                import_service_pb2.FinishImportRequest(source=source), metadata=as_(*who)
            )
        assert refused(raised.value).reason == reason


async def test_create_then_send_is_never_refused(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    for number in range(100):
        created = await stub.CreateConversation(
            pb.CreateConversationRequest(
                request_id=f"g{number}",
                kind=conversations_pb2.Conversation.KIND_GROUP,
                name=f"g{number}",
            ),
            metadata=as_("ann"),
        )
        sent = await stub.SendMessage(
            pb.SendMessageRequest(
                conversation_id=created.conversation.id, request_id="1", text="hello"
            ),
            metadata=as_("ann"),
        )
        assert sent.seq == 1


async def test_gw_02_hidden_and_absent_answer_the_same(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")

    async def refusal(conversation_id):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.ListMessages(
                pb.ListMessagesRequest(conversation_id=conversation_id), metadata=as_("eve")
            )
        remote = refused(error.value)
        return remote.reason, remote.message().replace(conversation_id, "X"), error.value.code()

    assert await refusal(room) == await refusal("cnv_none")


async def test_the_append_stream_answers_every_item(channel, as_, as_service, signed):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    log = log_service_pb2_grpc.LogServiceStub(channel)
    command = [
        pb.SendMessageRequest(conversation_id=room, request_id=f"r{n}", text=f"m{n}")
        for n in range(200)
    ]
    items = [
        log_service_pb2.AppendItem(
            ref=n, signed_caller=signed("ann"), command=request.SerializeToString()
        )
        for n, request in enumerate(command)
    ]
    items.append(
        log_service_pb2.AppendItem(
            ref=900, signed_caller=signed("eve"), command=command[0].SerializeToString()
        )
    )
    items.append(log_service_pb2.AppendItem(ref=901, signed_caller=b"garbage", command=b""))
    items.append(log_service_pb2.AppendItem(ref=902, signed_caller=signed("ann"), command=b"\xff"))

    async def frames():
        yield log_service_pb2.AppendRequest(items=items)

    verdicts = {}
    call = log.Append(frames(), metadata=as_service)
    async for response in call:
        verdicts |= {v.ref: v.verdict for v in response.verdicts}

    assert [verdicts[n].stored.seq for n in range(200)] == list(range(1, 201))
    assert verdicts[900].refused.reason == "CONVERSATION_NOT_FOUND"
    assert verdicts[901].refused.reason == "CALLER_CONTEXT_INVALID"
    assert verdicts[902].refused.reason == "INVALID_ARGUMENT"


@pytest.mark.rule("GW-8")
async def test_gw_08_a_poisonous_item_is_a_verdict_and_the_stream_goes_on(
    channel, as_, as_service, signed, monkeypatch
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    read = translation.to_new_message

    def failing(request, *, sender_id):
        if request.text == "unexpected":
            raise RuntimeError("a fault of ours")
        return read(request, sender_id=sender_id)

    monkeypatch.setattr(translation, "to_new_message", failing)
    call = log_service_pb2_grpc.LogServiceStub(channel).Append(metadata=as_service)

    async def verdict(sender: str, conversation_id: str, text: str, **fields) -> pb.SendVerdict:
        command = pb.SendMessageRequest(
            conversation_id=conversation_id, request_id=text, text=text, **fields
        )
        item = log_service_pb2.AppendItem(
            ref=1, signed_caller=signed(sender), command=command.SerializeToString()
        )
        await call.write(log_service_pb2.AppendRequest(items=[item]))
        async with asyncio.timeout(60):
            (found,) = (await call.read()).verdicts
        return found.verdict

    replied = await verdict("eve", "cnv_made_up", "r", reply_to_seq=-5)
    quoted = await verdict("ann", room, "q", quote_seq=-1)
    failed = await verdict("ann", room, "unexpected")
    stored = await verdict("ann", room, "fine")

    assert replied.refused.reason == quoted.refused.reason == "FIELD_OUT_OF_RANGE"
    assert (failed.refused.code, failed.refused.reason) == (13, "INTERNAL")
    assert failed.refused.metadata["reference"]
    assert stored.stored.seq == 1
    call.cancel()


@pytest.mark.rule("GW-8")
async def test_gw_08_a_poisonous_item_of_a_batch_is_one_verdict(channel, as_):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    items = [
        pb.SendMessageRequest(conversation_id=room, request_id=f"r{n}", text="m", reply_to_seq=n)
        for n in (-1, 0, -(2**63))
    ]

    answer = await stub.SendMessages(pb.SendMessagesRequest(items=items), metadata=as_("ann"))

    assert [each.refused.reason for each in answer.verdicts] == [
        "FIELD_OUT_OF_RANGE",
        "",
        "FIELD_OUT_OF_RANGE",
    ]
    assert answer.verdicts[1].stored.seq == 1


@pytest.mark.rule("GW-8")
async def test_gw_08_a_stream_whose_reader_died_is_closed(channel, as_, as_service, signed):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    # Not a frame: the reader of the stream cannot continue.
    call = channel.stream_stream("/plexus.messaging.v1.LogService/Append")(metadata=as_service)
    command = pb.SendMessageRequest(conversation_id=room, request_id="r", text="m")
    item = log_service_pb2.AppendItem(
        ref=1, signed_caller=signed("ann"), command=command.SerializeToString()
    )
    await call.write(log_service_pb2.AppendRequest(items=[item]).SerializeToString() + b"\xff")

    async with asyncio.timeout(60):
        code = await call.code()

    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_msg_06_a_verdict_brings_the_fact_that_the_log_holds(
    channel, as_, as_service, signed, db
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    call = log_service_pb2_grpc.LogServiceStub(channel).Append(metadata=as_service)

    async def verdict(request_id: str, *, sender: str) -> log_service_pb2.AppendVerdict:
        command = pb.SendMessageRequest(conversation_id=room, request_id=request_id, text="hi")
        item = log_service_pb2.AppendItem(
            ref=1, signed_caller=signed(sender), command=command.SerializeToString()
        )
        await call.write(log_service_pb2.AppendRequest(items=[item]))
        (found,) = (await call.read()).verdicts
        return found

    first = await verdict("r1", sender="ann")
    again = await verdict("r1", sender="ann")
    refused_one = await verdict("r2", sender="eve")

    envelope = Envelope.FromString(first.event)
    assert (envelope.scope, envelope.change_no) == (room, first.verdict.stored.change_no)
    entries = db.collection("entries", schema_version=1)
    (entry,) = await entries.find_all({"conversation_id": room, "kind": "posted"})
    assert first.event == bytes(entry["event"])
    assert again.verdict.stored.deduplicated
    assert refused_one.verdict.refused.reason == "CONVERSATION_NOT_FOUND"
    assert again.event == refused_one.event == b""
    call.cancel()


async def test_facts_beyond_what_a_frame_takes_are_left_to_the_topic():
    outbox, verdict = Outbox(), pb.SendVerdict()
    large = bytes(MAX_EVENT_BYTES // 2)
    for _ in range(5):
        outbox.expect()
    frames = outbox.frames()

    for ref in range(4):
        outbox.put(ref, verdict, event=large)
    first = await anext(frames)
    outbox.put(4, verdict, event=large)
    second = await anext(frames)

    assert [(each.ref, len(each.event)) for each in [*first.verdicts, *second.verdicts]] == [
        (0, len(large)),
        (1, len(large)),
        (2, 0),
        (3, 0),
        (4, len(large)),
    ]


async def test_gw_01_an_item_is_brought_by_the_service_that_signed_for_it(
    channel, as_, signed, caller_keys_of
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    command = pb.SendMessageRequest(conversation_id=room, request_id="r1", text="overheard")
    item = log_service_pb2.AppendItem(
        ref=1, signed_caller=signed("ann"), command=command.SerializeToString()
    )
    notify = CallerTokens(
        CallerSigner(caller_keys_of("notify")),
        CallerContext(kind=CallerContext.KIND_SERVICE),
        clock=SystemClock(),
    )

    call = log_service_pb2_grpc.LogServiceStub(channel).Append(
        metadata=((METADATA_KEY, notify.for_audience(SERVICE)),)
    )
    await call.write(log_service_pb2.AppendRequest(items=[item]))
    await call.done_writing()
    (verdict,) = (await call.read()).verdicts

    assert verdict.verdict.refused.reason == "CALLER_CONTEXT_INVALID"
    assert verdict.verdict.refused.metadata["problem"] == "peer"


async def test_a_process_that_stops_answers_what_it_took_in_and_ends_the_stream(
    channel, as_, as_service, signed, runtime
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    call = log_service_pb2_grpc.LogServiceStub(channel).Append(metadata=as_service)

    def item(ref: int) -> log_service_pb2.AppendItem:
        command = pb.SendMessageRequest(conversation_id=room, request_id=f"r{ref}", text="m")
        return log_service_pb2.AppendItem(
            ref=ref, signed_caller=signed("ann"), command=command.SerializeToString()
        )

    await call.write(log_service_pb2.AppendRequest(items=[item(ref) for ref in range(100)]))
    verdicts = list((await call.read()).verdicts)
    runtime.stopping.set()
    async with asyncio.timeout(60):
        while (response := await call.read()) is not grpc.aio.EOF:
            verdicts += response.verdicts
        code = await call.code()

    assert code is grpc.StatusCode.OK
    assert [verdict.ref for verdict in verdicts] == list(range(100))


async def test_the_authority_is_for_services_only(channel, as_, as_service):
    authority = AuthorityStub(channel)
    request = ReadableContainersRequest(tenant_id="ten_acme", person_id="ann")

    assert (await authority.ReadableContainers(request, metadata=as_service)).version
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await authority.ReadableContainers(request, metadata=as_("ann"))
    assert error.value.code() in {
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }


FORBID_ROOM = (
    'forbid(principal, action in [Plexus::Action::"messages.send",'
    ' Plexus::Action::"messages.mark_read"], resource == Plexus::Object::"conversation:{room}")'
    " when {{ !context.second_factor }};"
)


@pytest.mark.rule("GW-10")
async def test_gw_10_each_item_of_a_batch_is_decided_on_its_own_conversation(
    channel, as_, company, signed
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    direct = pb.CreateConversationRequest(
        kind=conversations_pb2.Conversation.KIND_DIRECT, member_ids=["bob"]
    )
    other = (await stub.CreateConversation(direct, metadata=as_("ann"))).conversation.id
    company.person("ten_acme", "ann")
    company.policy("ten_acme", "room", FORBID_ROOM.format(room=room))
    batch = pb.SendMessagesRequest(
        items=[
            pb.SendMessageRequest(conversation_id=each, request_id="r", text="said")
            for each in (room, other)
        ]
    )
    cursors = pb.AdvanceCursorsRequest(
        advances=[{"conversation_id": each, "through_seq": 1} for each in (room, other)]
    )

    verdicts = (await stub.SendMessages(batch, metadata=as_("ann"))).verdicts
    assert verdicts[0].refused.reason == "POLICY_FORBIDS"
    assert verdicts[1].stored.seq == 1

    strong = ((METADATA_KEY, signed("ann", second_factor=True)),)
    verdicts = (await stub.SendMessages(batch, metadata=strong)).verdicts
    assert (verdicts[0].stored.seq, verdicts[1].stored.deduplicated) == (1, True)

    advanced = (await stub.AdvanceCursors(cursors, metadata=as_("ann"))).verdicts
    assert advanced[0].refused.reason == "POLICY_FORBIDS"
    assert advanced[1].cursor.through_seq == 1


@pytest.mark.rule("GW-10")
async def test_gw_10_an_item_of_the_append_stream_is_decided_as_its_own_caller_signed_in(
    channel, as_, as_service, signed, company
):
    stub = messaging_service_pb2_grpc.MessagingServiceStub(channel)
    room = await new_group(stub, as_("ann"), "bob")
    company.person("ten_acme", "ann")
    company.policy("ten_acme", "room", FORBID_ROOM.format(room=room))
    callers = {
        1: signed("ann"),
        2: signed("ann", second_factor=True),
        3: signed("ann", second_factor=True, api_token_id="tok_1", scopes=["messages.read"]),
    }

    async def frames():
        yield log_service_pb2.AppendRequest(
            items=[
                log_service_pb2.AppendItem(
                    ref=ref,
                    signed_caller=caller,
                    command=pb.SendMessageRequest(
                        conversation_id=room, request_id=f"r{ref}", text="said"
                    ).SerializeToString(),
                )
                for ref, caller in callers.items()
            ]
        )

    verdicts = {}
    call = log_service_pb2_grpc.LogServiceStub(channel).Append(frames(), metadata=as_service)
    async for response in call:
        verdicts |= {v.ref: v.verdict for v in response.verdicts}

    assert verdicts[1].refused.reason == "POLICY_FORBIDS"
    assert verdicts[2].stored.seq == 1
    assert verdicts[3].refused.reason == "PERMISSION_MISSING"
