"""The company on which the client is measured: two people and many conversations."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    SendMessageRequest,
    SendMessagesRequest,
)
from plexus_testkit.harness import Platform

BATCH = 250
TOGETHER = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes of a measurement.

    Attributes:
        conversations: In the list of the person who is measured.
        history: Messages of the long conversation.
        changes: Messages that arrive while the client is offline.
        changed: Conversations in which they arrive.
        seconds: Duration of typing under load.
        sends: Messages sent from browser to browser.
    """

    conversations: int
    history: int
    changes: int
    changed: int
    seconds: int
    sends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The company: handles and conversations, the long one first."""

    platform: Platform
    reader: str
    writer: str
    ids: tuple[str, ...]

    def name(self, number: int) -> str:
        """Return the name of a conversation."""
        return f"会话 {number:03}"

    async def say(self, numbers: Sequence[int], *, prefix: str) -> None:
        """Send one message to each of these conversations, as the writer."""
        async with self.platform.signed_in(self.writer) as plexus:
            for start in range(0, len(numbers), BATCH):
                items = [
                    message(self.ids[number], f"{prefix} {start + place}")
                    for place, number in enumerate(numbers[start : start + BATCH])
                ]
                request = SendMessagesRequest(items=items)
                answer = await plexus.call(plexus.messaging.SendMessages, request)
                refused = [one.refused.reason for one in answer.verdicts if one.refused.code]
                if refused:
                    raise RuntimeError(f"{len(refused)} messages were refused: {refused[0]}")


def message(conversation_id: str, text: str) -> SendMessageRequest:
    """Return a message with a request id of its own."""
    return SendMessageRequest(
        conversation_id=conversation_id, request_id=secrets.token_hex(8), text=text
    )


async def set_stage(platform: Platform, sizes: Sizes) -> Stage:
    """Create two people, their conversations and the long history."""
    handles = await platform.new_people("reader", "writer")
    room = asyncio.Semaphore(TOGETHER)
    async with platform.signed_in(handles["reader"]) as plexus:

        async def make(number: int) -> str:
            request = CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=Conversation.KIND_GROUP,
                name=f"会话 {number:03}",
                member_ids=[platform.id_of(handles["writer"])],
            )
            async with room:
                made: Any = await plexus.call(plexus.messaging.CreateConversation, request)
            return str(made.conversation.id)

        ids = await asyncio.gather(*(make(number) for number in range(sizes.conversations)))
    stage = Stage(
        platform=platform, reader=handles["reader"], writer=handles["writer"], ids=tuple(ids)
    )
    await stage.say(list(range(sizes.conversations)), prefix="hello")
    await stage.say([0] * sizes.history, prefix="message")
    return stage
