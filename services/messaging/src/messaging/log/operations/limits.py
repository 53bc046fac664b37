"""Rate limits per sender and per conversation (MSG-18)."""

from datetime import timedelta

from plexuskit.buckets import Buckets
from plexuskit.clock import Clock

from messaging.config import LimitsSection
from messaging.log.domain.refusals import ConversationTooBusy, SenderTooFast
from messaging.log.domain.submissions import Submission

MAX_REMEMBERED = 100_000


class Limits:
    """The limits of one process: a conversation is normally written by one (architecture)."""

    def __init__(self, section: LimitsSection, *, clock: Clock) -> None:
        self._clock = clock
        self._section = section
        self._senders = Buckets(
            per_second=section.sender_rate, burst=section.sender_burst, kept=MAX_REMEMBERED
        )
        self._conversations = Buckets(
            per_second=section.conversation_rate,
            burst=section.conversation_burst,
            kept=MAX_REMEMBERED,
        )

    def admit(self, new_message: Submission) -> None:
        """Admit a message, or refuse it before it joins a batch; imports are not limited (MSG-19).

        Raises:
            SenderTooFast, ConversationTooBusy: with the time to wait.
        """
        if new_message.imported is not None:
            return
        now = self._clock.monotonic()
        wait = self._senders.take(new_message.sender_id, now)
        if wait:
            raise SenderTooFast(
                per_second=round(self._section.sender_rate), retry_after=timedelta(seconds=wait)
            )
        wait = self._conversations.take(new_message.conversation_id, now)
        if wait:
            self._senders.give_back(new_message.sender_id)
            raise ConversationTooBusy(
                per_second=round(self._section.conversation_rate),
                retry_after=timedelta(seconds=wait),
            )
