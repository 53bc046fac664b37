"""The seam between the shapes of load and the systems that they are put on.

A shape knows `System`, `Session` and `Conversation` only, so every system is loaded, checked and
reported by the same code. What a system cannot do under the same conditions it says in
`System.durability`, which the report prints beside its figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

BODY_BYTES: Final = 200

OnMessage = Callable[[str, str, int], None]
"""Called for every message that reaches a session: conversation id, ref, number.

The number is the message's position in its conversation, 1, 2, 3 …, as the system tells it to
clients; 0 where the system has none.
"""


def body_of(ref: str) -> str:
    """Return the text of a message: its ref, a space, and padding up to 200 ASCII characters."""
    return f"{ref} ".ljust(BODY_BYTES, "x")


def ref_of(body: str) -> str:
    """Return the ref that a text of `body_of` begins with."""
    return body.partition(" ")[0]


class NotStored(Exception):  # noqa: N818 - names the fact, like a refusal
    """The system answered a send with a refusal or with nothing in its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Where people talk.

    Attributes:
        id: What sends are addressed to and deliveries name.
        members: People, as `System.people` names them, in its order.
        echoes: Whether a sender's own session is told of its own messages, like everybody's.
    """

    id: str
    members: tuple[str, ...]
    echoes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLog:
    """What a conversation's store holds after a run, read without the path that wrote it.

    Attributes:
        refs: Of every message, in the order in which the system shows them.
        problems: What is wrong with the store itself: numbers with holes, a broken chain, a text
            that is not what its ref says. Empty when all is well.
    """

    refs: Sequence[str]
    problems: Sequence[str] = ()


class Session(Protocol):
    """One person's live connection.

    Attributes:
        person: Whose it is.
        on_message: Called for each delivery; set by the shape before the first send.
    """

    person: str
    on_message: OnMessage

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a message and return when the system has acknowledged that it is stored.

        Args:
            conversation: Id of where to.
            ref: The message's own id, at most 64 ASCII characters without a space; the request id,
                stanza id or transaction id of the system.
            body: The text, `body_of(ref)`.

        Raises:
            NotStored: There is no such acknowledgement.
        """
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


class System(Protocol):
    """A system that can be loaded: its processes, people and conversations.

    Attributes:
        name: In the report, for example `plexus` or `ejabberd 23.01`.
        durability: What an acknowledgement means, for example `majority, journal`.
        notes: Conditions that differ from the other systems', shown under the report.
    """

    name: str
    durability: str
    notes: Sequence[str]

    async def start(self) -> None:
        """Start every server process and wait until they serve."""
        ...

    async def stop(self) -> None:
        """Stop what `start` has started."""
        ...

    def processes(self) -> Mapping[str, int]:
        """Give the pid of each server process by name; its descendants are counted with it."""
        ...

    async def people(self, count: int) -> Sequence[str]:
        """Make people who can connect; gives their ids. Called again, it makes further ones."""
        ...

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        """Make a conversation of two of the 1st and 2nd person, of the 3rd and 4th, and so on."""
        ...

    async def room(self, members: Sequence[str]) -> Conversation:
        """Make a conversation of all these people."""
        ...

    async def connect(self, person: str) -> Session:
        """Open a person's live connection; from the return on it hears every message."""
        ...

    async def stored(self, conversation: Conversation) -> StoredLog:
        """Read what is stored of a conversation."""
        ...
