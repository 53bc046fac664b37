"""Life cycle of streams: tokens, revocation, slow readers, a gateway that stops."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from plexus.directory.v1.events_pb2 import SessionRevoked
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.kafka import producer
from plexuskit.outbox import envelope

TENANT = "ten_acme"


async def test_gw_04_a_stream_ends_after_its_token_and_its_grace(world: Any) -> None:
    async with world.gateway(expiry_grace_seconds=1) as gateway:
        token = world.directory.token("per_ana", life=timedelta(seconds=2))
        ana = await gateway.client("per_ana", token=token)

        await asyncio.wait_for(ana.ended.wait(), 8)

        assert ana.error.code().name == "UNAUTHENTICATED"
        assert "expired" in ana.error.details()


async def test_a_fresh_token_of_the_same_session_keeps_the_stream(world: Any) -> None:
    async with world.gateway(expiry_grace_seconds=1, heartbeat_seconds=1) as gateway:
        directory = world.directory
        ana = await gateway.client(
            "per_ana", token=directory.token("per_ana", life=timedelta(seconds=2))
        )
        await ana.reauthenticate(directory.token("per_ana"))

        await eventually(lambda: len(ana.of("heartbeat")) >= 5, within=30)

        assert ana.error is None


async def test_gw_01_a_token_of_another_session_ends_the_stream(gateway: Any) -> None:
    ana = await gateway.client("per_ana")

    await ana.reauthenticate(gateway.world.directory.token("per_ana", session_id="ses_other"))
    await asyncio.wait_for(ana.ended.wait(), 5)

    assert ana.error.code().name == "UNAUTHENTICATED"


async def test_gw_04_an_app_streams_with_its_token_until_that_is_revoked(gateway: Any) -> None:
    token = gateway.world.directory.api_token("per_app", "sessions.open", "messages.read")
    app = await gateway.client("per_app", token=token)
    # Presented again, as an access token would be renewed: the stream continues.
    await app.reauthenticate(token)
    await eventually(lambda: len(app.of("heartbeat")) >= 2, within=30)
    assert app.error is None

    fact = envelope(
        fact=SessionRevoked(session_id="tok_per_app", person_id="per_app"),
        tenant_id=TENANT,
        scope="tok_per_app",
        change_no=1,
        entity_id="tok_per_app",
        entity_version=1,
        actor_id="per_app",
        now=SystemClock().now(),
    )
    async with producer(gateway.world.kafka) as out:
        await out.send_batch([("directory.person.v1", "per_app", fact.SerializeToString(), {})])
        await asyncio.wait_for(app.ended.wait(), 5)
    assert app.error.code().name == "UNAUTHENTICATED"

    limited = gateway.unopened("per_app", token=gateway.world.directory.api_token("per_bot", "x"))
    await limited.open()
    await asyncio.wait_for(limited.ended.wait(), 5)
    assert limited.error.code().name == "PERMISSION_DENIED"


@pytest.mark.alone
async def test_gw_04_a_revoked_session_ends_within_a_second(gateway: Any) -> None:
    ana, bo = await gateway.client("per_iris"), await gateway.client("per_bo")
    loop = asyncio.get_running_loop()
    fact = envelope(
        fact=SessionRevoked(session_id="ses_per_iris", person_id="per_iris"),
        tenant_id=TENANT,
        scope="per_iris",
        change_no=2,
        entity_id="ses_per_iris",
        entity_version=2,
        actor_id="per_iris",
        now=SystemClock().now(),
    )

    async with producer(gateway.world.kafka) as out:
        began = loop.time()
        await out.send_batch([("directory.person.v1", "per_iris", fact.SerializeToString(), {})])
        await asyncio.wait_for(ana.ended.wait(), 5)
        took = loop.time() - began

    assert took < 1.5
    assert ana.error.code().name == "UNAUTHENTICATED"
    assert not bo.ended.is_set()


async def test_a_slow_reader_is_told_to_resync_and_misses_nothing(world: Any) -> None:
    async with world.gateway(buffer_bytes=1024 * 1024) as gateway:
        ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
        slow = gateway.unopened("per_slow", reading=False)
        await slow.open()
        conversation = await ana.create("per_bo", "per_slow")

        said = [f"{number} {'长' * 300}" for number in range(2000)]
        for start in range(0, len(said), 200):
            await ana.answered(await ana.send(conversation, *said[start : start + 200]))
        await eventually(lambda: len(bo.texts(conversation)) == len(said), within=30)
        assert bo.texts(conversation) == said
        assert bo.through(conversation) == 2001
        assert not bo.of("resync")

        slow.read_on()
        await eventually(lambda: slow.of("resync"), within=30)
        assert list(slow.of("resync")[0].conversation_ids) == [conversation]
        assert slow.of("resync")[0].reason == "BUFFER_OVERFLOW"
        await ana.answered(await ana.send(conversation, "still here"))
        await eventually(lambda: "still here" in slow.texts(conversation))

        held = _through_before_resync(slow, conversation)
        caught_up = [
            each.message.text
            for each in await slow.changes(conversation, since=held)
            if each.HasField("message")
        ]
        live = slow.texts(conversation)[: max(0, held - 1)]
        assert [*live, *caught_up] == [*said, "still here"]


def _through_before_resync(client: Any, conversation: str) -> int:
    held = 0
    for frame in client.frames:
        if frame.HasField("resync"):
            break
        if frame.HasField("events") and frame.events.conversation_id == conversation:
            assert frame.events.after <= held or held == 0
            held = frame.events.through
    return held


async def test_a_stopping_gateway_says_drain_and_then_ends_its_streams(world: Any) -> None:
    async with world.gateway(drain_seconds=0.5) as gateway:
        ana = await gateway.client("per_ana")
        conversation = await ana.create("per_bo")
        refs = await ana.send(conversation, "on its way")

        gateway.runtime.stop()
        await eventually(lambda: ana.of("drain"))
        await asyncio.wait_for(ana.ended.wait(), 3)

        assert ana.of("drain")[0].within_ms == 500
        assert ana.answers[refs[0]].stored.seq == 1
        assert ana.error.code().name == "UNAVAILABLE"
        late = gateway.unopened("per_bo")
        await late.open()
        await asyncio.wait_for(late.ended.wait(), 3)
        assert late.error.code().name == "UNAVAILABLE"


async def test_gw_06_a_frame_that_is_no_message_ends_its_stream_alone(gateway: Any) -> None:
    ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
    path = "/plexus.gateway.v1.SessionService"
    for begun in (b"\x0b" * 50_000, b"\xff"):
        stream = ana.channel.stream_stream(f"{path}/Session")(metadata=ana.metadata)
        await stream.write(begun)
        assert await stream.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refused_by(await stream.trailing_metadata()) == "REQUEST_UNREADABLE"

    call = ana.channel.unary_stream(f"{path}/Subscribe")(b"\xff", metadata=ana.metadata)
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    conversation = await ana.create("per_bo")
    (verdict,) = await bo.answered(await bo.send(conversation, "still here"))
    assert verdict.stored.seq == 1


def refused_by(trailing: Any) -> str:
    (details,) = [value for key, value in trailing if key == "grpc-status-details-bin"]
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    return str(info.reason)
