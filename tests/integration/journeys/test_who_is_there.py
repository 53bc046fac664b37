"""Mentions, working hours, typing and presence: through every process, by contract."""

import asyncio
import contextlib
import secrets

import pytest
from plexus.directory.v1.directory_service_pb2 import CreateDepartmentRequest, UpdatePersonRequest
from plexus.directory.v1.people_pb2 import WorkingHours
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    GetConversationRequest,
    PreviewSendRequest,
)
from plexus.messaging.v1.signal_service_pb2 import (
    ListPresenceRequest,
    Presence,
    SignalTypingRequest,
)
from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest
from plexus_sdk import Refused
from plexus_testkit.wait import eventually

ONE_MINUTE_A_WEEK = WorkingHours(weekdays=[1], windows=[{"start_minute": 0, "end_minute": 1}])
ALWAYS = WorkingHours(weekdays=range(1, 8), windows=[{"start_minute": 0, "end_minute": 1440}])


class Listening:
    """A browser's stream that stores the signals it receives."""

    def __init__(self, plexus) -> None:
        self._plexus = plexus
        self.welcome = asyncio.Event()
        self.typing: list[str] = []
        self.presence: list[tuple[str, int]] = []

    async def run(self) -> None:
        call = self._plexus.live.Subscribe(
            SubscribeRequest(device="journeys"), metadata=await self._plexus.metadata()
        )
        async for response in call:
            for frame in response.frames:
                if frame.HasField("welcome"):
                    self.welcome.set()
                elif frame.signal.HasField("typing"):
                    self.typing.append(frame.signal.typing.person_id)
                elif frame.signal.HasField("presence"):
                    told = frame.signal.presence
                    self.presence.append((told.person_id, told.state))


@contextlib.asynccontextmanager
async def listening(plexus):
    stream = Listening(plexus)
    task = asyncio.create_task(stream.run())
    try:
        async with asyncio.timeout(60):
            await stream.welcome.wait()
        yield stream
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def change(people):
    """Change a person as the administrator: `await change("bob", title="x")`."""
    root = people["root"]

    async def changed(name: str, **fields):
        request = UpdatePersonRequest(person_id=people[name].profile.person_id, **fields)
        return (await root.call(root.directory.UpdatePerson, request)).person

    return changed


@pytest.fixture
async def departments(people):
    """Create a department and one below it; return their ids."""
    root = people["root"]

    async def made(parent_id: str = "") -> str:
        request = CreateDepartmentRequest(
            request_id=secrets.token_hex(8), name=f"dep {secrets.token_hex(3)}", parent_id=parent_id
        )
        return (await root.call(root.directory.CreateDepartment, request)).department.id

    above = await made()
    return above, await made(above)


async def test_ntf_03_a_sender_is_told_who_is_off_hours_before_anything_is_sent(
    people, group, change, cli
):
    room = await group("ann", "bob", "chen")
    await change("bob", working_hours=ONE_MINUTE_A_WEEK)
    await change("chen", working_hours=ALWAYS)
    ann, bob = people["ann"], people["bob"].profile.person_id

    async def preview():
        request = PreviewSendRequest(conversation_id=room)
        return await ann.call(ann.messaging.PreviewSend, request)

    async def known() -> bool:
        found = await preview()
        return [each.person_id for each in found.people] == [bob]

    await eventually(known, within=30)
    assert ((await preview()).audience, (await preview()).off_hours) == (2, 1)

    told = await cli("--as", "ann", "send", room, "不打扰", "--check")
    assert told.lines[0].startswith("1 of 2 is outside working hours;")
    assert "不打扰" not in (await cli("--as", "ann", "history", room)).out
    sent = await cli("--as", "ann", "send", room, "打扰了")
    assert (sent.out.split()[1], sent.err) == ("1", "")


async def test_msg_13_a_department_is_addressed_and_its_members_below_it_hear_of_it(
    people, group, change, say, departments
):
    above, below = departments
    room = await group("ann", "bob", "chen")
    await change("bob", department_ids=[below], set_departments=True)
    await change("chen", department_ids=[], set_departments=True)
    mention = Mention(department_id=above)

    async def said() -> bool:
        """Send until messaging knows the department, which takes a moment."""
        try:
            await say("ann", room, "采购部注意", mentions=[mention])
        except Refused as refused:
            if refused.reason != "DEPARTMENT_NOT_FOUND":
                raise
            return False
        return True

    await eventually(said, within=30)
    with pytest.raises(Refused) as denied:
        await say("bob", room, "我也说", mentions=[mention])
    assert denied.value.reason == "MENTION_DEPARTMENT_DENIED"

    async def mentioned(name: str) -> int:
        plexus = people[name]
        request = GetConversationRequest(conversation_id=room)
        view = (await plexus.call(plexus.messaging.GetConversation, request)).view
        return view.mention_unread

    async def bob_is_mentioned() -> bool:
        return await mentioned("bob") == 1

    await eventually(bob_is_mentioned, within=30)
    assert await mentioned("chen") == 0

    async def notified(name: str) -> list[str]:
        plexus = people[name]
        answer = await plexus.call(plexus.notify.ListNotifications, ListNotificationsRequest())
        return [
            each.body
            for each in answer.notifications
            if each.source.conversation_id == room and each.source.kind == "message"
        ]

    async def bob_is_notified() -> bool:
        return await notified("bob") == ["采购部注意"]

    await eventually(bob_is_notified, within=30)
    assert await notified("chen") == []


async def test_gw_02_typing_and_presence_reach_those_who_may_know(people, group):
    ann, bob = people["ann"], people["bob"]
    room = await group("ann", "bob")
    direct = CreateConversationRequest(
        kind=Conversation.KIND_DIRECT, member_ids=[bob.profile.person_id]
    )
    await ann.call(ann.messaging.CreateConversation, direct)
    bob_id, otto_id = bob.profile.person_id, people["otto"].profile.person_id

    async with listening(ann) as hears, listening(people["otto"]) as otto:
        async with listening(bob):
            online = (bob_id, Presence.STATE_ONLINE)
            await eventually(lambda: online in hears.presence, within=30)

            async def typed() -> bool:
                request = SignalTypingRequest(conversation_id=room)
                await bob.call(bob.signals.SignalTyping, request)
                return hears.typing == [bob_id]

            await eventually(typed, within=30, every=0.5)
            request = ListPresenceRequest(person_ids=[bob_id, otto_id])
            listed = await ann.call(ann.signals.ListPresence, request)
            found = {each.person_id: each.state for each in listed.presences}
            assert found == {bob_id: Presence.STATE_ONLINE}
            assert ann.profile.person_id not in hears.typing
        offline = (bob_id, Presence.STATE_OFFLINE)
        await eventually(lambda: offline in hears.presence, within=30)
        assert not otto.typing
        assert bob_id not in {person_id for person_id, _ in otto.presence}
