"""Refusals: each with its reason, and without any effect on the stored state."""

import asyncio
import base64
import json
import secrets
import time

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest
from plexus.messaging.v1.messaging_service_pb2 import (
    AddMembersRequest,
    AdvanceCursorsRequest,
    CursorAdvance,
    GetConversationRequest,
    GetMessageRequest,
    LeaveConversationRequest,
    ListChangesRequest,
    ListConversationsRequest,
    ListMembersRequest,
    ListMessagesRequest,
    ListReceiptsRequest,
    RemoveMembersRequest,
    SendMessageRequest,
    SendMessagesRequest,
    UpdateConversationRequest,
)
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.search.v1.search_service_pb2_grpc import SearchServiceStub
from plexus.tasks.v1.tasks_service_pb2 import ListTasksRequest
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from plexus_sdk import Refused, open_channel
from plexuskit.grpc import refused

LIMIT = 150 * 1024


async def reason_of(call) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), refused(caught.value).reason


def resigned(platform, token: str, **claims: object) -> str:
    """Return a token signed with directory's own key, with changed claims."""
    keys = json.loads((platform.layout.keys / "directory-tokens.json").read_text())["keys"]
    private = Ed25519PrivateKey.from_private_bytes(_decoded(keys[-1]["d"]))
    header, payload, _ = token.split(".")
    changed = json.loads(_decoded(payload)) | claims
    signed = f"{header}.{_encoded(json.dumps(changed).encode())}"
    return f"{signed}.{_encoded(private.sign(signed.encode()))}"


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_gw_1_a_wrong_or_expired_token_is_unauthenticated(platform, people):
    ann = people["ann"]
    token = ann.profile.access_token
    now = int(time.time())
    past = {"iat": now - 1000, "nbf": now - 1000, "exp": now - 1}
    tokens = {
        "": "TOKEN_MISSING",
        "Bearer nonsense": "TOKEN_INVALID",
        f"Bearer {token[:-8]}AAAAAAAA": "TOKEN_INVALID",
        f"Bearer {resigned(platform, token, aud='plexus-other')}": "TOKEN_INVALID",
        f"Bearer {resigned(platform, token, **past)}": "TOKEN_EXPIRED",
    }

    answers = {
        header: await reason_of(
            ann.messaging.ListConversations(
                ListConversationsRequest(),
                metadata=(("authorization", header),) if header else (),
                timeout=10,
            )
        )
        for header in tokens
    }

    unauthenticated = grpc.StatusCode.UNAUTHENTICATED
    assert answers == {header: (unauthenticated, reason) for header, reason in tokens.items()}
    # The key and the claims are valid, so the refusals above have no other cause.
    good = resigned(platform, token, exp=now + 60)
    await ann.messaging.ListConversations(
        ListConversationsRequest(), metadata=(("authorization", f"Bearer {good}"),), timeout=10
    )


@pytest.mark.parametrize(
    ("process", "stub", "method", "request_"),
    [
        ("messaging-api", MessagingServiceStub, "ListConversations", ListConversationsRequest()),
        ("tasks", TasksServiceStub, "ListTasks", ListTasksRequest()),
        ("search", SearchServiceStub, "Search", SearchRequest(query="x")),
    ],
    ids=["messaging", "tasks", "search"],
)
async def test_gw_1_a_direct_call_to_a_service_without_caller_context_is_refused(
    platform, people, process, stub, method, request_
):
    async with open_channel(platform.address_of(process)) as channel:
        call = getattr(stub(channel), method)

        bare = await reason_of(call(request_, timeout=10))
        # Only the gateway reads access tokens; no service accepts one.
        metadata = await people["ann"].metadata()
        with_token = await reason_of(call(request_, metadata=metadata, timeout=10))
        forged = await reason_of(
            call(request_, metadata=(("plexus-caller-bin", b"\x0a\x02hi"),), timeout=10)
        )

    assert bare == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_CONTEXT_MISSING")
    assert with_token == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_CONTEXT_MISSING")
    assert forged == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_CONTEXT_INVALID")


async def test_gw_1_an_rpc_without_permission_is_denied_by_its_name(people):
    ann = people["ann"]
    request = CreatePersonRequest(handle="mallory", display_name="Mallory", roles=["admin"])

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ann.directory.CreatePerson(request, metadata=await ann.metadata(), timeout=10)

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    refusal = refused(caught.value)
    assert refusal.reason == "PERMISSION_MISSING"
    assert refusal.metadata["permission"] == "people.manage"


async def test_gw_2_a_conversation_one_is_not_in_answers_as_one_that_does_not_exist(
    people, room, checker
):
    hidden = await room("ann", "bob")
    await people["ann"].call(
        people["ann"].messaging.SendMessage,
        SendMessageRequest(conversation_id=hidden, request_id="r", text="secret"),
    )
    eve, eves_id = people["eve"], people["eve"].profile.person_id
    absent = hidden[:-6] + "ZZZZZZ"
    metadata = await eve.metadata()
    calls = {
        "SendMessage": lambda c: SendMessageRequest(conversation_id=c, request_id="x", text="x"),
        "GetConversation": lambda c: GetConversationRequest(conversation_id=c),
        "ListMessages": lambda c: ListMessagesRequest(conversation_id=c),
        "GetMessage": lambda c: GetMessageRequest(conversation_id=c, seq=1),
        "ListChanges": lambda c: ListChangesRequest(conversation_id=c),
        "ListMembers": lambda c: ListMembersRequest(conversation_id=c),
        "ListReceipts": lambda c: ListReceiptsRequest(conversation_id=c, seq=1),
        "AddMembers": lambda c: AddMembersRequest(
            conversation_id=c, request_id="x", person_ids=[eves_id]
        ),
        "RemoveMembers": lambda c: RemoveMembersRequest(
            conversation_id=c, request_id="x", person_ids=[eves_id]
        ),
        "LeaveConversation": lambda c: LeaveConversationRequest(conversation_id=c, request_id="x"),
        "UpdateConversation": lambda c: UpdateConversationRequest(
            conversation_id=c, request_id="x", name="mine"
        ),
    }

    async def answer(method: str, conversation_id: str) -> tuple[object, ...]:
        request = calls[method](conversation_id)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await getattr(eve.messaging, method)(request, metadata=metadata, timeout=10)
        refusal = refused(caught.value)
        named = {k: v.replace(conversation_id, "<id>") for k, v in refusal.metadata.items()}
        words = str(caught.value.details()).replace(conversation_id, "<id>")
        return caught.value.code(), refusal.reason, words, named

    answers = {
        method: (await answer(method, hidden), await answer(method, absent)) for method in calls
    }

    for method, (of_hidden, of_absent) in answers.items():
        assert of_hidden == of_absent, method
        assert of_hidden[:2] == (grpc.StatusCode.NOT_FOUND, "CONVERSATION_NOT_FOUND"), method
    assert len(await checker.log_of(hidden)) == 1


async def test_msg_18_a_text_over_150_kb_is_refused_and_one_of_150_kb_is_stored(
    people, room, client, checker
):
    conversation = await room("ann", "bob")
    ann = await client("ann")
    biggest = "界" * (LIMIT // 3)

    with pytest.raises(Refused) as caught:
        await people["ann"].call(
            people["ann"].messaging.SendMessage,
            SendMessageRequest(conversation_id=conversation, request_id="big", text=biggest + "x"),
        )
    with pytest.raises(Exception, match="TEXT_TOO_LONG"):
        await ann.send(conversation, biggest + "x", request_id="big-too")
    stored = await ann.send(conversation, biggest)

    assert caught.value.reason == "TEXT_TOO_LONG"
    assert stored.seq == 1
    (message,) = await checker.kept(conversation, [ann])
    assert message.text == biggest


async def test_msg_3_a_retry_gives_the_original_and_other_content_is_refused(
    people, room, client, checker
):
    conversation = await room("ann", "bob")
    ann = await client("ann")
    first = await ann.send(conversation, "one", request_id="r")
    await ann.send(conversation, "two")

    again = await ann.send(conversation, "one", request_id="r")
    unary = await people["ann"].call(
        people["ann"].messaging.SendMessage,
        SendMessageRequest(conversation_id=conversation, request_id="r", text="one"),
    )
    with pytest.raises(Exception, match="REQUEST_ID_REUSED"):
        await ann.send(conversation, "other", request_id="r")

    for retried in (again, unary):
        assert retried.deduplicated
        assert (retried.message_id, retried.seq) == (first.message_id, first.seq)
        assert retried.server_time == first.server_time
    assert [each.text for each in await checker.log_of(conversation)] == ["one", "two"]


async def test_msg_7_a_cursor_beyond_the_end_is_refused_for_that_item_alone(people, room, client):
    conversation, other = await room("ann", "bob"), await room("ann", "bob")
    ann = await client("ann")
    await ann.send(conversation, "only")
    await ann.send(other, "only")
    bob = people["bob"]
    advances = [
        CursorAdvance(conversation_id=conversation, through_seq=2),
        CursorAdvance(conversation_id=other, through_seq=1),
    ]

    response = await bob.call(
        bob.messaging.AdvanceCursors, AdvanceCursorsRequest(advances=advances)
    )

    beyond, fine = response.verdicts
    assert beyond.refused.reason == "CURSOR_BEYOND_END"
    assert beyond.refused.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert fine.cursor.through_seq == 1
    view = await bob.call(
        bob.messaging.GetConversation, GetConversationRequest(conversation_id=conversation)
    )
    assert (view.view.read_through_seq, view.view.unread) == (0, 1)


async def test_msg_3_of_a_batch_of_64_with_four_bad_ones_the_other_60_are_stored_dense(
    people, room, checker
):
    conversation, not_anns = await room("ann", "bob"), await room("bob")
    ann = people["ann"]

    def item(number: int, **changes: str) -> SendMessageRequest:
        fields = {"conversation_id": conversation, "request_id": f"r{number}", "text": f"t{number}"}
        return SendMessageRequest(**(fields | changes))

    items = [item(number) for number in range(64)]
    items[10] = item(3)  # a duplicate within the batch
    items[20] = item(4, text="not what r4 said")
    items[30] = item(30, conversation_id=not_anns)
    items[40] = item(40, text="x" * (LIMIT + 1))

    response = await ann.call(ann.messaging.SendMessages, SendMessagesRequest(items=items))

    verdicts = dict(enumerate(response.verdicts))
    assert len(verdicts) == 64
    duplicate, conflicting, foreign, long = (verdicts.pop(number) for number in (10, 20, 30, 40))
    assert duplicate.stored.deduplicated
    assert duplicate.stored.seq == verdicts[3].stored.seq
    assert conflicting.refused.reason == "REQUEST_ID_REUSED"
    assert foreign.refused.reason == "CONVERSATION_NOT_FOUND"
    assert long.refused.reason == "TEXT_TOO_LONG"
    assert [verdict.stored.seq for verdict in verdicts.values()] == list(range(1, 61))
    assert not any(verdict.stored.deduplicated for verdict in verdicts.values())
    stored = await checker.log_of(conversation)
    assert [each.text for each in stored] == [f"t{number}" for number in verdicts]
    assert await checker.log_of(not_anns) == []


async def test_msg_3_concurrent_identical_sends_store_one(room, checker, people):
    conversation = await room("ann", "bob")
    ann = people["ann"]
    request = SendMessageRequest(
        conversation_id=conversation, request_id=secrets.token_hex(4), text="once"
    )
    calls = [ann.call(ann.messaging.SendMessage, request) for _ in range(20)]

    answers = await asyncio.gather(*calls)

    assert {answer.seq for answer in answers} == {1}
    assert sum(not answer.deduplicated for answer in answers) == 1
    assert len(await checker.log_of(conversation)) == 1
