"""Who in this gateway hears what of which conversation (MSG-14)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from plexus.authz.v1.authority_pb2 import Interval

if TYPE_CHECKING:
    from gateway.live.doubts import Question
    from gateway.live.subscribers import Subscriber

Ranges = tuple[tuple[int, int], ...]
"""The first and last `seq` of each visible stretch; last 0: no end."""

EVERYTHING: Ranges = ((1, 0),)
# Numbers of conversations that nobody here listens to: worth a Welcome's position, not more.
MAX_UNHEARD = 100_000


def ranges_of(intervals: Iterable[Interval]) -> Ranges:
    """Read intervals of the contract."""
    return tuple((interval.first_seq, interval.last_seq) for interval in intervals)


class Subscription:
    """One person's place in a conversation, shared by all of the person's streams here."""

    __slots__ = ("channel", "first_open", "live", "person", "ranges", "sure")

    def __init__(
        self, person: "Subscriber", channel: "Channel", ranges: Ranges, *, sure: bool
    ) -> None:
        self.person = person
        self.channel = channel
        # False while the owner is being asked: nothing is delivered, and a Resync comes after.
        self.live = True
        self.allow(ranges, sure=sure)

    def allow(self, ranges: Ranges, *, sure: bool) -> None:
        """Note what the person may see.

        Args:
            ranges: every visible stretch.
            sure: False when the conversation may let its members see more than their stays.
        """
        self.ranges = ranges
        self.sure = sure
        # Everything from here on is visible: the plain case costs one comparison.
        last = ranges[-1] if ranges else (0, -1)
        self.first_open = last[0] if last[1] == 0 else None

    def sees(self, seq: int) -> bool:
        """Tell whether a fact about this message is visible; 0 is about no message."""
        return seq == 0 or any(
            first <= seq and (last == 0 or seq <= last) for first, last in self.ranges
        )

    def sees_from(self, seq: int) -> bool:
        """Tell whether everything about this message and later ones is visible."""
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
        # Something is missing: what its owner is asked (see doubts).
        self.question: Question | None = None

    def learn_history(self, *, everything: bool) -> bool:
        """Note whether members see what was before them; tell whether that is a change."""
        changed = self.history_known and self.history_open != everything
        self.history_known = True
        self.history_open = everything
        return changed

    def visible(self, stays: Ranges) -> Ranges:
        """Give what a member with these stays may see, as far as the policy is known."""
        return EVERYTHING if self.history_open else stays

    def subscribe(self, person: "Subscriber", stays: Ranges) -> Subscription:
        """Give a person a place, or note new stays of one who has it."""
        ranges = self.visible(stays)
        subscription = self.subscriptions.get(person.person_id)
        if subscription is None:
            subscription = Subscription(person, self, ranges, sure=self.history_known)
            self.subscriptions[person.person_id] = subscription
            person.subscriptions[self.id] = subscription
        else:
            subscription.allow(ranges, sure=self.history_known)
        return subscription

    def unsubscribe(self, person: "Subscriber") -> bool:
        """Take a person's place away; tell whether there was one."""
        person.subscriptions.pop(self.id, None)
        return self.subscriptions.pop(person.person_id, None) is not None


class Channels:
    """Every conversation heard of since the start; those without listeners within bounds."""

    def __init__(self, *, max_unheard: int = MAX_UNHEARD) -> None:
        self._channels: dict[str, Channel] = {}
        self._max_unheard = max_unheard
        self._trim_at = 2 * max_unheard

    def get(self, conversation_id: str) -> Channel:
        """Give a conversation, new to this gateway or not."""
        channel = self._channels.get(conversation_id)
        if channel is None:
            if len(self._channels) >= self._trim_at:
                self._trim()
            channel = self._channels[conversation_id] = Channel(conversation_id)
        return channel

    def find(self, conversation_id: str) -> Channel | None:
        """Give a conversation that this gateway has heard of."""
        return self._channels.get(conversation_id)

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def forget_numbers(self) -> None:
        """Note that events were missed: no number is known any more."""
        for channel in self._channels.values():
            channel.through = 0

    def _trim(self) -> None:
        """Forget the oldest conversations that nobody here listens to."""
        unheard: Sequence[str] = [
            id_
            for id_, channel in self._channels.items()
            if not channel.subscriptions and channel.question is None
        ]
        for id_ in unheard[: max(0, len(unheard) - self._max_unheard)]:
            del self._channels[id_]
        heard = len(self._channels) - min(len(unheard), self._max_unheard)
        self._trim_at = heard + 2 * self._max_unheard
