"""A conversation written by the release before version 2 of the chain; never imported.

Runs with that release's code on its path. Arguments: MongoDB's address, the database. Prints the
conversation's id.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from messaging.config import LogSection
from messaging.domain.conversations import History, Role
from messaging.domain.messages import Attachment, Span, SpanKind, Words, draft
from messaging.domain.policy import DEFAULT
from messaging.operations import conversations, forwarding, membership, messages, sending
from messaging.operations.altering import Asked, Once
from messaging.operations.log import Log
from messaging.store import Store
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.grpc import Actor
from plexuskit.mongo import connect
from plexuskit.service import Runtime


class Everybody:
    """Directory's contract at the outer seam: every person exists."""

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        assert tenant_id
        assert asker_id
        assert person_ids
        return []


class Writer:
    """Carries out changes as the API does."""

    def __init__(self, log: Log, room: str) -> None:
        self.log = log
        self.room = room

    def asked(self, who: str, seq: int, response: Any) -> Any:
        now = SystemClock().now()
        remembered = self.log.store.requests.remembered(
            request=pb.PinMessageRequest(conversation_id=self.room, seq=seq),
            request_id="",
            actor_id=who,
            response=response,
            now=now,
        )
        once = Once(remembered, lambda message: response(message=message))
        return Asked(actor=person(who), conversation_id=self.room, seq=seq, once=once, now=now)

    async def say(self, who: str, text: str, **fields: Any) -> None:
        fields.setdefault("request_id", text[:100])
        said = draft(conversation_id=self.room, sender_id=who, text=text, **fields)
        await sending.send_message(self.log, draft=said)


def person(name: str) -> Actor:
    return Actor("ten_acme", name, f"ses_{name}", frozenset(("member",)))


async def write(log: Log, store: Store) -> str:
    now = SystemClock().now()
    work = await conversations.create_group(
        store,
        Everybody(),
        actor=person("ann"),
        name="采购",
        topic="offers",
        history=History.SINCE_JOIN,
        member_ids=["bob", "eve"],
        now=now,
    )
    room = (await store.transact(work)).conversation.id
    writer = Writer(log, room)
    await writer.say("ann", "offer is 57752 EUR")
    await writer.say("ann", "vault code 929251")
    await writer.say(
        "bob",
        "@ann 看 code",
        spans=(Span(0, 4, SpanKind.MENTION, "ann"), Span(7, 4, SpanKind.CODE)),
        attachments=(Attachment("报价.xlsx", "https://files.example/1", "text/plain", 7),),
    )
    await writer.say("ann", "re", reply_to_seq=1, quote_seq=1)
    await messages.edit_message(
        log,
        writer.asked("ann", 4, pb.EditMessageResponse),
        words=Words("re: second"),
        expected_version=None,
        policy=DEFAULT,
    )
    react = writer.asked("bob", 4, pb.ReactToMessageResponse)
    await messages.react_to_message(log, react, emoji="ok", remove=False)
    await messages.pin_message(log, writer.asked("bob", 1, pb.PinMessageResponse), unpin=False)
    label = writer.asked("bob", 1, pb.LabelMessageResponse)
    await messages.label_message(log, label, add=("x",), remove=())
    recall = writer.asked("ann", 2, pb.RecallMessageResponse)
    await messages.recall_message(log, recall, policy=DEFAULT)
    await forwarding.forward_messages(
        log,
        actor=person("ann"),
        conversation_id=room,
        seqs=[1, 3],
        to_conversation_id=room,
        merged=True,
        comment="",
        request_id="f1",
    )
    await membership.add_members(
        log,
        Everybody(),
        actor=person("ann"),
        conversation_id=room,
        person_ids=["zoe"],
        role=Role.MEMBER,
        now=now,
    )
    await membership.remove_members(
        log, actor=person("ann"), conversation_id=room, person_ids=["eve"], now=now
    )
    await conversations.update_conversation(
        log,
        actor=person("ann"),
        conversation_id=room,
        name="采购二",
        topic=None,
        archived=None,
        confidential=None,
        expected_version=0,
        now=now,
    )
    return room


async def main(mongo_url: str, database: str) -> None:
    runtime = Runtime(service="messaging", clock=SystemClock())
    async with connect(MongoSection(url=mongo_url, database=database)) as db:
        store = Store(db)
        await store.provision()
        log = Log(store, section=LogSection(), clock=runtime.clock)
        async with log.running(runtime):
            room = await write(log, store)
    sys.stdout.write(room)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
