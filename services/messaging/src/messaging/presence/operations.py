"""Signals of typing and presence on their way to Kafka, and presence as this process knows it.

No database write, no waiting, nothing kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from plexus.topics import MESSAGING_SIGNAL_V1
from plexuskit.grpc import Actor
from plexuskit.kafka import Outgoing
from plexuskit.metrics import counter
from plexuskit.timestamps import timestamp

from messaging.contract.events import envelope
from messaging.conversations.domain.refusals import ConversationIsArchived
from messaging.conversations.queries.seats import seat
from messaging.messages.operations.threads import require_root
from messaging.messages.store.stores import Store
from messaging.presence.domain import (
    LASTS,
    MAX_TYPED,
    Heard,
    State,
    TypingInTooManyThreads,
    hear,
    state_of,
)
from messaging.presence.events import presence_changed, typing

JOINED = counter("plexus_messaging_signals_joined_total", "Signals that a later one stood in for")

EVERY: Final = 1.0
"""Seconds between two words on the same subject."""
MAX_PEOPLE: Final = 1_000_000


class Outlet(Protocol):
    """Publisher of signals; never waits. A true seam: Kafka lies behind it."""

    def offer(self, record: Outgoing) -> None:
        """Accept a record, or drop it."""
        ...


class Signals:
    """Throttle: publishes the first signal of a subject at once, then the last one of each second.

    The final state is always published: a person who stops typing half a second after beginning is
    reported as stopped. Per process: a person whose calls spread over several processes may be
    reported once a second by each.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        # Subjects signalled within the last second: the membership version at that time, and the
        # latest signal since.
        self._subjects: dict[tuple[str, ...], tuple[int, Outgoing | None]] = {}
        # Number of subjects that differ only in their last part: the threads of a conversation.
        self._groups: dict[tuple[str, ...], int] = {}

    def version_of(self, subject: tuple[str, ...]) -> int | None:
        """Return the membership version of a subject signalled in the last second, else None."""
        spoken = self._subjects.get(subject)
        return None if spoken is None else spoken[0]

    def require_room(self, subject: tuple[str, ...]) -> None:
        """Refuse a thread beside three others that a person types in within the last second.

        Raises:
            TypingInTooManyThreads: with when to come again.
        """
        if subject not in self._subjects and self._groups.get(subject[:-1], 0) >= MAX_TYPED:
            raise TypingInTooManyThreads(limit=MAX_TYPED, retry_after=timedelta(seconds=EVERY))

    def tell(self, subject: tuple[str, ...], record: Outgoing, *, version: int = 0) -> None:
        """Publish a signal of a subject now, or at the end of its second unless another follows."""
        spoken = self._subjects.get(subject)
        if spoken is None:
            self._send(subject, record, version)
            return
        if spoken[1] is not None:
            JOINED.inc()
        self._subjects[subject] = (spoken[0], record)

    def _send(self, subject: tuple[str, ...], record: Outgoing, version: int) -> None:
        self._outlet.offer(record)
        self._subjects[subject] = (version, None)
        self._groups[subject[:-1]] = self._groups.get(subject[:-1], 0) + 1
        asyncio.get_running_loop().call_later(EVERY, self._go_on, subject)

    def _go_on(self, subject: tuple[str, ...]) -> None:
        version, held = self._subjects.pop(subject)
        left = self._groups.pop(subject[:-1]) - 1
        if left:
            self._groups[subject[:-1]] = left
        if held is not None:
            self._send(subject, held, version)


async def signal_typing(
    store: Store,
    signals: Signals,
    *,
    actor: Actor,
    conversation_id: str,
    root_seq: int,
    stopped: bool,
    now: datetime,
) -> None:
    """Signal to the other members that a person is typing, or has stopped.

    Membership and thread are read from the store by key, once a second at most, and not from the
    log's tail in memory: that one is right only in the process that writes the conversation, and
    calls reach any process. The event carries the membership version, so a gateway that has not yet
    received a removal does not deliver it (MSG-14).

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        ConversationIsArchived: it accepts no more messages.
        MessageNotFound: no such thread that the caller may see.
        TypingInTooManyThreads: in more than three of the conversation within a second.
    """
    subject = (conversation_id, actor.person_id, str(root_seq))
    signals.require_room(subject)
    version = signals.version_of(subject)
    if version is None:
        version = await _membership_version(store, actor, conversation_id, root_seq)
        # Others may have come while this was read.
        signals.require_room(subject)
    fact = typing(
        conversation_id=conversation_id,
        person_id=actor.person_id,
        root_seq=root_seq,
        stopped=stopped,
    )
    value = envelope(
        fact,
        tenant_id=actor.tenant_id,
        scope=conversation_id,
        change_no=0,
        entity_id=actor.person_id,
        entity_version=0,
        actor_id=actor.person_id,
        occurred_at=timestamp(now),
        now=now,
        membership_version=version,
    )
    record: Outgoing = (MESSAGING_SIGNAL_V1.name, conversation_id, value, {})
    signals.tell(subject, record, version=version)


async def _membership_version(
    store: Store, actor: Actor, conversation_id: str, root_seq: int
) -> int:
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    if place.conversation.archived:
        raise ConversationIsArchived(conversation_id=conversation_id)
    if root_seq:
        await require_root(store, place, root_seq=root_seq)
    return place.conversation.membership_version


def signal_presence(signals: Signals, *, actor: Actor, state: State, now: datetime) -> None:
    """Signal that a person is there, away from the keyboard, or leaving."""
    value = envelope(
        presence_changed(actor.person_id, state=state, seen_at=now),
        tenant_id=actor.tenant_id,
        scope=actor.person_id,
        change_no=0,
        entity_id=actor.person_id,
        entity_version=0,
        actor_id=actor.person_id,
        occurred_at=timestamp(now),
        now=now,
    )
    signals.tell((actor.person_id,), (MESSAGING_SIGNAL_V1.name, actor.person_id, value, {}))


@dataclass(frozen=True, slots=True)
class UserPresence:
    """Presence of one person; `seen_at` is None if no signal was received."""

    person_id: str
    state: State
    seen_at: datetime | None


class Presences:
    """Last presence signal of everyone who sent one within 90 seconds.

    Each process receives all of them, so every process returns the same list, and nothing has to be
    stored or requested from another process. The list is here and not in the gateway because only
    messaging knows who shares a conversation.
    """

    def __init__(self) -> None:
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heard)

    def hear(self, person_id: str, *, state: State, at: datetime) -> None:
        """Apply a signal of a person, and drop expired ones."""
        heard = hear(self._heard.get(person_id), state=state, at=at)
        if heard is not None:
            self._heard[person_id] = heard
            self._heard.move_to_end(person_id)
        while self._heard:
            oldest = next(iter(self._heard.values()))
            if at - oldest.at < LASTS and len(self._heard) <= MAX_PEOPLE:
                return
            self._heard.popitem(last=False)

    def list(self, person_ids: Iterable[str], *, now: datetime) -> list[UserPresence]:
        """Return the presence of each person, in the order given."""
        presences = []
        for person_id in person_ids:
            heard = self._heard.get(person_id)
            seen_at = None if heard is None else heard.seen_at
            presences.append(UserPresence(person_id, state_of(heard, now=now), seen_at))
        return presences
