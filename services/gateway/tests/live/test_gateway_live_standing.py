"""Changes of permissions while streams are open take effect on the streams (GW-3, GW-4)."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import DIRECTORY_ACCESS_V1, DIRECTORY_PERSON_V1
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id
from plexuskit.kafka import producer

TENANT = "ten_acme"


def fact(message: Any, *, entity_id: str = "") -> Envelope:
    now = SystemClock().now()
    stamp = Timestamp()
    stamp.FromDatetime(now)
    return Envelope(
        event_id=new_id("evt", now=now),
        tenant_id=TENANT,
        type=message.DESCRIPTOR.full_name,
        fact=message.SerializeToString(),
        entity_id=entity_id,
        occurred_at=stamp,
        change_no=1,
        schema_version=1,
    )


def person(id_: str, *, version: int, active: bool = True, roles: Any = ("member",)) -> Envelope:
    state = people_pb2.Person
    told = people_pb2.Person(
        id=id_,
        version=version,
        roles=roles,
        kind=people_pb2.Person.KIND_HUMAN,
        state=state.STATE_ACTIVE if active else state.STATE_DEACTIVATED,
    )
    return fact(events_pb2.PersonChanged(person=told), entity_id=id_)


def module(*, version: int, enabled: bool) -> Envelope:
    told = access_pb2.Module(name="messaging", version=version, enabled=enabled)
    return fact(events_pb2.ModuleChanged(module=told), entity_id="messaging")


@pytest.fixture
async def notify(world: Any):
    """Publish a fact of directory as its relay does."""
    async with producer(world.kafka) as sending:

        async def told(envelope: Envelope) -> None:
            of_person = envelope.type.endswith("PersonChanged")
            topic = DIRECTORY_PERSON_V1 if of_person else DIRECTORY_ACCESS_V1
            await sending.send_batch(
                [(topic.name, envelope.entity_id, envelope.SerializeToString(), {})]
            )

        yield told


def closed(client: Any, conversation: str) -> bool:
    return any(
        frame.HasField("conversation_closed")
        and frame.conversation_closed.conversation_id == conversation
        for frame in client.frames
    )


async def test_gw_03_a_module_that_goes_off_closes_its_conversations_and_opens_them_again(
    world: Any, notify: Any
) -> None:
    world.directory.facts = [
        person("per_ana", version=1),
        person("per_bo", version=1),
    ]
    try:
        async with world.gateway() as gateway:
            ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
            conversation = await ana.create("per_bo")
            await ana.answered(await ana.send(conversation, "before"))
            await eventually(lambda: "before" in bo.texts(conversation))

            await notify(module(version=1, enabled=False))
            await eventually(lambda: closed(bo, conversation), within=5)
            (refused,) = await ana.answered(await ana.send(conversation, "while off"))
            assert refused.refused.reason == "MODULE_OFF"

            await notify(module(version=2, enabled=True))

            async def said_again() -> bool:
                (verdict,) = await ana.answered(await ana.send(conversation, "after"))
                return verdict.HasField("stored")

            await eventually(said_again, within=30)
            await eventually(
                lambda: any(frame.HasField("resync") for frame in bo.frames), within=30
            )
            assert "while off" not in bo.texts(conversation)
    finally:
        world.directory.facts = []


async def test_gw_04_a_role_that_is_taken_away_ends_the_stream(world: Any, notify: Any) -> None:
    world.directory.facts = [person("per_ana", version=1)]
    try:
        async with world.gateway() as gateway:
            ana = await gateway.client("per_ana")
            await notify(person("per_ana", version=2, roles=["nobody"]))
            await eventually(ana.ended.is_set, within=5)
            assert ana.error.code().name == "PERMISSION_DENIED"
    finally:
        world.directory.facts = []
