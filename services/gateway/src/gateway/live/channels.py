"""The conversations that one gateway knows, within bounds."""

from collections.abc import Iterator, Sequence

from gateway.live.subscriptions import Channel

# Numbers of conversations without subscribers here: useful for a Welcome's position only.
MAX_UNHEARD = 100_000


class Channels:
    """All conversations seen since the start; those without subscribers within bounds."""

    def __init__(self, *, max_unheard: int = MAX_UNHEARD) -> None:
        self._channels: dict[str, Channel] = {}
        self._max_unheard = max_unheard
        self._trim_at = 2 * max_unheard

    def get(self, conversation_id: str) -> Channel:
        """Return a conversation, new to this gateway or not."""
        channel = self._channels.get(conversation_id)
        if channel is None:
            if len(self._channels) >= self._trim_at:
                self._trim()
            channel = self._channels[conversation_id] = Channel(conversation_id)
        return channel

    def find(self, conversation_id: str) -> Channel | None:
        """Return a conversation that this gateway has seen."""
        return self._channels.get(conversation_id)

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def forget_numbers(self) -> None:
        """Record that events were missed: no number is known any more."""
        for channel in self._channels.values():
            channel.through = 0

    def _trim(self) -> None:
        """Forget the oldest conversations without subscribers here."""
        unheard: Sequence[str] = [
            id_
            for id_, channel in self._channels.items()
            if not channel.subscriptions and channel.question is None
        ]
        for id_ in unheard[: max(0, len(unheard) - self._max_unheard)]:
            del self._channels[id_]
        heard = len(self._channels) - min(len(unheard), self._max_unheard)
        self._trim_at = heard + 2 * self._max_unheard
