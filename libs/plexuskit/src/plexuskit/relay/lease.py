"""Lease and position of a relay: one document per relay, fenced by its owner's id."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from plexuskit.backoff import jittered
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown
from plexuskit.mongo import Database, DuplicateKey

COLLECTION = "relay_leases"
SCHEMA_VERSION = 1

TTL = timedelta(seconds=10)
RENEWED_EVERY = 0.3  # of the lease's life
ASKED_EVERY = timedelta(milliseconds=500)
_SPREAD = (0.8, 1.2)
# Of its life: less by the difference of two machines' clock speeds and a reply's duration.
TRUSTED = 0.9

log = structlog.get_logger()


class LeaseLost(Exception):  # noqa: N818 - names the fact, like a refusal
    """Another relay has taken over; nothing may be published any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """Stored position of a relay.

    Attributes:
        token: where the change stream resumes, or None to start again.
        complete_to: everything stored before this time was published or is after the token; None if
            unknown.
        replaying: true if the facts stored since `complete_to` must be compared with those
            published, because the stream was started again.
    """

    token: dict[str, Any] | None
    complete_to: datetime | None
    replaying: bool


class Lease:
    """Lease of the relay, for ten seconds at a time by default.

    Its end is decided by the server's clock, and trusted by the holder for a little less on its own
    monotonic clock, which runs on while the process is paused. It limits work: a record already on
    its way to Kafka cannot be recalled.
    """

    def __init__(self, db: Database, *, name: str, clock: Clock, lives: timedelta = TTL) -> None:
        self._lives = lives
        self._leases = db.collection(COLLECTION, schema_version=SCHEMA_VERSION)
        self._name = name
        self._clock = clock
        self._owner = secrets.token_hex(8)
        self._trusted_until = float("-inf")

    @property
    def held(self) -> bool:
        """True if the lease is certainly ours at this moment."""
        return self._clock.monotonic() < self._trusted_until

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for the lease, renew it in the background, release it at the end."""
        await self._introduce()
        while not await self._take(or_expired=True):
            every = ASKED_EVERY.total_seconds()
            await asyncio.sleep(jittered(every, spread=_SPREAD))
        log.info("relay.lease_taken", relay=self._name, owner=self._owner)

        renewing = asyncio.create_task(self._renew(), name=f"relay-lease-{self._name}")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
            await self._give_back()

    async def ensure(self) -> None:
        """Return if the lease is ours, after asking again if it may have run out.

        Raises:
            LeaseLost: another relay has it, or had it in the meantime.
            DependencyDown: the server cannot be asked.
        """
        if not self.held and not await self._take(or_expired=False):
            raise LeaseLost(self._name)

    async def position(self) -> Position:
        """Return the stored position of this relay; a new one has none.

        Raises:
            DependencyDown: the server cannot be asked.
        """
        kept = await self._leases.find_one({"_id": self._name}) or {}
        return Position(
            token=kept.get("token"),
            complete_to=kept.get("complete_to"),
            replaying=kept.get("replaying", False),
        )

    async def save(self, position: Position) -> None:
        """Store how far this relay has come, only while it is the owner.

        Raises:
            LeaseLost: another relay has taken over; its position stays.
            DependencyDown: the server cannot be reached.
        """
        change = {
            "token": position.token,
            "complete_to": position.complete_to,
            "replaying": position.replaying,
        }
        owned = {"_id": self._name, "owner": self._owner}
        if not await self._leases.update(owned, {"$set": change}):
            raise LeaseLost(self._name)

    async def _take(self, *, or_expired: bool) -> bool:
        """Acquire or renew the lease; return whether it is ours now."""
        asked = self._clock.monotonic()
        ours: dict[str, Any] = {"owner": self._owner}
        wanted = {"$or": [ours, {"$expr": {"$lte": ["$expires_at", "$$NOW"]}}]}
        until = {"$add": ["$$NOW", int(self._lives.total_seconds() * 1000)]}
        matched = await self._leases.update(
            {"_id": self._name, **(wanted if or_expired else ours)},
            [{"$set": {"owner": self._owner, "expires_at": until}}],
        )
        if matched:
            self._trusted_until = asked + self._lives.total_seconds() * TRUSTED
        return bool(matched)

    async def _introduce(self) -> None:
        """Make sure that the lease exists; a new one has run out already."""
        new = {"owner": "", "expires_at": datetime.fromtimestamp(0, UTC)}
        with suppress(DuplicateKey):  # two relays began at once: both want one document
            await self._leases.update({"_id": self._name}, {"$setOnInsert": new}, upsert=True)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lives.total_seconds() * RENEWED_EVERY)
            try:
                if not await self._take(or_expired=False):
                    self._trusted_until = float("-inf")
            except DependencyDown as error:
                # Trust in it runs out by itself; the work stops then and not earlier.
                log.warning(
                    "relay.lease_not_renewed", relay=self._name, error=repr(error.__cause__)
                )

    async def _give_back(self) -> None:
        self._trusted_until = float("-inf")
        try:
            await self._leases.update(
                {"_id": self._name, "owner": self._owner},
                [{"$set": {"owner": "", "expires_at": "$$NOW"}}],
            )
        except DependencyDown as error:
            # It runs out by itself.
            log.info("relay.lease_not_given_back", relay=self._name, error=str(error))
