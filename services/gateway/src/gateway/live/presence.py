"""Presence of people, from the streams of all gateways and from clients' own signals.

Gateways report the start of a person's first stream and the end of the last one, on behalf of the
person, through messaging's SignalPresence: only the owner writes its topic. A client repeats its
presence every 60 seconds; after 90 seconds without a signal a person is offline, also when a
gateway died. If a person has streams at two gateways and one of them reports that they left, the
other one receives that signal, has a stream, and contradicts it. The end of a stream takes effect
only after 10 seconds, so a change of streams is not visible.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import structlog
from plexus.messaging.v1.signal_service_pb2 import Presence
from plexuskit.backoff import pause
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.items import item_failed
from plexuskit.metrics import counter
from plexuskit.timestamps import instant_of, timestamp

from gateway.identity import Identity

log = structlog.get_logger()

UNTOLD = counter("plexus_gateway_presence_untold_total", "Words on presence that were dropped")

State: TypeAlias = Presence.State.ValueType
ONLINE: Final = Presence.STATE_ONLINE
OFFLINE: Final = Presence.STATE_OFFLINE

LASTS: Final = timedelta(seconds=90)
LEAVING: Final = timedelta(seconds=10)
TOLD_AT_ONCE: Final = 8
MAX_UNREPORTED: Final = 20_000
_BACK_OFF: Final = (0.5, 5.0)

Say = Callable[[Identity, State], Awaitable[None]]
"""Reports to messaging on behalf of a person. Raises Refusal or RemoteFailure."""


class Word:
    """Latest signal of a person; `leaving_at` is set from the end of a stream until its effect."""

    __slots__ = ("leaving_at", "seen_at", "state")

    def __init__(self, state: State, seen_at: datetime) -> None:
        self.state = state
        self.seen_at = seen_at
        self.leaving_at: datetime | None = None


class Presences:
    """Visible presence of all people; only changes are published to streams."""

    def __init__(self, *, contradict: Callable[[str, State], bool]) -> None:
        """Set up presence with the local streams' objection.

        Args:
            contradict: called with a person who leaves and their previous state: returns whether
                they have streams here, and if so reports their presence again.
        """
        self._contradict = contradict
        # In order of the latest signal.
        self._words: OrderedDict[str, Word] = OrderedDict()
        # Those who leave, in order.
        self._leaving: OrderedDict[str, Word] = OrderedDict()

    def receive(self, presence: Presence, *, now: datetime) -> Presence | None:
        """Apply a signal; return the presence to show if it changed."""
        person_id, seen_at = presence.person_id, instant_of(presence.seen_at)
        word = self._words.get(person_id)
        if presence.state == OFFLINE:
            self._leave(person_id, word, at=seen_at)
            return None
        if presence.state == Presence.STATE_UNSPECIFIED or now - seen_at >= LASTS:
            return None
        self._leaving.pop(person_id, None)
        known = word is not None and word.state == presence.state
        self._words[person_id] = Word(presence.state, seen_at)
        self._words.move_to_end(person_id)
        return None if known else presence

    def _leave(self, person_id: str, word: Word | None, *, at: datetime) -> None:
        state = ONLINE if word is None else word.state
        if self._contradict(person_id, state) or word is None or word.leaving_at is not None:
            return
        word.leaving_at = at
        self._leaving[person_id] = word

    def expire(self, *, now: datetime) -> list[Presence]:
        """Drop people whose presence expired; return the presence to show of them."""
        gone: list[Presence] = []
        while self._leaving:
            person_id, word = next(iter(self._leaving.items()))
            if word.leaving_at is None or now - word.leaving_at < LEAVING:
                break
            del self._leaving[person_id]
            del self._words[person_id]
            gone.append(_offline(person_id, word))
        while self._words:
            person_id, word = next(iter(self._words.items()))
            if now - word.seen_at < LASTS:
                break
            del self._words[person_id]
            self._leaving.pop(person_id, None)
            gone.append(_offline(person_id, word))
        return gone


def _offline(person_id: str, word: Word) -> Presence:
    return Presence(person_id=person_id, state=OFFLINE, seen_at=timestamp(word.seen_at))


class PresencePublisher:
    """Reports the beginning of people's first stream and the end of their last one.

    Never waits, never fails a stream: failed reports are retried unless a newer one exists, within
    bounds.
    """

    def __init__(self) -> None:
        self._here: dict[str, Identity] = {}
        self._untold: OrderedDict[str, tuple[Identity, State]] = OrderedDict()
        self._awake = asyncio.Event()

    def arrived(self, identity: Identity) -> None:
        """Record a person's first stream here."""
        self._here[identity.person_id] = identity
        self._queue(identity, ONLINE)

    def left(self, identity: Identity, *, announce: bool) -> None:
        """Record the end of a person's last stream here.

        Args:
            identity: the person.
            announce: False while this gateway drains: its people reconnect elsewhere in a moment.
        """
        self._here.pop(identity.person_id, None)
        if announce:
            self._queue(identity, OFFLINE)

    def contradict(self, person_id: str, state: State) -> bool:
        """Re-announce a user whom another gateway reported offline; return True if here."""
        identity = self._here.get(person_id)
        if identity is not None:
            self._queue(identity, state)
        return identity is not None

    def _queue(self, identity: Identity, state: State) -> None:
        self._untold[identity.person_id] = (identity, state)
        self._untold.move_to_end(identity.person_id)
        if len(self._untold) > MAX_UNREPORTED:
            self._untold.popitem(last=False)
            UNTOLD.inc()
        self._awake.set()

    async def run(self, say: Say) -> None:
        """Send pending reports until cancelled, several at once."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TOLD_AT_ONCE):
                tasks.create_task(self._work(say))

    async def _work(self, say: Say) -> None:
        failures = 0
        while True:
            await self._awake.wait()
            if not self._untold:
                self._awake.clear()
                continue
            person_id, (identity, state) = self._untold.popitem(last=False)
            try:
                await say(identity, state)
                failures = 0
                continue
            except (Refusal, RemoteFailure) as error:
                log.warning("presence.untold", error=str(error))
            except Exception as error:  # noqa: BLE001 - one person's presence (GW-8)
                item_failed(error, of="gateway.presence")
                continue
            # A state recorded meanwhile is newer.
            self._untold.setdefault(person_id, (identity, state))
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures += 1
