"""Timed events of streams: heartbeats, expiry, the end of their session.

One loop turns a wheel of slots, each a share of the streams, so that no stream has a timer and
heartbeats are spread evenly.
"""

import asyncio
import math
from datetime import timedelta
from typing import Final

from plexuskit.clock import Clock

from gateway.identity import EndedSessions, SessionEnded
from gateway.live import wire
from gateway.live.refusals import StreamExpired
from gateway.live.stream import Stream

BEAT_SECONDS: Final = 0.25
# A stream with that much unread data gets no positions; they follow with the next beat.
_BUSY_BYTES: Final = 64 * 1024


class HeartbeatWheel:
    """The wheel that open streams sit on."""

    def __init__(
        self,
        ended: EndedSessions,
        *,
        clock: Clock,
        heartbeat_seconds: float,
        grace: timedelta,
    ) -> None:
        """Set up the wheel.

        Args:
            ended: knows which signed-in sessions have ended (GW-4).
            clock: time for expiry.
            heartbeat_seconds: interval of each stream's heartbeats.
            grace: time that a stream outlives its token.
        """
        self._ended = ended
        self._clock = clock
        self._grace = grace
        self._slots: list[dict[Stream, None]] = [
            {} for _ in range(max(1, math.ceil(heartbeat_seconds / BEAT_SECONDS)))
        ]
        self._next_slot = 0
        self._slot_of: dict[Stream, int] = {}
        # The current beat; 1 at the start, so that a conversation's 0 means never.
        self.number = 1

    def now(self) -> int:
        """Return the current beat."""
        return self.number

    def add(self, stream: Stream) -> None:
        """Put a stream on the wheel; its first heartbeat comes within one turn."""
        slot = self._next_slot
        self._next_slot = (slot + 1) % len(self._slots)
        self._slots[slot][stream] = None
        self._slot_of[stream] = slot
        stream.beat = self.number

    def remove(self, stream: Stream) -> None:
        """Remove a stream from the wheel."""
        del self._slots[self._slot_of.pop(stream)][stream]

    @property
    def streams(self) -> list[Stream]:
        """Every stream on the wheel."""
        return list(self._slot_of)

    async def run(self) -> None:
        """Turn until cancelled."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.turn()

    def turn(self) -> None:
        """Handle the streams of this beat."""
        self.number += 1
        self._end_what_is_over()
        slot = self._slots[self.number % len(self._slots)]
        if not slot:
            return
        now_ms = int(self._clock.now().timestamp() * 1000)
        quiet = wire.heartbeat(server_time_ms=now_ms)
        for stream in slot:
            if stream.send_buffer.waiting_bytes > _BUSY_BYTES:
                continue
            positions = stream.positions(since_beat=stream.beat)
            stream.beat = self.number
            stream.send_buffer.put(
                wire.heartbeat(server_time_ms=now_ms, positions=positions) if positions else quiet
            )

    def _end_what_is_over(self) -> None:
        """End streams whose session has ended (GW-4) or whose token is past its grace."""
        latest = self._clock.now() - self._grace
        for stream in self._slot_of:
            if self._ended.is_ended(stream.identity.session_id):
                stream.send_buffer.end(SessionEnded(), at_once=True)
            elif stream.identity.expires_at <= latest:
                stream.send_buffer.end(StreamExpired(), at_once=True)
