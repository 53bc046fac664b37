"""Messages on their way into a log, and their verdicts."""

import asyncio
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from plexuskit.errors import Refusal

from messaging.log.domain.entries import Head
from messaging.log.domain.submissions import Submission

SubmissionT_co = TypeVar("SubmissionT_co", bound=Submission, covariant=True)


class Stored(NamedTuple):
    """The numbers of a message that is in the log."""

    message_id: str
    seq: int
    change_no: int
    at: datetime
    deduplicated: bool = False
    not_in_conversation: tuple[str, ...] = ()
    # The stored fact, serialized; empty for an item stored earlier.
    event: bytes = b""


@dataclass(slots=True, eq=False)
class Item(Generic[SubmissionT_co]):
    """A message on its way into the log, with the receiver of its verdict."""

    new_message: SubmissionT_co
    on_verdict: Callable[[Stored | Refusal], None]
    traceparent: str = ""
    # Imports: the thread's first message by request id, and the numbers given so far.
    root_request_id: str = ""
    known: MutableMapping[str, int] | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation that it is sent to."""
        return self.new_message.conversation_id

    @property
    def key(self) -> tuple[str, str, str]:
        """The key by which a repeated request is recognised (MSG-3)."""
        return (
            self.new_message.conversation_id,
            self.new_message.sender_id,
            self.new_message.request_id,
        )


class Staged(NamedTuple):
    """An item with its numbers, ready to be written."""

    item: Item[Submission]
    stored: Stored
    head: Head
    document: dict[str, Any]


def resolver(future: asyncio.Future[Stored | Refusal]) -> Callable[[Stored | Refusal], None]:
    """Return a function that puts a verdict into a future, unless the caller has gone away."""

    def resolve(verdict: Stored | Refusal) -> None:
        if not future.done():
            future.set_result(verdict)

    return resolve
