"""What a run of a shape has seen: what was sent, acknowledged and delivered, and when."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from plexus_bench.system import OnMessage

Heard = list[tuple[str, int]]
"""Refs and numbers of one conversation in one session, in the order of their delivery."""


@dataclass
class Window:
    """The seconds that are measured, on the clock of `perf_counter`."""

    began: float = float("inf")
    ended: float = float("inf")

    def open(self) -> None:
        """Begin to measure."""
        self.began = perf_counter()

    def close(self) -> None:
        """Measure no more."""
        self.ended = perf_counter()

    def covers(self, moment: float) -> bool:
        """Tell whether a moment is measured."""
        return self.began <= moment < self.ended

    @property
    def seconds(self) -> float:
        """How long it was open."""
        return self.ended - self.began


@dataclass
class Tally:
    """One run's account; the moments in it are those of `perf_counter`.

    Attributes:
        window: What of it is measured.
        due: When each message was to be sent, by ref.
        acknowledged: Refs by conversation, as the system said that it has them.
        failures: What became of the messages that were not acknowledged, by ref.
        heard: What each session heard of each conversation, by (person, conversation).
        ack_seconds: From due to acknowledged, of the messages whose acknowledgement is measured.
        delivery_seconds: From due to delivered, of each delivery that is measured.
        acknowledgements: How many are measured.
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
        """How many acknowledgements are measured."""
        return len(self.ack_seconds)

    def tells_nothing(self, person: str, conversation: str) -> None:
        """Expect no delivery here: the only one who talks, where a system does not echo."""
        self._untold.add((person, conversation))

    def listener(self, person: str, conversation: str, *, own: str) -> OnMessage:
        """Return what a session calls for each delivery.

        Args:
            person: Whose session it is.
            conversation: The one conversation of this person in this run.
            own: What the refs of messages begin with whose delivery here does not count: in a
                conversation of two, a sender's own. Empty: all count.
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
        """Return a listener that lets senders go on that wait for a delivery here."""
        awaited = self._awaited

        def hear_and_release(where: str, ref: str, number: int) -> None:
            hear(where, ref, number)
            waiting = awaited.get(ref)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

        return hear_and_release

    def expect(self, ref: str) -> "asyncio.Future[None]":
        """Return what is done when a session that releases has heard this message."""
        future = self._awaited[ref] = asyncio.get_running_loop().create_future()
        return future

    def settle(self, ref: str) -> None:
        """Forget that somebody waits for a message."""
        self._awaited.pop(ref, None)

    def acknowledge(self, conversation: str, ref: str) -> None:
        """Note an acknowledgement."""
        now = perf_counter()
        self.acknowledged[conversation].add(ref)
        if self.window.covers(now):
            self.ack_seconds.append(now - self.due[ref])

    def missing(self) -> int:
        """Count the deliveries of acknowledged messages that have not come yet."""
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
