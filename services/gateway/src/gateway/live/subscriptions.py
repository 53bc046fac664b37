"""People, conversations and the subscriptions between them, as one gateway holds them (MSG-14)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from plexus.authz.v1.authority_pb2 import Interval

from gateway.live.visibility import READ, Listeners
from gateway.live.wire import Chunk

Ranges = tuple[tuple[int, int], ...]
"""The first and last `seq` of each visible stretch; last 0: no end."""

EVERYTHING: Ranges = ((1, 0),)


def ranges_of(intervals: Iterable[Interval]) -> Ranges:
    """Read intervals of the contract."""
    return tuple((interval.first_seq, interval.last_seq) for interval in intervals)


class Step(NamedTuple):
    """Change of a conversation's members, at its place in the order."""

    tenant_id: str
    version: int
    joined: tuple[tuple[str, Ranges], ...]
    left: tuple[str, ...]
    begins: bool


@dataclass(slots=True)
class Question:
    """Pending query about one conversation, and the changes that arrived since."""

    reason: str
    # Version of the membership that an answer has to contain.
    least: int = 0
    # Another event was missed since the owner was queried.
    again: bool = False
    steps: list[Step] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Subscriber:
    """One person with streams here."""

    __slots__ = (
        "changes",
        "doubts",
        "holders",
        "loading",
        "may_read",
        "peers",
        "person_id",
        "ready",
        "reload_at",
        "reloading",
        "resync_timer",
        "resynced_at",
        "streams",
        "subscriptions",
        "tenant_id",
    )

    def __init__(self, tenant_id: str, person_id: str) -> None:
        self.tenant_id = tenant_id
        self.person_id = person_id
        self.streams = Listeners()
        self.subscriptions: dict[str, Subscription] = {}
        # People with a direct conversation with the person, which lasts for ever. Not a set: an
        # empty one takes three times as much memory.
        self.peers: dict[str, None] = {}
        # Streams that are open or being opened.
        self.holders = 0
        # True if the person's roles let them read messages at all.
        self.may_read = True
        # True once the subscriptions are known; until then, the task that loads them.
        self.ready = False
        self.loading: asyncio.Task[None] | None = None
        self.reloading: asyncio.Task[None] | None = None
        # Conversations to query the owner about again, with the reason; `_ALL` stands for every
        # one.
        self.doubts: dict[str, str] = {}
        # Time of the last notice to fetch the person's private objects, and the timer of the next
        # one.
        self.resynced_at = float("-inf")
        self.resync_timer: asyncio.TimerHandle | None = None
        # The earliest time, by the loop's clock, at which the owner is queried again.
        self.reload_at = 0.0
        # While the owner is being asked: by conversation the version of the last change of the
        # person's membership, and their stays; None when they are a member no longer.
        self.changes: dict[str, tuple[int, Ranges | None]] | None = None

    @property
    def asked(self) -> bool:
        """True if the owner was queried, or is being queried, for the subscriptions."""
        return self.ready or self.loading is not None

    def notify(self, chunk: Chunk, *, permission: str = READ) -> None:
        """Put a chunk into the streams whose tokens have a permission."""
        for listener in self.streams:
            if permission in listener.permissions:
                listener.send_buffer.put(chunk)


class Subscription:
    """One person's place in a conversation, shared by all of the person's streams here."""

    __slots__ = ("channel", "first_open", "live", "person", "ranges", "sure")

    def __init__(
        self, person: Subscriber, channel: "Channel", ranges: Ranges, *, sure: bool
    ) -> None:
        self.person = person
        self.channel = channel
        # False while the owner is being asked: nothing is delivered, and a Resync comes after.
        self.live = True
        self.allow(ranges, sure=sure)

    def allow(self, ranges: Ranges, *, sure: bool) -> None:
        """Set the person's visible ranges.

        Args:
            ranges: every visible stretch.
            sure: False when the conversation may show its members more than their stays.
        """
        self.ranges = ranges
        self.sure = sure
        # Everything from here on is visible: the plain case costs one comparison.
        last = ranges[-1] if ranges else (0, -1)
        self.first_open = last[0] if last[1] == 0 else None

    def sees(self, seq: int) -> bool:
        """Return whether a fact about this message is visible; 0 for a fact about no message."""
        return seq == 0 or any(
            first <= seq and (last == 0 or seq <= last) for first, last in self.ranges
        )

    def sees_from(self, seq: int) -> bool:
        """Return whether everything about this message and later ones is visible."""
        return self.first_open is not None and self.first_open <= seq


class Channel:
    """A conversation as this gateway knows it."""

    __slots__ = (
        "beat",
        "history_known",
        "history_open",
        "id",
        "question",
        "subscriptions",
        "through",
    )

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        # Number of the last change applied here; 0: none seen yet.
        self.through = 0
        # The beat (see heartbeats) in which it came there.
        self.beat = 0
        self.history_known = False
        self.history_open = False
        self.subscriptions: dict[str, Subscription] = {}
        # Something is missing: the pending query of its owner (see doubts).
        self.question: Question | None = None

    def learn_history(self, *, everything: bool) -> bool:
        """Record whether members see earlier messages; return True if that changed."""
        changed = self.history_known and self.history_open != everything
        self.history_known = True
        self.history_open = everything
        return changed

    def visible(self, stays: Ranges) -> Ranges:
        """Return the ranges visible to a member with these stays, as far as the policy is known."""
        return EVERYTHING if self.history_open else stays

    def subscribe(self, person: Subscriber, stays: Ranges) -> Subscription:
        """Return a person's subscription; create it, or extend it with new stays."""
        ranges = self.visible(stays)
        subscription = self.subscriptions.get(person.person_id)
        if subscription is None:
            subscription = Subscription(person, self, ranges, sure=self.history_known)
            self.subscriptions[person.person_id] = subscription
            person.subscriptions[self.id] = subscription
        else:
            subscription.allow(ranges, sure=self.history_known)
        return subscription

    def unsubscribe(self, person: Subscriber) -> bool:
        """Remove a person's subscription; return whether there was one."""
        person.subscriptions.pop(self.id, None)
        return self.subscriptions.pop(person.person_id, None) is not None
