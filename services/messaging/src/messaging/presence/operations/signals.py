"""Signals on their way to Kafka: no database write, no waiting, nothing kept."""

import asyncio
from datetime import timedelta
from typing import Final, Protocol

from plexuskit.kafka import Outgoing
from plexuskit.metrics import counter

from messaging.presence.domain import (
    MAX_TYPED,
    TypingInTooManyThreads,
)

JOINED = counter("plexus_messaging_signals_joined_total", "Signals that a later one stood in for")


EVERY: Final = 1.0
"""Seconds between two words on the same subject."""


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

    def publish(self, subject: tuple[str, ...], record: Outgoing, *, version: int = 0) -> None:
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
