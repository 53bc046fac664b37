"""Sends through a session: each is stored once, with or without its verdict (MSG-3)."""

# ruff: noqa: ARG001 - fixtures that only have to be there

import asyncio

import grpc
import pytest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendRefusal
from plexus_sdk import Client, Plexus, Refused, Unreachable
from plexus_sdk import outbox as outbox_module

from .conftest import posted, until
from .scripted import Gateway, Log, Refusal

DRAINING = Refusal(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING")


@pytest.fixture
def log(gateway: Gateway) -> Log:
    return gateway.log(name="general")


def verdict(code: grpc.StatusCode, reason: str, *, wait_ms: int = 0) -> SendRefusal:
    return SendRefusal(
        code=code.value[0],
        reason=reason,
        message="No.",
        retry_after_ms=wait_ms,
        metadata={"a": "b"},
    )


async def test_msg_03_a_verdict_that_is_lost_with_the_stream_is_asked_for_again(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        # One is stored but its verdict is lost, one never arrives.
        gateway.sends = ["silent", "lost"]
        sending = [
            asyncio.create_task(session.messages.send(log.id, text)) for text in ("one", "two")
        ]
        await until(lambda: len(gateway.streams[0].refs) == 2)
        gateway.streams[0].end(DRAINING)
        one, two = await asyncio.wait_for(asyncio.gather(*sending), 30)
    assert (one.seq, one.deduplicated) == (1, True)
    assert (two.seq, two.deduplicated) == (2, False)
    assert posted(log) == ["one", "two"]


async def test_msg_18_a_passing_refusal_is_repeated_after_the_wait(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.sends = [
            verdict(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", wait_ms=100),
            verdict(grpc.StatusCode.UNAVAILABLE, "OWNER_UNREACHABLE"),
        ]
        began = asyncio.get_running_loop().time()
        sent = await session.messages.send(log.id, "at last")
        assert asyncio.get_running_loop().time() - began >= 0.1
    assert sent.seq == 1
    assert len(set(log.requests)) == 1


async def test_a_final_refusal_is_raised_with_all_that_plexus_says(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.sends = [verdict(grpc.StatusCode.INVALID_ARGUMENT, "TEXT_TOO_LONG")]
        with pytest.raises(Refused) as refused:
            await session.messages.send(log.id, "too long")
    assert refused.value.reason == "TEXT_TOO_LONG"
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert dict(refused.value.metadata) == {"a": "b"}
    assert log.messages == {}


async def test_a_verdict_that_comes_twice_changes_nothing(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.sends = ["twice"]
        assert (await session.messages.send(log.id, "one")).seq == 1
        assert (await session.messages.send(log.id, "two")).seq == 2


async def test_a_send_has_a_deadline_and_names_the_request_id_to_repeat(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:
        gateway.sends = ["lost"]
        request = SendMessageRequest(conversation_id=log.id, request_id="mine", text="hello")
        with pytest.raises(Unreachable, match="mine"):
            await session.send(request, seconds=0.2)
        # A later stream does not send an abandoned message.
        gateway.streams[0].end(DRAINING)
        await until(lambda: gateway.opened == 2)
        assert (await session.messages.send(log.id, "next")).seq == 1
    assert posted(log) == ["next"]


async def test_a_verdict_that_is_missing_on_a_living_stream_is_asked_for_again(
    client: Client, gateway: Gateway, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "REPEAT_SECONDS", 0.05)
    async with client.session() as session:
        gateway.sends = ["lost", "silent"]
        sent = await asyncio.wait_for(session.messages.send(log.id, "hello"), 30)
    assert sent.deduplicated
    assert posted(log) == ["hello"]


async def test_a_message_without_a_request_id_gets_one(
    client: Client, gateway: Gateway, log: Log
) -> None:
    request = SendMessageRequest(conversation_id=log.id, text="hello")
    async with client.session() as session:
        await session.send(request)
    assert request.request_id == ""
    (request_id,) = log.requests
    assert request_id.startswith("req_")


async def test_msg_03_a_reply_is_stored_once_for_ever(
    client: Client, gateway: Gateway, log: Log
) -> None:
    question = log.post("question")
    async with client.session() as session:
        first = await session.messages.reply(question, "answer")
    again = await client.messages.reply(question, "answer")
    part = await client.messages.reply(question, "more", part="2")
    assert (first.seq, again.seq, again.deduplicated, part.seq) == (2, 2, True, 3)


async def test_gw_06_a_call_whose_answer_is_lost_is_repeated_by_the_same_request_id(
    client: Client, gateway: Gateway, log: Log
) -> None:
    # Stored before the response is lost, twice.
    gateway.refusals["SendMessage"] = [Refusal(grpc.StatusCode.UNAVAILABLE, "LOST")] * 2
    sent = await client.messages.send(log.id, "once")
    assert sent.deduplicated
    assert posted(log) == ["once"]


async def test_gw_06_a_request_without_an_id_gets_one_and_the_callers_stays_as_it_is(
    plexus: Plexus, gateway: Gateway, log: Log
) -> None:
    gateway.refusals["SendMessage"] = [Refusal(grpc.StatusCode.UNAVAILABLE, "LOST")]
    request = SendMessageRequest(conversation_id=log.id, text="once")
    await plexus.call(plexus.messaging.SendMessage, request)
    assert request.request_id == ""
    assert len(log.requests) == 1


async def test_many_sends_at_once_are_all_stored_once(
    client: Client, gateway: Gateway, log: Log
) -> None:
    async with client.session() as session:

        async def send(number: int) -> None:
            await session.messages.send(log.id, f"text {number}")

        sending = asyncio.gather(*(send(number) for number in range(700)))
        await until(lambda: log.last_seq > 100)
        gateway.streams[0].end(DRAINING)
        await asyncio.wait_for(sending, 60)
    assert sorted(posted(log)) == sorted(f"text {number}" for number in range(700))
