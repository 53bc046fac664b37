"""A company created on one release, and the comparison of its state on the next."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bson import BSON
from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Attachment, Mention, Message
from plexus.topics import CONSUMERS
from plexus_sdk import Plexus, Profile, Profiles, open_channel, token_fields
from plexuskit.config import KafkaSection, MongoSection
from plexuskit.kafka import dlq_depth
from plexuskit.mongo import connect

PASSWORD = "a password of before"
DEVICE = "older data"
PAGE = 200
SECRET = "vault code 929251"
WORD = "Quartalsbericht"
RECALLED = 2


@asynccontextmanager
async def signed_in(
    address: str, handle: str, password: str, *, folder: Path
) -> AsyncIterator[Plexus]:
    """Connect as a person."""
    async with open_channel(address) as channel:
        request = SignInRequest(handle=handle, password=password, device=DEVICE)
        response = await SessionServiceStub(channel).SignIn(request, timeout=30)
        profile = Profile(
            name=handle,
            url=address,
            person_id=response.person.id,
            handle=handle,
            **token_fields(response.tokens),
        )
        profiles = Profiles(folder / f"credentials-{handle}.json")
        profiles.save(profile, default=True)
        yield Plexus(channel, profile, profiles)


@dataclass
class Company:
    """People with passwords, and the conversations of each as the older release showed them."""

    # Handle to password.
    people: dict[str, str]
    # Conversations created by hand: name to id.
    rooms: dict[str, str] = field(default_factory=dict)
    # Shown messages: handle and conversation to messages by seq.
    shown: dict[tuple[str, str], dict[int, bytes]] = field(default_factory=dict)
    # Every entry of every log as stored in MongoDB.
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)


async def move_in(admin: Plexus, *, address: str, folder: Path) -> Company:
    """Create two people with every kind of message, on the running release."""
    handles = {name: f"{name}-{secrets.token_hex(3)}" for name in ("ann", "bob")}
    for handle in handles.values():
        request = CreatePersonRequest(
            handle=handle,
            display_name=handle,
            email=f"{handle}@example.com",
            time_zone="Asia/Shanghai",
            locale="zh-CN",
            roles=["member"],
            password=PASSWORD,
        )
        await admin.call(admin.directory.CreatePerson, request)
    company = Company(dict.fromkeys(handles.values(), PASSWORD))
    async with (
        signed_in(address, handles["ann"], PASSWORD, folder=folder) as ann,
        signed_in(address, handles["bob"], PASSWORD, folder=folder) as bob,
    ):
        pair = (ann, bob)
        company.rooms["group"] = await _converse(pair, Conversation.KIND_GROUP, name="采购")
        company.rooms["direct"] = await _converse(pair, Conversation.KIND_DIRECT)
        closed = await _converse(pair, Conversation.KIND_GROUP, name="vertraulich")
        company.rooms["confidential"] = closed
        request = pb.UpdateConversationRequest(conversation_id=closed, confidential=True)
        await ann.call(ann.messaging.UpdateConversation, request)
        await _say(ann, closed, "said in confidence")
    return company


async def _converse(pair: tuple[Plexus, Plexus], kind: Conversation.Kind, *, name: str = "") -> str:
    """Create a conversation, let both members use every feature in it, and return its id."""
    ann, bob = pair
    created = pb.CreateConversationRequest(
        request_id=secrets.token_hex(8),
        kind=kind,
        name=name,
        member_ids=[bob.profile.person_id],
    )
    room = (await ann.call(ann.messaging.CreateConversation, created)).conversation.id
    quoted = Attachment(name="报价.xlsx", url="https://files.example/1", media_type="text/plain")
    await _say(ann, room, f"{WORD} bis Freitag", attachments=[quoted])
    await _say(ann, room, SECRET)
    await _say(bob, room, "第三条", mentions=[Mention(person_id=ann.profile.person_id)])
    await _say(bob, room, "a reply", reply_to_seq=1, quote_seq=3)
    edit = pb.EditMessageRequest(
        request_id=secrets.token_hex(8), conversation_id=room, seq=4, text="a better reply"
    )
    await bob.call(bob.messaging.EditMessage, edit)
    for who in pair:
        react = pb.ReactToMessageRequest(
            request_id=secrets.token_hex(8), conversation_id=room, seq=1, emoji="👍"
        )
        await who.call(who.messaging.ReactToMessage, react)
    pin = pb.PinMessageRequest(request_id=secrets.token_hex(8), conversation_id=room, seq=1)
    await ann.call(ann.messaging.PinMessage, pin)
    label = pb.LabelMessageRequest(
        request_id=secrets.token_hex(8), conversation_id=room, seq=3, add=["wichtig"]
    )
    await ann.call(ann.messaging.LabelMessage, label)
    recall = pb.RecallMessageRequest(
        request_id=secrets.token_hex(8), conversation_id=room, seq=RECALLED
    )
    await ann.call(ann.messaging.RecallMessage, recall)
    forward = pb.ForwardMessagesRequest(
        request_id=secrets.token_hex(8),
        conversation_id=room,
        seqs=[1, 3],
        to_conversation_id=room,
        merged=True,
    )
    await ann.call(ann.messaging.ForwardMessages, forward)
    return room


async def _say(who: Plexus, room: str, text: str, **fields: Any) -> None:
    request = pb.SendMessageRequest(
        conversation_id=room, request_id=secrets.token_hex(8), text=text, **fields
    )
    await who.call(who.messaging.SendMessage, request)


async def look(company: Company, *, address: str, folder: Path) -> dict[Any, dict[int, bytes]]:
    """Read every message of every conversation of each person, as the API shows them.

    The two fields that differ between releases are left out: the unsalted hash of the text, which
    only the older one returned, and `reply_to_seq`, which only the newer one returns.
    """
    shown: dict[Any, dict[int, bytes]] = {}
    for handle, password in company.people.items():
        async with signed_in(address, handle, password, folder=folder) as plexus:
            for room in await _rooms(plexus):
                shown[handle, room] = {
                    message.seq: _bytes(message) for message in await _messages(plexus, room)
                }
    return shown


def _bytes(message: Message) -> bytes:
    plain = Message()
    plain.CopyFrom(message)
    plain.ClearField("content_hash")
    plain.ClearField("reply_to_seq")
    return plain.SerializeToString(deterministic=True)


async def _rooms(plexus: Plexus) -> list[str]:
    rooms: list[str] = []
    request = pb.ListConversationsRequest(page_size=PAGE, include_archived=True)
    while True:
        page = await plexus.call(plexus.messaging.ListConversations, request)
        rooms += [view.conversation.id for view in page.views]
        if not page.next_page_token:
            return rooms
        request.page_token = page.next_page_token


async def _messages(plexus: Plexus, room: str) -> list[Message]:
    messages: list[Message] = []
    request = pb.ListMessagesRequest(conversation_id=room, page_size=PAGE, after_seq=0)
    while True:
        page = await plexus.call(plexus.messaging.ListMessages, request)
        messages += page.messages
        if not page.has_more:
            return messages
        request.after_seq = messages[-1].seq


async def stored(section: MongoSection) -> dict[str, dict[str, Any]]:
    """Read the entries of every log as stored in MongoDB, by id."""
    async with connect(section) as db:
        entries = await db.collection("entries", schema_version=1).find_all({})
    return {entry["_id"]: entry for entry in entries}


def check_entries_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Compare the previous with the stored entries byte by byte; new ones may be added.

    A recalled message loses the unsalted hash of its text when messaging starts, in its columns and
    in its events; its other fields do not change.
    """
    assert before
    assert before.keys() <= after.keys()
    recalled = {
        (entry["conversation_id"], entry["seq"])
        for entry in before.values()
        if entry.get("purged") and "seq" in entry
    }
    for name, entry in before.items():
        place = (entry["conversation_id"], entry.get("seq") or entry.get("about_seq"))
        if place in recalled:
            lost = ("content_hash", "event", "current")
            one, other = (
                {key: value for key, value in each.items() if key not in lost}
                for each in (entry, after[name])
            )
            assert BSON.encode(one) == BSON.encode(other), name
        else:
            assert BSON.encode(entry) == BSON.encode(after[name]), name


async def dead_letters(section: KafkaSection) -> dict[str, int]:
    """Count the dead letters by consumer group; omit groups without any."""
    depths = {each.group: await dlq_depth(section, each.group) for each in CONSUMERS if each.dlq}
    return {group: depth for group, depth in depths.items() if depth}
