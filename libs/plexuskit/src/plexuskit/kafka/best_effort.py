"""Best-effort publisher for ephemeral events; never blocks, drops and counts what expires.

For signals that are valid for seconds. Callers never learn whether Kafka is available, and never
wait for it: a record that cannot be sent soon is worthless.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog

from plexuskit.clock import Clock
from plexuskit.config import KafkaSection
from plexuskit.kafka.producer import Outgoing, Producer, producer
from plexuskit.kafka.refusals import KafkaUnavailable, RecordTooLarge
from plexuskit.kafka.verdicts import back_off
from plexuskit.metrics import counter
from plexuskit.runtime import Runtime

log = structlog.get_logger()

DROPPED = counter(
    "plexus_lossy_dropped_total", "Records that may be lost and were", labels=("reason",)
)
SENT = counter("plexus_lossy_sent_total", "Records that may be lost and arrived")

FULL: Final = "FULL"
STALE: Final = "STALE"
UNAVAILABLE: Final = "UNAVAILABLE"

_BATCH = 500
_MAX_PAUSE = 5.0
_SENDING = timedelta(seconds=5)


class BestEffortProducer:
    """A bounded queue before a producer with acks=1."""

    def __init__(
        self, section: KafkaSection, *, clock: Clock, maximum: int, fresh: timedelta, check: str
    ) -> None:
        self._section = section
        self._clock = clock
        self._maximum = maximum
        self._fresh = fresh.total_seconds()
        self._check = check
        self._waiting: deque[tuple[float, Outgoing]] = deque()
        self._awake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Number of waiting records."""
        return len(self._waiting)

    def offer(self, record: Outgoing) -> None:
        """Queue a record and return at once; beyond the bound the oldest one is dropped."""
        if len(self._waiting) >= self._maximum:
            self._waiting.popleft()
            DROPPED.labels(FULL).inc()
        self._waiting.append((self._clock.monotonic(), record))
        self._awake.set()

    async def run(self, runtime: Runtime) -> None:
        """Send offered records until cancelled; the check shows whether they arrive."""
        failures = 0
        async with producer(self._section, within=_SENDING, durable=False) as out:
            while True:
                await self._awake.wait()
                self._awake.clear()
                while batch := self._take():
                    failed = await self._send(out, batch)
                    if failed and not failures:
                        log.warning("lossy.unavailable", check=self._check, error=failed)
                    failures = failures + 1 if failed else 0
                    runtime.health.set(self._check, ok=not failed, detail=failed, required=False)
                    if failures:
                        await asyncio.sleep(back_off(failures, max_pause=_MAX_PAUSE))

    async def _send(self, out: Producer, batch: list[Outgoing]) -> str:
        """Send a batch, or drop it; return the problem, empty for none."""
        try:
            await out.send_batch(batch)
        except (KafkaUnavailable, RecordTooLarge) as error:
            DROPPED.labels(UNAVAILABLE).inc(len(batch))
            return str(error)
        SENT.inc(len(batch))
        return ""

    def _take(self) -> list[Outgoing]:
        """Dequeue the next records, dropping expired ones."""
        oldest = self._clock.monotonic() - self._fresh
        while self._waiting and self._waiting[0][0] < oldest:
            self._waiting.popleft()
            DROPPED.labels(STALE).inc()
        count = min(len(self._waiting), _BATCH)
        return [self._waiting.popleft()[1] for _ in range(count)]


@asynccontextmanager
async def best_effort_producer(
    section: KafkaSection,
    *,
    runtime: Runtime,
    maximum: int = 10_000,
    fresh: timedelta = timedelta(seconds=3),
    check: str = "signals",
) -> AsyncIterator[BestEffortProducer]:
    """Provide a queue for the time of the block; Kafka may be away before, in and after it.

    Args:
        section: Address of Kafka and prefix of names.
        runtime: The process; its check `check` is shown and never required.
        maximum: Maximum number of waiting records.
        fresh: Maximum age of a record when it is sent.
        check: Name of the check.
    """
    queue = BestEffortProducer(
        section, clock=runtime.clock, maximum=maximum, fresh=fresh, check=check
    )
    async with runtime.kept(f"kafka.{check}", lambda: queue.run(runtime)):
        yield queue
