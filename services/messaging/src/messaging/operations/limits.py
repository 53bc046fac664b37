"""How fast messages may come, from one sender and into one conversation (MSG-18)."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from plexuskit.clock import Clock

from messaging.config import LimitsSection
from messaging.domain.messages import NewMessage
from messaging.domain.refusals import ConversationTooBusy, SenderTooFast

MAX_REMEMBERED = 100_000


@dataclass(slots=True)
class _Bucket:
    """Tokens as they were at a time; they come back at a steady rate."""

    tokens: float
    at: float


class Buckets:
    """Token buckets by key; those unused for longest are forgotten, which fills them."""

    def __init__(self, *, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Give how many seconds until a token of the key is there; 0: it is there now."""
        tokens = self._filled(key, now).tokens
        return 0.0 if tokens >= 1 else (1 - tokens) / self.per_second

    def take(self, key: str, now: float) -> None:
        """Take a token that `wait` has found."""
        self._filled(key, now).tokens -= 1

    def _filled(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
            if len(self._buckets) > MAX_REMEMBERED:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(key)
        gained = (now - bucket.at) * self.per_second
        bucket.tokens, bucket.at = min(self._burst, bucket.tokens + gained), now
        return bucket


class Limits:
    """The limits of one process: a conversation is normally written by one (architecture)."""

    def __init__(self, section: LimitsSection, *, clock: Clock) -> None:
        self._clock = clock
        self._senders = Buckets(per_second=section.sender_rate, burst=section.sender_burst)
        self._conversations = Buckets(
            per_second=section.conversation_rate, burst=section.conversation_burst
        )

    def admit(self, new_message: NewMessage) -> None:
        """Let a message in, or refuse it before it joins a batch; history is not limited (MSG-19).

        Raises:
            SenderTooFast, ConversationTooBusy: with how long to wait.
        """
        if new_message.imported is not None:
            return
        now = self._clock.monotonic()
        wait = self._senders.wait(new_message.sender_id, now)
        if wait:
            raise SenderTooFast(
                per_second=round(self._senders.per_second), retry_after=timedelta(seconds=wait)
            )
        wait = self._conversations.wait(new_message.conversation_id, now)
        if wait:
            raise ConversationTooBusy(
                per_second=round(self._conversations.per_second),
                retry_after=timedelta(seconds=wait),
            )
        self._senders.take(new_message.sender_id, now)
        self._conversations.take(new_message.conversation_id, now)
