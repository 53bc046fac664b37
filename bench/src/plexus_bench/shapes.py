"""Shapes of load: people online, senders of each conversation, and times of messages."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from plexus_bench.system import Conversation, NotStored, Session, System, body_of
from plexus_bench.tally import Tally
from plexus_bench.together import gathered, until

DELIVERY_SECONDS: Final = 30.0
# Maximum time from the last acknowledgement to the last delivery.
CAUGHT_UP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A kind of load.

    Attributes:
        name: Name on the command line and in the report.
        meaning: Description in the report.
        pairs: Conversations of two with one sender each; 0 for one room.
        members: Members of the room; all of them online.
        senders: Senders of the room.
        rate: Messages per second of all senders together, sent when they are due regardless of
            earlier ones; 0: each sender sends the next message when its peer, another session, has
            received the previous one.
    """

    name: str
    meaning: str
    pairs: int = 0
    members: int = 0
    senders: int = 0
    rate: float = 0.0


_SHAPES: Final = (
    Shape(name="a8", meaning="8 closed-loop pairs", pairs=8),
    Shape(name="a50", meaning="50 closed-loop pairs", pairs=50),
    Shape(name="a200", meaning="200 closed-loop pairs", pairs=200),
    Shape(name="b", meaning="room of 50, 8 closed-loop senders", members=50, senders=8),
    Shape(name="c10", meaning="room of 50 at 10 msg/s", members=50, senders=8, rate=10),
    Shape(name="c100", meaning="room of 50 at 100 msg/s", members=50, senders=8, rate=100),
    Shape(name="d", meaning="room of 1,000 at 10 msg/s", members=1000, senders=8, rate=10),
)
SHAPES: Final[Mapping[str, Shape]] = {shape.name: shape for shape in _SHAPES}


@dataclass(frozen=True, slots=True)
class Sender:
    """Sender of a conversation.

    Attributes:
        session: Session of the sender.
        conversation: The conversation.
        prefix: Prefix of the refs of its messages.
    """

    session: Session
    conversation: Conversation
    prefix: str


class Company:
    """Online people of a shape, each sender with a peer that receives its messages."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.conversations: list[Conversation] = []
        self.sessions: list[Session] = []
        self.senders: list[Sender] = []

    @property
    def prefixes(self) -> dict[str, str]:
        """Prefix of the refs of each sender's messages, by person."""
        return {sender.session.person: sender.prefix for sender in self.senders}

    def seat(self, conversation: Conversation, sessions: Sequence[Session], *, talk: int) -> None:
        """Make the first `talk` of these sessions senders here, and the last ones their peers."""
        self.conversations.append(conversation)
        self.sessions += sessions
        self.tally.acknowledged[conversation.id] = set()
        for place, session in enumerate(sessions):
            prefix = f"{len(self.senders)}-" if place < talk else ""
            own = prefix if len(sessions) == 2 else ""  # noqa: PLR2004 - a pair
            hear = self.tally.listener(session.person, conversation.id, own=own)
            if own and not conversation.echoes:
                self.tally.tells_nothing(session.person, conversation.id)
            if place >= len(sessions) - 1:
                hear = self.tally.releasing(hear)
            session.on_message = hear
            if prefix:
                self.senders.append(Sender(session, conversation, prefix))


@asynccontextmanager
async def assembled(system: System, shape: Shape, tally: Tally) -> AsyncIterator[Company]:
    """Create the people and conversations of a shape, all online for the block."""
    company = Company(tally)
    people = await system.people(2 * shape.pairs or shape.members)
    made = await system.pairs(people) if shape.pairs else [await system.room(people)]
    try:
        sessions = {session.person: session for session in await gathered(system.connect, people)}
        for conversation in made:
            seated = [sessions[person] for person in conversation.members]
            company.seat(conversation, seated, talk=1 if shape.pairs else shape.senders)
        yield company
    finally:
        await asyncio.gather(*(session.close() for session in company.sessions))


class Load:
    """Senders of a company in operation."""

    def __init__(self, company: Company, *, rate: float) -> None:
        self._company = company
        self._tally = company.tally
        self._rate = rate
        self._numbers = itertools.count(1)
        self._enough = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start sending."""
        if self._rate:
            self._running = [asyncio.create_task(self._at_rate())]
        else:
            self._running = [
                asyncio.create_task(self._one_by_one(sender)) for sender in self._company.senders
            ]

    async def stop(self) -> None:
        """Stop sending, and return when every message is acknowledged and delivered."""
        self._enough.set()
        await asyncio.gather(*self._running)
        await until(lambda: not self._tally.missing(), within=CAUGHT_UP_SECONDS)

    async def _one_by_one(self, sender: Sender) -> None:
        """Send the next message when the peer has received the previous one."""
        while not self._enough.is_set():
            ref = f"{sender.prefix}{next(self._numbers)}"
            heard = self._tally.expect(ref)
            if await self._send(sender, ref, due=perf_counter()):
                try:
                    async with asyncio.timeout(DELIVERY_SECONDS):
                        await heard
                except TimeoutError:
                    self._tally.failures[ref] = f"not heard within {DELIVERY_SECONDS:.0f} s"
            self._tally.settle(ref)

    async def _at_rate(self) -> None:
        """Send each message when it is due; the senders take turns."""
        turns = itertools.cycle(self._company.senders)
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                due = began + number / self._rate
                if (wait := due - perf_counter()) > 0:
                    await asyncio.sleep(wait)
                if self._enough.is_set():
                    return
                sender = next(turns)
                ref = f"{sender.prefix}{next(self._numbers)}"
                group.create_task(self._sent(sender, ref, due=due))

    async def _sent(self, sender: Sender, ref: str, *, due: float) -> None:
        await self._send(sender, ref, due=due)

    async def _send(self, sender: Sender, ref: str, *, due: float) -> bool:
        """Send one message; return whether it was acknowledged."""
        conversation = sender.conversation.id
        self._tally.due[ref] = due
        try:
            await sender.session.send(conversation, ref=ref, body=body_of(ref))
        except NotStored as failure:
            self._tally.failures[ref] = str(failure)
            return False
        self._tally.acknowledge(conversation, ref)
        return True
