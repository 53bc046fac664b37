"""Sessions that ended before their tokens expired (GW-4)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

import structlog
from plexuskit.clock import Clock

# Longer than any accepted access token lives (`tokens.MAX_LIFE`): none outlives this record.
REMEMBERED: Final = timedelta(hours=2)
# A stream continues for a while after its token has expired, and can still be ended then.
_AFTER_EXPIRY: Final = timedelta(minutes=5)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Use:
    """A session in use: its person, issue time of its newest token, and expiry of this record."""

    person_id: str
    issued_at: datetime
    until: datetime


class EndedSessions:
    """Keeps the sessions that ended, and notifies their open streams.

    It is fed by `watching`: by directory's events at once, and by a query every 30 s.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._ended: dict[str, datetime] = {}
        self._deactivated: dict[str, datetime] = {}
        self._in_use: dict[str, _Use] = {}
        # Weak: an event lives as long as a stream waits for it.
        self._events: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def is_ended(self, session_id: str) -> bool:
        """Return whether a session is known to have ended."""
        return session_id in self._ended

    def ended_event(self, session_id: str) -> asyncio.Event:
        """Return an event that is set once a session has ended; keep a reference to it."""
        event = self._events.get(session_id)
        if event is None:
            event = self._events[session_id] = asyncio.Event()
            if session_id in self._ended:
                event.set()
        return event

    def use(self, *, session_id: str, person_id: str, issued_at: datetime, until: datetime) -> None:
        """Record that a token of a session was verified: from now on the session is watched.

        Args:
            session_id: the token's session.
            person_id: its person.
            issued_at: issue time of the token; one from before the person's deactivation ends.
            until: expiry of the token.
        """
        until += _AFTER_EXPIRY
        previous = self._in_use.get(session_id)
        if previous is not None:
            issued_at = max(issued_at, previous.issued_at)
            until = max(until, previous.until)
        self._in_use[session_id] = _Use(person_id, issued_at, until)

        deactivated_at = self._deactivated.get(person_id)
        if deactivated_at is not None and issued_at <= deactivated_at:
            self.end([session_id])

    def in_use(self) -> list[str]:
        """Return the sessions that are watched and have not ended."""
        return [session_id for session_id in self._in_use if session_id not in self._ended]

    def end(self, session_ids: Iterable[str]) -> None:
        """Record that sessions have ended, and wake their waiters."""
        now = self._clock.now()
        for session_id in session_ids:
            if session_id in self._ended:
                continue
            self._ended[session_id] = now
            event = self._events.get(session_id)
            if event is not None:
                event.set()
            if session_id in self._in_use:
                log.info("session.ended", session_id=session_id)

    def deactivate(self, person_id: str, *, at: datetime) -> None:
        """Record that a person was deactivated: the sessions in use end, and so do unseen tokens.

        Args:
            person_id: the person.
            at: the time; tokens issued later, after a reactivation, are valid again.
        """
        self._deactivated[person_id] = max(at, self._deactivated.get(person_id, at))
        self.end(
            [
                session_id
                for session_id, use in self._in_use.items()
                if use.person_id == person_id and use.issued_at <= at
            ]
        )

    def forget(self) -> None:
        """Drop sessions that no valid token belongs to any more."""
        now = self._clock.now()
        for session_id in [each for each, use in self._in_use.items() if use.until <= now]:
            del self._in_use[session_id]
        for known in (self._ended, self._deactivated):
            for key in [each for each, at in known.items() if at + REMEMBERED <= now]:
                del known[key]
