"""Sends through a session: verdicts, limits, and outages of messaging."""

import asyncio
import secrets
import time
from typing import Any

import pytest
from gateway.config import LimitsSection, RateSection
from gateway.live import stream as stream_module
from gateway.live import wire
from gateway.live.refusals import OwnerUnreachable
from gateway.live.sends import Sends
from opentelemetry.trace import SpanKind
from plexus.gateway.v1.session_service_pb2 import SendItem, SessionRequest
from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus_testkit.spans import RecordedSpans, attributes_of, ids, origins_of, parent_id
from plexus_testkit.wait import eventually

UNAVAILABLE = 14


async def test_msg_03_a_repeated_request_id_stores_once(gateway: Any) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    item = ana.item(conversation, "once", request_id="r1")
    again = ana.item(conversation, "once", request_id="r1")
    other = ana.item(conversation, "something else", request_id="r1")

    first, repeated, refused = await ana.answered(await ana.send_items(item, again, other))

    assert repeated.stored.seq == first.stored.seq == 1
    assert repeated.stored.deduplicated
    assert refused.refused.reason == "REQUEST_ID_REUSED"


async def test_a_frame_of_sends_is_one_span_whose_context_its_items_carry(
    recorded_spans: RecordedSpans, gateway: Any
) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    recorded_spans.clear()

    await ana.answered(await ana.send(conversation, "the words", "of", "ana"))

    frames = recorded_spans.named("plexus.messaging.v1.LogService/Append")
    assert sum(attributes_of(frame)["plexus.items"] for frame in frames) == 3
    for frame in frames:
        assert frame.kind is SpanKind.CLIENT
        assert parent_id(frame) == 0
        assert attributes_of(frame)["rpc.response.status_code"] == "OK"
        assert attributes_of(frame)["server.address"] == "messaging"
    sent = {ids(frame) for frame in frames}

    def delivered() -> bool:
        origins = {
            (origin.trace_id, origin.span_id)
            for span in recorded_spans.named("process messaging.conversation.v1")
            for origin in origins_of(span)
        }
        return sent <= origins

    await eventually(delivered)
    for content in ("words", "per_ana", ana.metadata[0][1].split()[1]):
        assert content not in recorded_spans.text()


async def test_gw_02_a_stranger_gets_not_found_as_the_owner_says_it(gateway: Any) -> None:
    ana, eve = await gateway.client("per_ana"), await gateway.client("per_eve")
    conversation = await ana.create("per_bo")

    hidden, absent = await eve.answered(
        [*await eve.send(conversation, "let me in"), *await eve.send("cnv_none", "x")]
    )

    assert hidden.refused.reason == absent.refused.reason == "CONVERSATION_NOT_FOUND"


async def test_gw_01_roles_that_may_not_send_are_refused_by_name(gateway: Any) -> None:
    directory = gateway.world.directory
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    stranger = gateway.unopened("per_x", token=directory.token("per_x", roles=("visitor",)))

    await stranger.open()
    await asyncio.wait_for(stranger.ended.wait(), 5)

    assert stranger.error.code().name == "PERMISSION_DENIED"
    assert conversation not in str(stranger.error.details())


async def test_msg_18_an_item_that_is_too_large_is_refused_alone(gateway: Any) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")

    large, small = await ana.answered(await ana.send(conversation, "x" * 170_000, "small"))

    assert large.refused.reason == "ITEM_TOO_LARGE"
    assert small.stored.seq == 1


async def test_msg_18_items_beyond_the_rate_are_refused_and_the_others_stored(world: Any) -> None:
    world.limits = LimitsSection(person_change=RateSection(per_second=0.01, burst=4))
    try:
        async with world.gateway() as gateway:
            ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
            conversation = await ana.create("per_bo")

            verdicts = await ana.answered(await ana.send(conversation, *"abcdef"))
            (other,) = await bo.answered(await bo.send(conversation, "undisturbed"))
    finally:
        world.limits = LimitsSection(enabled=False)

    refused = [verdict.refused for verdict in verdicts if verdict.HasField("refused")]
    assert sorted(verdict.stored.seq for verdict in verdicts if verdict.HasField("stored")) == [
        1,
        2,
        3,
    ]
    assert [(each.code, each.reason) for each in refused] == [(8, "RATE_LIMITED")] * 3
    assert all(each.metadata["limit"] == "person" for each in refused)
    assert all(90_000 < each.retry_after_ms <= 101_000 for each in refused)
    assert other.stored.seq == 4


@pytest.mark.rule("GW-13")
async def test_gw_13_an_item_to_more_people_than_the_rate_allows_is_refused_alone(
    world: Any,
) -> None:
    world.limits = LimitsSection(person_change=RateSection(per_second=0.01, burst=10))
    try:
        async with world.gateway() as gateway:
            ana = await gateway.client("per_ana")
            conversation = await ana.create("per_bo")
            few, many = (ana.item(each, "@all") for each in (conversation, "cnv_of_others"))
            for item in (few, many):
                command = SendMessageRequest.FromString(item.command)
                command.mentions.add(all=True)
                item.command = command.SerializeToString()

            (before,) = await ana.answered(await ana.send(conversation, "before"))
            await eventually(lambda: ana.events(conversation))

            refused, sent, after = await ana.answered(
                await ana.send_items(many, few, ana.item(conversation, "after"))
            )
    finally:
        world.limits = LimitsSection(enabled=False)

    assert [each.stored.seq for each in (before, sent, after)] == [1, 2, 3]
    assert refused.refused.reason == "RATE_LIMITED"
    # It needs a whole bucket: what it took before it was refused has been given back.
    assert 200_000 < refused.refused.retry_after_ms <= 1_000_000


@pytest.mark.rule("MSG-18")
async def test_msg_18_a_stream_is_not_read_while_it_sends_more_than_its_rate(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.limits = LimitsSection(person_change=RateSection(per_second=0.01, burst=4))
    pauses: list[tuple[float, float, float]] = []
    made = 0
    accept, verdict_of = Sends.accept, stream_module.refused_verdict

    async def noting(self: Sends, *args: Any) -> float:
        began = time.monotonic()
        pause = await accept(self, *args)
        pauses.append((began, time.monotonic(), pause))
        return pause

    def counting(refusal: Any) -> Any:
        nonlocal made
        made += 1
        return verdict_of(refusal)

    monkeypatch.setattr(Sends, "accept", noting)
    monkeypatch.setattr(stream_module, "refused_verdict", counting)
    try:
        async with world.gateway() as gateway:
            ana = await gateway.client("per_ana")
            conversation = await ana.create("per_bo")
            refs = await ana.send(conversation, *("x" for _ in range(2_000)))
            again = await ana.send(conversation, *("x" for _ in range(10)))
            verdicts = await ana.answered(refs + again)
    finally:
        world.limits = LimitsSection(enabled=False)

    assert sum(verdict.HasField("stored") for verdict in verdicts) == 3
    assert {v.refused.reason for v in verdicts if v.HasField("refused")} == {"RATE_LIMITED"}
    assert made == 2
    (_, ended, pause), (began, _, _) = pauses
    assert pause == 2.0
    assert began - ended >= pause - 0.01


@pytest.mark.rule("GW-13")
async def test_gw_13_a_stream_that_goes_on_beyond_its_rate_ends_and_others_do_not(
    world: Any,
) -> None:
    world.limits = LimitsSection(
        person_change=RateSection(per_second=0.01, burst=4),
        refused=RateSection(per_second=0.01, burst=100),
    )
    try:
        async with world.gateway() as gateway:
            ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
            conversation = await ana.create("per_bo")
            await ana.answered(await ana.send(conversation, *("x" for _ in range(60))))
            await ana.send(conversation, *("x" for _ in range(60)))
            await asyncio.wait_for(ana.ended.wait(), 20)
            (other,) = await bo.answered(await bo.send(conversation, "undisturbed"))
    finally:
        world.limits = LimitsSection(enabled=False)

    assert ana.error.code().name == "RESOURCE_EXHAUSTED"
    assert other.HasField("stored")


@pytest.mark.parametrize("client_ref", [0, 1, 127, 128, 2**64 - 1])
def test_one_refusal_is_encoded_for_many_items_as_for_each(client_ref: int) -> None:
    verdict = stream_module.refused_verdict(OwnerUnreachable())
    (chunk,) = wire.acknowledgements([client_ref], verdict)
    assert chunk.data == wire.acknowledgement(client_ref, verdict).data
    assert chunk.kept


async def test_an_item_for_another_conversation_than_its_command_is_refused(gateway: Any) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    item = ana.item(conversation, "x")
    wrong = SendItem(client_ref=901, conversation_id="cnv_other", command=item.command)
    broken = SendItem(client_ref=902, conversation_id=conversation, command=b"\xff\xff")

    verdicts = await ana.answered(await ana.send_items(wrong, broken))

    assert [verdict.refused.reason for verdict in verdicts] == ["INVALID_ARGUMENT"] * 2


@pytest.mark.rule("GW-10")
async def test_gw_10_an_item_that_names_two_conversations_counts_by_its_decoded_one(
    gateway: Any,
) -> None:
    ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
    one, other = await ana.create("per_bo"), await ana.create("per_bo")
    item = ana.item(one, "for the other one")
    # Decoders take the last value of a field that is there twice.
    item.command += SendMessageRequest(conversation_id=other).SerializeToString()

    (verdict,) = await ana.answered(await ana.send_items(item))

    assert verdict.refused.reason == "INVALID_ARGUMENT"
    (verdict,) = await ana.answered(await ana.send(other, "after it"))
    await eventually(lambda: "after it" in bo.texts(other))
    assert bo.texts(one) == []
    assert bo.texts(other) == ["after it"]


async def test_msg_18_more_unacknowledged_items_than_allowed_are_refused(world: Any) -> None:
    async with world.gateway(max_unacknowledged=10) as gateway:
        ana = await gateway.client("per_ana")
        conversation = await ana.create("per_bo")

        verdicts = await ana.answered(
            await ana.send(conversation, *(f"{number}" for number in range(30)))
        )

        refused = [each.refused for each in verdicts if each.HasField("refused")]
        assert len(refused) == 20
        assert {each.reason for each in refused} == {"TOO_MANY_UNACKNOWLEDGED"}
        assert all(each.retry_after_ms > 0 for each in refused)


async def test_a_session_without_hello_is_refused(gateway: Any) -> None:
    client = gateway.unopened("per_ana")
    client.call = client.channel.stream_stream(
        "/plexus.gateway.v1.SessionService/Session",
        request_serializer=SessionRequest.SerializeToString,
    )(metadata=client.metadata)
    await client.call.write(SessionRequest(sends=[client.item("cnv_x", "x")]))
    client.read_on()

    await asyncio.wait_for(client.ended.wait(), 5)

    assert client.error.code().name == "INVALID_ARGUMENT"


async def test_a_client_that_says_it_is_done_gets_every_verdict_and_then_the_end(
    gateway: Any,
) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    refs = await ana.send(conversation, *(f"{number}" for number in range(100)))

    await ana.call.done_writing()
    await asyncio.wait_for(ana.ended.wait(), 10)

    assert ana.error is None
    assert set(ana.answers) == set(refs)


@pytest.mark.rule("GW-8")
async def test_gw_08_one_persons_poisonous_item_leaves_everybody_elses_sends_alone(
    gateway: Any,
) -> None:
    ana, eve = await gateway.client("per_ana"), await gateway.client("per_eve")
    conversation = await ana.create("per_bo")
    (before,) = await ana.answered(await ana.send(conversation, "before"))
    poison = messaging_service_pb2.SendMessageRequest(
        conversation_id="cnv_made_up", request_id="r", text="x", reply_to_seq=-5
    )
    quoting = messaging_service_pb2.SendMessageRequest(
        conversation_id="cnv_made_up", request_id="q", text="x", quote_seq=-1
    )

    refs = await eve.send_items(
        *(
            SendItem(
                client_ref=900 + number,
                conversation_id="cnv_made_up",
                command=command.SerializeToString(),
            )
            for number, command in enumerate((poison, quoting))
        )
    )
    verdicts = await eve.answered(refs)
    (after,) = await ana.answered(await ana.send(conversation, "after"))

    assert [each.refused.reason for each in verdicts] == ["FIELD_OUT_OF_RANGE"] * 2
    assert (before.stored.seq, after.stored.seq) == (1, 2)
    checks = {each.name: each.ok for each in gateway.runtime.health.checks()}
    assert checks["messaging_streams"]


@pytest.mark.rule("MSG-2")
async def test_msg_02_messaging_killed_while_sending_loses_and_doubles_nothing(world: Any) -> None:
    async with world.gateway(heartbeat_seconds=1) as gateway:
        ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
        conversation = await ana.create("per_bo")
        texts = {secrets.token_hex(8): f"消息 {number}" for number in range(300)}

        sending = asyncio.create_task(_send_until_stored(ana, conversation, texts))
        await eventually(lambda: len(ana.answers) > 50, every=0.005)
        await world.messaging.kill()
        await eventually(lambda: _refused(ana), within=30)
        await world.messaging.start()
        stored = await asyncio.wait_for(sending, 90)

        assert sorted(stored.values()) == list(range(1, 301))
        found = [
            each.message for each in await bo.changes(conversation) if each.HasField("message")
        ]
        assert [message.seq for message in found] == list(range(1, 301))
        assert {message.request_id: message.seq for message in found} == stored
        assert {message.text for message in found} == set(texts.values())
        await eventually(lambda: len(bo.texts(conversation)) == 300, within=30)
        assert bo.through(conversation) == 301


async def test_msg_02_another_process_takes_over_the_conversations_of_a_killed_one(
    world: Any,
) -> None:
    twin = world.messaging.twin()
    await twin.start()
    both = f"127.0.0.1:{world.messaging.port},127.0.0.1:{twin.port}"
    try:
        async with world.gateway(messaging=both) as gateway:
            ana = await gateway.client("per_ana")
            conversations = [await ana.create("per_bo") for _ in range(6)]
            texts = {secrets.token_hex(8): "x" for _ in range(20)}
            for conversation in conversations:
                await _send_until_stored(ana, conversation, texts)

            await twin.kill()
            for conversation in conversations:
                more = {secrets.token_hex(8): "y" for _ in range(20)}
                stored = await asyncio.wait_for(_send_until_stored(ana, conversation, more), 20)
                assert sorted(stored.values()) == list(range(21, 41))
    finally:
        await twin.kill()


def _refused(client: Any) -> bool:
    return any(each.refused.code == UNAVAILABLE for each in client.answers.values())


async def _send_until_stored(
    client: Any, conversation: str, texts: dict[str, str]
) -> dict[str, int]:
    """Send each text under its request id until it is stored; gives the seq of each."""
    stored: dict[str, int] = {}
    while len(stored) < len(texts):
        waiting = [request_id for request_id in texts if request_id not in stored]
        for start in range(0, len(waiting), 10):
            part = waiting[start : start + 10]
            items = [client.item(conversation, texts[r], request_id=r) for r in part]
            verdicts = await client.answered(await client.send_items(*items))
            for request_id, verdict in zip(part, verdicts, strict=True):
                if verdict.HasField("stored"):
                    stored[request_id] = verdict.stored.seq
                else:
                    assert verdict.refused.code == UNAVAILABLE
                    await asyncio.sleep(verdict.refused.retry_after_ms / 1000 / 10)
    return stored


@pytest.mark.rule("GW-8")
async def test_an_item_outside_its_bounds_is_refused_alone(gateway: Any) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    bad = ana.item(conversation, "answer to nothing")
    command = SendMessageRequest.FromString(bad.command)
    command.reply_to_seq = -1
    bad.command = command.SerializeToString()
    # The command's first field is not where the gateway looks for the id without decoding.
    long = SendItem(conversation_id="c" * 300, command=b"")
    good = ana.item(conversation, "hello")

    negative, longer, stored = await ana.answered(await ana.send_items(bad, long, good))

    assert negative.refused.reason == longer.refused.reason == "FIELD_OUT_OF_RANGE"
    assert longer.refused.metadata["field"] == "conversation_id"
    assert stored.stored.seq == 1


@pytest.mark.rule("GW-8")
async def test_a_stream_whose_hello_is_outside_its_bounds_is_refused(gateway: Any) -> None:
    stranger = gateway.unopened("per_ana")

    await stranger.open(device="d" * 801)
    await asyncio.wait_for(stranger.ended.wait(), 5)

    assert stranger.error.code().name == "INVALID_ARGUMENT"
    assert "device" in str(stranger.error.details())
