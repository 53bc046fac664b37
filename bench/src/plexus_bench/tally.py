"""Observations of a run: sent, acknowledged and delivered messages with their times."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from plexus_bench.system import OnMessage

Heard = list[tuple[str, int]]
"""Refs and numbers of one conversation in one session, in the order of their delivery."""


@dataclass
class Window:
    """The measured period, on the clock of `perf_counter`."""

    began: float = float("inf")
    ended: float = float("inf")

    def open(self) -> None:
        """Start the measured period."""
        self.began = perf_counter()

    def close(self) -> None:
        """End the measured period."""
        self.ended = perf_counter()

    def covers(self, moment: float) -> bool:
        """Return whether a moment is in the measured period."""
        return self.began <= moment < self.ended

    @property
    def seconds(self) -> float:
        """Duration of the measured period."""
        return self.ended - self.began


@dataclass
class Tally:
    """Observations of one run; times are those of `perf_counter`.

    Attributes:
        window: The measured period.
        due: Due time of each message, by ref.
        acknowledged: Acknowledged refs by conversation.
        failures: Errors of unacknowledged messages, by ref.
        heard: Deliveries to each session, by (person, conversation).
        ack_seconds: Times from due to acknowledgement, of measured acknowledgements.
        delivery_seconds: Times from due to delivery, of measured deliveries.
        acknowledgements: Number of measured acknowledgements.
    """

    window: Window = field(default_factory=Window)
    due: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    ack_seconds: list[float] = field(default_factory=list)
    delivery_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._untold: set[tuple[str, str]] = set()

    @property
    def acknowledgements(self) -> int:
        """Number of measured acknowledgements."""
        return len(self.ack_seconds)

    def tells_nothing(self, person: str, conversation: str) -> None:
        """Expect no delivery here: the only sender, if the system does not echo its messages."""
        self._untold.add((person, conversation))

    def listener(self, person: str, conversation: str, *, own: str) -> OnMessage:
        """Return the callback of a session for each delivery.

        Args:
            person: The person of the session.
            conversation: The one conversation of this person in this run.
            own: Prefix of the refs whose delivery here does not count: a sender's own in a
                conversation of two. Empty: all count.
        """
        heard = self.heard.setdefault((person, conversation), [])
        due, window, seconds = self.due, self.window, self.delivery_seconds

        def hear(where: str, ref: str, number: int) -> None:
            now = perf_counter()
            if where != conversation:
                self.failures[ref] = f"delivered to {person} as a message of {where}"
                return
            heard.append((ref, number))
            if own and ref.startswith(own):
                return
            if window.began <= now < window.ended:
                seconds.append(now - due[ref])

        return hear

    def releasing(self, hear: OnMessage) -> OnMessage:
        """Return a listener that resumes senders waiting for a delivery here."""
        awaited = self._awaited

        def hear_and_release(where: str, ref: str, number: int) -> None:
            hear(where, ref, number)
            waiting = awaited.get(ref)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

        return hear_and_release

    def expect(self, ref: str) -> "asyncio.Future[None]":
        """Return a future that completes when a releasing session has received this message."""
        future = self._awaited[ref] = asyncio.get_running_loop().create_future()
        return future

    def settle(self, ref: str) -> None:
        """Remove the wait for a message."""
        self._awaited.pop(ref, None)

    def acknowledge(self, conversation: str, ref: str) -> None:
        """Record an acknowledgement."""
        now = perf_counter()
        self.acknowledged[conversation].add(ref)
        if self.window.covers(now):
            self.ack_seconds.append(now - self.due[ref])

    def missing(self) -> int:
        """Return the number of missing deliveries of acknowledged messages."""
        return sum(
            max(0, len(self.acknowledged[conversation]) - len(heard))
            for (person, conversation), heard in self.heard.items()
            if (person, conversation) not in self._untold
        )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of the values lies; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
