"""Interface between the shapes of load and the measured systems.

A shape uses only `System`, `Session` and `Conversation`, so every system is loaded, checked and
reported by the same code. `System.durability` states weaker guarantees of a system; the report
prints it beside its figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

BODY_BYTES: Final = 200

OnMessage = Callable[[str, str, int], None]
"""Called for every message that a session receives: conversation id, ref, number.

The number is the message's position in its conversation, 1, 2, 3 …, as the system shows it to
clients; 0 if the system has none.
"""


def body_of(ref: str) -> str:
    """Return the text of a message: its ref, a space, and padding up to 200 ASCII characters."""
    return f"{ref} ".ljust(BODY_BYTES, "x")


def ref_of(body: str) -> str:
    """Return the ref at the start of a text of `body_of`."""
    return body.partition(" ")[0]


class NotStored(Exception):  # noqa: N818 - names the fact, like a refusal
    """The system refused a send or did not answer in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation.

    Attributes:
        id: Id in sends and deliveries.
        members: People, as `System.people` names them, in its order.
        echoes: Whether a sender's own session receives its own messages.
    """

    id: str
    members: tuple[str, ...]
    echoes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLog:
    """Content of a conversation's store after a run, read independently of the write path.

    Attributes:
        refs: Refs of all messages, in their displayed order.
        problems: Problems of the store itself: gaps in numbers, a broken chain, a text that does
            not match its ref. Empty for a correct store.
    """

    refs: Sequence[str]
    problems: Sequence[str] = ()


class Session(Protocol):
    """One person's live connection.

    Attributes:
        person: The person of the connection.
        on_message: Called for each delivery; set by the shape before the first send.
    """

    person: str
    on_message: OnMessage

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a message and return when the system has acknowledged that it is stored.

        Args:
            conversation: Id of the conversation.
            ref: The message's own id, at most 64 ASCII characters without a space; the request id,
                stanza id or transaction id of the system.
            body: The text, `body_of(ref)`.

        Raises:
            NotStored: There is no acknowledgement.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class System(Protocol):
    """A system that can be loaded: its processes, people and conversations.

    Attributes:
        name: Name in the report, for example `plexus` or `ejabberd 23.01`.
        durability: Guarantee of an acknowledgement, for example `majority, journal`.
        notes: Conditions that differ from the other systems', shown under the report.
    """

    name: str
    durability: str
    notes: Sequence[str]

    async def start(self) -> None:
        """Start every server process and wait until they serve."""
        ...

    async def stop(self) -> None:
        """Stop all processes of `start`."""
        ...

    def processes(self) -> Mapping[str, int]:
        """Return the pid of each server process by name; its descendants are counted with it."""
        ...

    async def people(self, count: int) -> Sequence[str]:
        """Create people who can connect, and return their ids; each call creates further ones."""
        ...

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        """Create a conversation of the 1st and 2nd person, of the 3rd and 4th, and so on."""
        ...

    async def room(self, members: Sequence[str]) -> Conversation:
        """Create a conversation of all these people."""
        ...

    async def connect(self, person: str) -> Session:
        """Open a person's live connection; once it returns, it receives every message."""
        ...

    async def stored(self, conversation: Conversation) -> StoredLog:
        """Read the stored messages of a conversation."""
        ...
