"""Presence: signals of it, and the state that this process knows."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexus.topics import MESSAGING_SIGNAL_V1
from plexuskit.grpc import Actor
from plexuskit.timestamps import timestamp

from messaging.contract.events import envelope
from messaging.conversations.queries.members import acquainted
from messaging.conversations.store.stores import Store
from messaging.presence.domain import (
    LASTS,
    LastSignal,
    State,
    receive,
    state_of,
)
from messaging.presence.events import presence_changed
from messaging.presence.operations.signals import Signals

MAX_PEOPLE: Final = 1_000_000


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
    signals.publish((actor.person_id,), (MESSAGING_SIGNAL_V1.name, actor.person_id, value, {}))


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
        self._last: OrderedDict[str, LastSignal] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def receive(self, person_id: str, *, state: State, at: datetime) -> None:
        """Apply a signal of a person, and drop expired ones."""
        last = receive(self._last.get(person_id), state=state, at=at)
        if last is not None:
            self._last[person_id] = last
            self._last.move_to_end(person_id)
        while self._last:
            oldest = next(iter(self._last.values()))
            if at - oldest.at < LASTS and len(self._last) <= MAX_PEOPLE:
                return
            self._last.popitem(last=False)

    def list(self, person_ids: Iterable[str], *, now: datetime) -> list[UserPresence]:
        """Return the presence of each person, in the order given."""
        presences = []
        for person_id in person_ids:
            last = self._last.get(person_id)
            seen_at = None if last is None else last.seen_at
            presences.append(UserPresence(person_id, state_of(last, now=now), seen_at))
        return presences


async def list_presence(
    store: Store,
    presences: Presences,
    *,
    actor: Actor,
    person_ids: Sequence[str],
    now: datetime,
) -> list[UserPresence]:
    """Return the presence of those people who share a conversation with the caller."""
    known = await acquainted(store, actor=actor, person_ids=person_ids)
    return presences.list(known, now=now)
