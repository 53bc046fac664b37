"""Sends: into the log and out with the verdict (MSG-1 to MSG-3)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from plexus_access.decisions import Asker, Decisions
from plexus_access.objects import CONVERSATION, Object
from plexuskit.errors import Refusal
from plexuskit.items import item_failed
from plexuskit.telemetry import inject

from messaging.log.operations.items import Item, Stored, teller
from messaging.log.operations.logs import Log
from messaging.messages.domain.messages import NewMessage
from messaging.messages.store.stores import Store

SEND: Final = "messages.send"


def permitted(
    decisions: Decisions, asker: Asker, new_messages: Sequence[NewMessage | Refusal]
) -> list[NewMessage | Refusal]:
    """Return each draft, or its refusal by roles and policies (GW-10)."""
    return [
        new_message
        if isinstance(new_message, Refusal)
        else decisions.refusal(asker, SEND, Object(CONVERSATION, new_message.conversation_id))
        or new_message
        for new_message in new_messages
    ]


async def send_message(log: Log[Store], *, new_message: NewMessage) -> Stored:
    """Store one message and give its numbers after the majority has it.

    Raises:
        ConversationNotFound, ConversationIsArchived, MentionAllDenied, RootNotFound,
            RequestIdReused: see domain.
        DependencyDown: the outcome is unknown; try again with the same request id.
    """
    (verdict,) = await send_messages(log, new_messages=[new_message])
    if isinstance(verdict, Refusal):
        raise verdict
    return verdict


async def send_messages(
    log: Log[Store], *, new_messages: Sequence[NewMessage | Refusal]
) -> list[Stored | Refusal]:
    """Store several messages; each has its own verdict, in the order given.

    A refusal among the drafts (a message that could not even be made) is its own verdict.
    """
    loop = asyncio.get_running_loop()
    traceparent = inject()
    waiting: list[asyncio.Future[Stored | Refusal]] = []
    for new_message in new_messages:
        future: asyncio.Future[Stored | Refusal] = loop.create_future()
        waiting.append(future)
        if isinstance(new_message, Refusal):
            future.set_result(new_message)
            continue
        try:
            log.submit(Item(new_message, on_verdict=teller(future), traceparent=traceparent))
        except Refusal as refusal:
            future.set_result(refusal)
        except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
            future.set_result(item_failed(error, of="messaging.send_messages"))
    return list(await asyncio.gather(*waiting))
