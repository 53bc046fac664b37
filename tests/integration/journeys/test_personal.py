"""Personal data of a user: drafts on every device, scheduled messages, muted conversations."""

import asyncio
import contextlib
import secrets
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1 import personal_service_pb2 as pb
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.messaging_service_pb2 import (
    GetMessagingStatusRequest,
    RemoveMembersRequest,
)
from plexus_testkit.harness import Platform
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.mongo import connect

WITHIN = 40
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def device():
    """Open a device of a user: `async with device(plexus) as heard`, a list of received facts."""

    @contextlib.asynccontextmanager
    async def listening(plexus):
        call = plexus.live.Subscribe(
            SubscribeRequest(device="test"), metadata=await plexus.metadata()
        )
        heard, welcome = [], asyncio.Event()

        async def read():
            async for response in call:
                for frame in response.frames:
                    if frame.HasField("welcome"):
                        welcome.set()
                    if frame.HasField("personal"):
                        heard.append(_fact(frame.personal.event))

        reading = asyncio.create_task(read())
        try:
            async with asyncio.timeout(WITHIN):
                await welcome.wait()
            yield heard
        finally:
            reading.cancel()
            call.cancel()
            await asyncio.wait([reading])

    return listening


def _fact(event):
    return getattr(events_pb2, event.type.rpartition(".")[2]).FromString(event.fact)


def of(kind, heard):
    """Return the received facts of one kind."""
    return [fact for fact in heard if isinstance(fact, kind)]


async def test_two_devices_of_a_person_are_in_step_on_drafts(
    platform: Platform, cli, handles, people, group, device
):
    room = await group("ann", "bob")
    async with (
        platform.signed_in(handles["ann"]) as phone,
        device(people["ann"]) as at_desk,
        device(phone) as on_phone,
        device(people["bob"]) as at_bobs,
    ):
        await cli("--as", "ann", "drafts", "save", room, "关于 G3 的交期，")
        (draft,) = (await cli("--as", "ann", "drafts", "list", "--json")).json
        assert (draft["text"], draft["conversation_id"]) == ("关于 G3 的交期，", room)
        await cli("--as", "ann", "drafts", "delete", room)
        assert (await cli("--as", "ann", "drafts", "list", "--json")).json == []

        for heard in (at_desk, on_phone):
            await eventually(lambda heard=heard: of(events_pb2.DraftDeleted, heard), within=WITHIN)
            (saved,) = of(events_pb2.DraftSaved, heard)
            (deleted,) = of(events_pb2.DraftDeleted, heard)
            assert saved.draft.text == "关于 G3 的交期，"
            assert (deleted.conversation_id, deleted.version) == (room, saved.draft.version + 1)
        assert at_bobs == []
    refused = await cli("--as", "otto", "drafts", "save", room, "let me in", code=1)
    assert "CONVERSATION_NOT_FOUND" in refused.err


@pytest.fixture
async def at_once(platform: Platform, people):
    """Allow messages to be scheduled for the next moment, which no deployment does."""
    root = people["root"]

    async def restarted(**settings):
        await platform["messaging-api"].end()
        await platform["messaging-api"].begin(**settings)
        # The gateway reconnects by itself within a moment.
        request = GetMessagingStatusRequest()
        await eventually(
            lambda: root.call(root.messaging.GetMessagingStatus, request), within=WITHIN
        )

    await restarted(MESSAGING_SCHEDULE__SHORTEST_SECONDS="0")
    yield
    await restarted()


def in_seconds(count):
    """Return the instant `count` seconds from now; its milliseconds are not zero."""
    at = Timestamp()
    at.FromDatetime((SystemClock().now() + timedelta(seconds=count)).replace(microsecond=123_000))
    return at


@pytest.mark.usefixtures("at_once")
async def test_msg_17_a_message_for_later_is_said_once_or_tells_why_not(
    cli, handles, people, group, device
):
    room = await group("ann", "bob", "chen")
    ann = people["ann"]
    tomorrow = f"{SystemClock().now().astimezone(SHANGHAI) + timedelta(days=1):%Y-%m-%d}"
    async with device(ann) as heard:
        added = await cli(
            *("--as", "ann", "schedule", "create", room, "早上好"),
            *("--at", "tomorrow 9:00", "--mention", handles["bob"]),
        )
        scheduled_id, _, said_when = added.out.partition(" will be sent at ")
        assert said_when == f"{tomorrow} 09:00 Asia/Shanghai.\n"
        await cli("--as", "ann", "schedule", "update", scheduled_id, "--text", "大家早上好")
        (waiting,) = (await cli("--as", "ann", "schedule", "list", "--json")).json
        assert (waiting["state"], waiting["text"]) == ("STATE_WAITING", "大家早上好")
        assert datetime.fromisoformat(waiting["send_at"]).astimezone(SHANGHAI).hour == 9

        # Bob has one too, and is removed before it is due. A command may take longer to start than
        # these times allow, so calls set them.
        bob = people["bob"]
        content = pb.ScheduledContent(conversation_id=room, text="再见")
        request = pb.ScheduleMessageRequest(
            request_id=secrets.token_hex(8), message=content, send_at=in_seconds(15)
        )
        bobs = (await bob.call(bob.personal.ScheduleMessage, request)).scheduled
        removal = RemoveMembersRequest(conversation_id=room, person_ids=[bob.profile.person_id])
        await ann.call(ann.messaging.RemoveMembers, removal)
        request = pb.UpdateScheduledMessageRequest(id=scheduled_id, send_at=in_seconds(5))
        await ann.call(ann.personal.UpdateScheduledMessage, request)

        async def said():
            found = (await cli("--as", "chen", "history", room, "--json")).json
            return [each["text"] for each in found]

        async def state(who, wanted):
            found = (await cli("--as", who, "schedule", "list", "--all", "--json")).json
            (mine,) = [each for each in found if each["id"] == wanted]
            return mine["state"] if mine["state"] not in {"STATE_WAITING", "STATE_CLAIMED"} else ""

        assert await eventually(lambda: state("ann", scheduled_id), within=WITHIN) == "STATE_SENT"
        assert await said() == ["大家早上好"]
        assert await eventually(lambda: state("bob", bobs.id), within=WITHIN) == "STATE_FAILED"
        (failed,) = (await cli("--as", "bob", "schedule", "list", "--json")).json
        assert failed["failure_reason"] == "CONVERSATION_NOT_FOUND"
        assert await said() == ["大家早上好"]

        states = [
            fact.scheduled.state
            for fact in of(events_pb2.ScheduledMessageChanged, heard)
            if fact.scheduled.id == scheduled_id
        ]
        # Created, text changed, time changed, claimed, sent.
        assert states == [1, 1, 1, 2, 3]
    refused = await cli("--as", "ann", "schedule", "delete", scheduled_id, code=1)
    assert "SCHEDULED_MESSAGE_ENDED" in refused.err


@pytest.fixture
async def notify_db(platform: Platform):
    """Open the database of notify, to read records that no API shows."""
    section = MongoSection(url=platform.mongo_url, database="plexus_notify")
    async with connect(section) as db:
        yield db


async def test_ntf_01_a_muted_room_is_silent_and_the_ledger_says_why(
    cli, people, group, say, notify_db
):
    room = await group("ann", "bob", "gina", name=f"午饭 {secrets.token_hex(4)}")
    bob = people["bob"].profile.person_id
    muted = await cli("--as", "bob", "conversations", "mute", room, "--until", "tomorrow 9:00")
    assert "Asia/Shanghai" in muted.out
    listed = (await cli("--as", "bob", "conversations", "list", "--json")).json
    (mine,) = [each for each in listed if each["conversation"]["id"] == room]
    assert mine["settings"]["muted_until"]
    mutes = notify_db.collection("mutes", schema_version=1)
    await eventually(lambda: mutes.find_one({"_id": f"{room}:{bob}"}), within=WITHIN)

    everybody = await say("ann", room, "@所有人 今天吃什么", mentions=[Mention(all=True)])
    named = await say("ann", room, "@bob 你呢", mentions=[Mention(person_id=bob)])

    async def told():
        found = (await cli("--as", "bob", "notifications", "list", "--json")).json
        ids = {each["source"]["id"] for each in found}
        return ids if named.message_id in ids else None

    assert everybody.message_id not in await eventually(told, within=WITHIN)
    ledger = notify_db.collection("notifications", schema_version=1)
    kept = await ledger.find_one({"person_id": bob, "source.id": everybody.message_id})
    for channel in ("in_app", "email"):
        assert (kept[channel]["state"], kept[channel]["reason"]) == (
            "dropped",
            "CONVERSATION_MUTED",
        )
    await cli("--as", "bob", "conversations", "unmute", room)
