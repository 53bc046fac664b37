"""The checker as clients see it: nothing lost, nothing twice, nothing in another order, no gap."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from messaging.personal.domain.scheduled import SPREAD
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.conversations_pb2 import Member
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2 import (
    GetConversationRequest,
    ListConversationsRequest,
    ListMembersRequest,
    ListMessagesRequest,
)
from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest
from plexuskit.mongo import Collection

from plexus_testkit.faults.actions import Room
from plexus_testkit.faults.calls import insist
from plexus_testkit.faults.device import Device
from plexus_testkit.faults.held import comparable, differing
from plexus_testkit.faults.ledger import Ledger, Told, Violation
from plexus_testkit.linked import Links

CAUGHT_UP_WITHIN: Final = 30.0
PAGE: Final = 500


@dataclass
class _Log:
    """Position up to which a log is verified, and its contents."""

    change_no: int = 0
    seq: int = 0
    links: Links = field(default_factory=Links)
    messages: dict[tuple[str, str], Told] = field(default_factory=dict)


class Verifier:
    """Reads each log once, and compares it with everything that people were sent and keep."""

    def __init__(self, entries: Collection, ledger: Ledger) -> None:
        """Set up the verifier.

        Args:
            entries: messaging's collection, read directly.
            ledger: record of sends and answers.
        """
        self._entries = entries
        self._ledger = ledger
        self._logs: dict[str, _Log] = {}

    async def check_log(self, room: Room) -> int:
        """Verify new entries of the log, also while it is written; return its last `change_no`.

        `change_no` is dense over every change, `seq` over messages, each link of the chain follows
        from the previous one and from the entry's content (MSG-20), no request is stored twice
        (MSG-1, MSG-3), and everything acknowledged before this call is stored under its numbers and
        with its content (MSG-2).

        Raises:
            Violation: an invariant does not hold.
        """
        answered = [
            (key, value) for key, value in self._ledger.answered.items() if key[0] == room.id
        ]
        log = self._logs.setdefault(room.id, _Log())
        span = {"$gt": _entry_id(room.id, log.change_no), "$lte": _entry_id(room.id, 10**12 - 1)}
        for entry in await self._entries.find_all({"_id": span}, sort=[("_id", 1)]):
            self._read(room, log, entry)
        for (_, sender_id, request_id), numbers in answered:
            found = log.messages.get((sender_id, request_id))
            if found != numbers:
                raise Violation(f"{room.id}: {request_id} was told {numbers}, stored is {found}")
        return log.change_no

    async def check_nothing_hangs(self, room: Room) -> None:
        """Check that sent and stored messages match, while no one is active.

        Scheduled messages may still be on their way.

        Raises:
            Violation: they differ.
        """
        sent = {(key[1], key[2]) for key in self._ledger.sent if key[0] == room.id}
        # Messages scheduled for a full or half hour are spread over a while (MSG-17).
        deadline = time.monotonic() + SPREAD.total_seconds() + CAUGHT_UP_WITHIN
        while sent != set(self._logs[room.id].messages):
            if time.monotonic() > deadline:
                odd = sorted(sent ^ set(self._logs[room.id].messages))[:5]
                raise Violation(f"{room.id}: said and stored differ by {odd}")
            await asyncio.sleep(0.1)
            await self.check_log(room)

    async def check_device(self, room: Room, device: Device) -> None:
        """Check that a device's copy, by old state and changes, equals what it can fetch now.

        Raises:
            Violation: something is missing, more, or other, or does not come in time.
        """
        held, last = device.watch(room.id), self._logs[room.id].change_no
        inside = device is not room.guest or self._ledger.members.get(
            (room.id, device.person_id), False
        )
        if not inside:
            return
        await _until(
            lambda: held.through >= last,
            device,
            lambda: f"{room.id}: {_named(room, device)} holds {held.through} of {last}",
        )
        fetched = await self._messages(room, device)
        if held.messages.keys() != fetched.keys():
            odd = sorted(held.messages.keys() ^ fetched.keys())[:5]
            raise Violation(f"{room.id}: {_named(room, device)} holds other messages: {odd}")
        for seq, message in fetched.items():
            if comparable(held.messages[seq]) != comparable(message):
                differ = differing(held.messages[seq], message)
                raise Violation(f"{room.id}: {_named(room, device)} holds another {seq}: {differ}")
            self._ledger.check_message(message)
        await self._check_members(room, device)

    async def check_reading(self, room: Room, device: Device) -> None:
        """Check that a cursor is at its acknowledged position, or further (MSG-7).

        Raises:
            Violation: it moved back.
        """
        request = GetConversationRequest(conversation_id=room.id)
        response = await self._call(device, "GetConversation", request)
        answered = self._ledger.read.get((room.id, device.person_id), 0)
        if response.view.read_through_seq < answered:
            raise Violation(
                f"{room.id}: {device.person_id} was answered {answered}, "
                f"reads {response.view.read_through_seq}"
            )
        wanted = self._ledger.names.get(room.id)
        if wanted and response.view.conversation.name != wanted:
            raise Violation(f"{room.id} is named {response.view.conversation.name}, not {wanted}")

    async def check_heads(self, rooms: Sequence[Room], device: Device) -> None:
        """Check that the list of conversations shows the ends of the logs in the end.

        Raises:
            Violation: it stays behind.
        """
        behind: list[str] = []

        async def caught_up() -> bool:
            request = ListConversationsRequest(page_size=200)
            response = await self._call(device, "ListConversations", request)
            shown = {view.conversation.id: view.conversation.last_seq for view in response.views}
            behind[:] = [r.id for r in rooms if shown.get(r.id) != self._logs[r.id].seq]
            return not behind

        deadline = time.monotonic() + CAUGHT_UP_WITHIN
        while not await caught_up():
            if time.monotonic() > deadline:
                raise Violation(f"the list shows old ends of {behind}")
            await asyncio.sleep(0.2)

    async def check_notices(self, rooms: Sequence[Room], device: Device) -> None:
        """Check that every mention made exactly one notification.

        For a message recalled or edited meanwhile there may be none (MSG-12).

        Raises:
            Violation: one is missing or there twice.
        """
        ids = {room.id for room in rooms}
        wanted = Counter(
            (key[0], self._ledger.answered[key].seq)
            for key, person in self._ledger.mentioned.items()
            if person == device.person_id and key[0] in ids
        )
        deadline = time.monotonic() + CAUGHT_UP_WITHIN
        changed = self._ledger.recalling | self._ledger.edited.keys()
        needed = Counter({place: 1 for place in wanted if place not in changed})
        while needed - (found := await self._notices(ids, device)) or found - wanted:
            if found - wanted or time.monotonic() > deadline:
                odd = sorted(((found - wanted) + (needed - found)).items())[:5]
                raise Violation(f"{device.person_id}: other notifications than mentions: {odd}")
            await asyncio.sleep(0.2)

    def forget(self, rooms: Sequence[Room]) -> None:
        """Drop conversations that are verified completely."""
        for room in rooms:
            del self._logs[room.id]

    def _read(self, room: Room, log: _Log, entry: dict[str, Any]) -> None:
        number = entry["change_no"]
        if number != log.change_no + 1:
            raise Violation(f"{room.id}: after {log.change_no} comes {number}")
        problem = log.links.take(entry)
        if problem:
            raise Violation(f"{room.id}: the chain breaks at {number}: {problem}")
        log.change_no = number
        if entry["kind"] != "posted":
            return
        seq, key = entry["seq"], (entry["sender_id"], entry["request_id"])
        if seq != log.seq + 1:
            raise Violation(f"{room.id}: after message {log.seq} comes {seq}")
        if key in log.messages:
            raise Violation(f"{room.id}: {key} is there twice")
        message = MessagePosted.FromString(Envelope.FromString(entry["event"]).fact).message
        if message.text in self._ledger.scheduled:
            self._ledger.adopt((room.id, *key), message.text)
        sent = self._ledger.sent.get((room.id, *key))
        if sent != message.text and (room.id, seq) not in self._ledger.recalling:
            raise Violation(f"{room.id}: {key} sent {sent!r}, stored is {message.text!r}")
        log.seq = seq
        log.messages[key] = Told(entry["entity_id"], seq, number)

    async def _messages(self, room: Room, device: Device) -> dict[int, Any]:
        found: dict[int, Any] = {}
        more, after = True, 0
        while more:
            request = ListMessagesRequest(conversation_id=room.id, page_size=PAGE, after_seq=after)
            response = await self._call(device, "ListMessages", request)
            for message in response.messages:
                if message.seq <= after:
                    raise Violation(f"{room.id}: {message.seq} is listed after {after}")
                after = message.seq
                found[message.seq] = message
            more = response.has_more
        return found

    async def _check_members(self, room: Room, device: Device) -> None:
        request = ListMembersRequest(conversation_id=room.id)
        response = await self._call(device, "ListMembers", request)
        fetched: dict[str, Member] = {each.person_id: each for each in response.members}
        held = {id_: each for id_, each in device.watch(room.id).members.items() if each.active}
        guest = self._ledger.members.get((room.id, room.guest.person_id), False)
        if (room.guest.person_id in fetched) != guest:
            raise Violation(f"{room.id}: the guest is {'no ' if guest else 'a '}member")
        # People who join later receive their own join and later events; the rest can be fetched.
        known = held if device is room.guest else fetched
        if {id_: fetched.get(id_) for id_ in known} != held:
            raise Violation(f"{room.id}: {_named(room, device)} holds other members")

    async def _notices(self, ids: set[str], device: Device) -> Counter[tuple[str, int]]:
        found: Counter[tuple[str, int]] = Counter()
        token = ""
        while True:
            request = ListNotificationsRequest(page_size=200, page_token=token)
            response = await insist(
                device.plexus,
                device.plexus.notify.ListNotifications,
                request,
                ledger=self._ledger,
            )
            sources = [each.source for each in response.notifications]
            found.update(
                (each.conversation_id, each.seq)
                for each in sources
                # Not of memberships, which others change.
                if each.kind == "message" and each.conversation_id in ids
            )
            token = response.next_page_token
            if not token:
                return found

    async def _call(self, device: Device, method: str, request: Any) -> Any:
        stub = device.plexus.messaging
        return await insist(device.plexus, getattr(stub, method), request, ledger=self._ledger)


def _named(room: Room, device: Device) -> str:
    return f"{device.person_id} (the guest)" if device is room.guest else device.person_id


def _entry_id(conversation_id: str, change_no: int) -> str:
    return f"{conversation_id}:{change_no:012d}"


async def _until(condition: Any, device: Device, problem: Any) -> None:
    deadline = time.monotonic() + CAUGHT_UP_WITHIN
    while not condition():
        device.check()
        if time.monotonic() > deadline:
            raise Violation(problem())
        await asyncio.sleep(0.02)
