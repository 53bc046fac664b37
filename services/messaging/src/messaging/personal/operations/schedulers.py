"""Scheduler that sends each due scheduled message exactly once (MSG-17).

A scheduler claims a message by compare-and-set under a lease and sends it through the log with the
scheduled message's id as request id. So the successor of a killed scheduler finds a message that is
stored already instead of storing it again (MSG-3). Any number of schedulers may run.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import structlog
from plexus_access.decisions import Asker, Decisions
from plexus_access.objects import CONVERSATION, Object
from plexus_access.roles import GUEST
from plexuskit import fault
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, Kind, Refusal
from plexuskit.ids import new_id
from plexuskit.metrics import counter
from plexuskit.mongo import Transaction

from messaging.config import ScheduleSection
from messaging.conversations.operations.people import People, require_active
from messaging.log.operations.logs import Log
from messaging.messages.domain.messages import NewMessage
from messaging.messages.operations.messages import SEND, send_message
from messaging.personal.domain.refusals import TokenRevoked
from messaging.personal.domain.scheduled import (
    Scheduled,
    State,
    claimed,
    failed,
    is_past_grace,
    overdue,
    sent,
)
from messaging.personal.events import scheduled_changed
from messaging.personal.store.stores import Store

log = structlog.get_logger()

SETTLED = counter(
    "plexus_messaging_scheduled_total", "Scheduled messages by what became of them", ["state"]
)

# No verdict on the message: the next attempt may have another outcome.
PASSING = frozenset((Kind.UNAVAILABLE, Kind.EXHAUSTED))


class Tokens(Protocol):
    """Directory's word on API tokens."""

    async def ended(self, token_id: str) -> bool:
        """Return whether an API token was revoked, has expired or is unknown.

        Raises:
            DependencyDown: directory cannot be reached.
        """
        ...


class Scheduler:
    """Sends due messages, one round at a time."""

    def __init__(
        self,
        log_: Log[Store],
        people: People,
        *,
        tokens: Tokens,
        decisions: Decisions,
        read: Callable[[Scheduled], NewMessage],
        section: ScheduleSection,
        clock: Clock,
    ) -> None:
        """Keep the dependencies used for sending.

        Args:
            log_: access to the conversations.
            people: directory's answers on active people.
            tokens: directory's answers on API tokens.
            decisions: decides on roles and policies when a message is sent (GW-10).
            read: makes the draft of a scheduled message as SendMessage would, or refuses it.
            section: settings.
            clock: current time, to find due messages.
        """
        self._log = log_
        self._store: Store = log_.store
        self._people = people
        self._tokens = tokens
        self._decisions = decisions
        self._read = read
        self._section = section
        self._clock = clock
        self._lease = timedelta(seconds=section.lease_seconds)
        self._stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Poll for due messages until stopped; without a pause after a full batch."""
        while not self._stopping:
            self._idle.clear()
            try:
                found = await self.fire_due()
            except DependencyDown as down:
                # Unclaimed messages wait; claimed ones are due again when their lease ends.
                log.warning("schedule.postponed", reason=str(down))
                found = 0
            finally:
                self._idle.set()
            if found < self._section.batch:
                await asyncio.sleep(self._section.poll_seconds)

    async def finish(self) -> None:
        """Start no other round and wait for the end of this one."""
        self._stopping = True
        await self._idle.wait()

    async def fire_due(self) -> int:
        """Process a batch of due messages; return how many were due.

        Raises:
            DependencyDown: the database is unavailable.
        """
        due = await self._store.scheduled.due(now=self._clock.now(), limit=self._section.batch)
        # Concurrent schedulers begin at different ends.
        random.shuffle(due)
        async with asyncio.TaskGroup() as group:
            for scheduled in due:
                group.create_task(self._bring(scheduled))
        return len(due)

    async def _bring(self, due: Scheduled) -> None:
        """Move one message to its next state; a failure does not affect other messages."""
        try:
            await self._fire(due)
        except DependencyDown as down:
            log.warning("schedule.waits", scheduled_id=due.id, reason=str(down))
            await self._postpone(due)
        except Exception:
            log.exception("schedule.failed", scheduled_id=due.id)
            await self._postpone(due)

    async def _fire(self, due: Scheduled) -> None:
        if due.state is State.CLAIMED and await self._was_sent(due):
            return
        if is_past_grace(due, now=self._clock.now()):
            await self._settle(due, overdue(due))
            return
        try:
            await require_active(self._people, tenant_id=due.tenant_id, person_id=due.person_id)
            await self._require_permission(due)
        except Refusal as refusal:
            await self._refuse(due, refusal)
            return
        mine = claimed(
            due, lease=new_id("lse", now=self._clock.now()), until=self._clock.now() + self._lease
        )
        if not await self._swap(due, mine):
            return
        fault.point("schedule.after_claim")
        await self._send(mine)

    async def _require_permission(self, due: Scheduled) -> None:
        """Refuse a message that its author may not send now with the rights it was scheduled with.

        Raises:
            TokenRevoked: the API token has ended.
            PermissionMissing, ModuleOff, PolicyForbids, AccountInactive, AccessNotCurrent: see
                Decisions.check.
            DependencyDown: directory cannot be reached; never a guess.
        """
        authority = due.authority
        if authority.api_token_id and await self._tokens.ended(authority.api_token_id):
            raise TokenRevoked
        asker = Asker(
            tenant_id=due.tenant_id,
            person_id=due.person_id,
            app=bool(authority.api_token_id),
            scopes=authority.scopes,
            second_factor=authority.second_factor,
            # Directory has just confirmed that the person is active, and every active person is a
            # guest.
            roles=frozenset({GUEST}),
        )
        self._decisions.check(asker, SEND, Object(CONVERSATION, due.conversation_id))

    async def _send(self, mine: Scheduled) -> None:
        """Send a claimed message and store its outcome."""
        if mine.lease_until is None or self._clock.now() >= mine.lease_until:
            # This process was paused for so long that another may be sending it.
            log.warning("schedule.lease_lost", scheduled_id=mine.id)
            return
        try:
            stored = await send_message(self._log, new_message=self._read(mine))
        except Refusal as refusal:
            await self._refuse(mine, refusal)
            return
        fault.point("schedule.after_send")
        await self._settle(mine, sent(mine, seq=stored.seq, now=self._clock.now()))

    async def _was_sent(self, taken_over: Scheduled) -> bool:
        """Check if the previous scheduler had stored it; if so, record that it was sent."""
        place = taken_over.conversation_id
        found = await self._store.entries.find_requests({place: [taken_over.id]})
        original = found.get((place, taken_over.person_id, taken_over.id))
        if original is None:
            return False
        log.info("schedule.found_stored", scheduled_id=taken_over.id, seq=original["seq"])
        now = self._clock.now()
        await self._settle(taken_over, sent(taken_over, seq=original["seq"], now=now))
        return True

    async def _refuse(self, scheduled: Scheduled, refusal: Refusal) -> None:
        if refusal.kind in PASSING:
            # It may have been stored: a claimed message stays claimed until its lease ends.
            raise DependencyDown from refusal
        await self._settle(scheduled, failed(scheduled, reason=refusal.reason))

    async def _settle(self, previous: Scheduled, after: Scheduled) -> None:
        if await self._swap(previous, after):
            SETTLED.labels(state=after.state.value).inc()
            log.info(
                "schedule.settled",
                scheduled_id=after.id,
                conversation_id=after.conversation_id,
                state=after.state.value,
                reason=after.failure_reason,
            )

    async def _swap(self, previous: Scheduled, after: Scheduled) -> bool:
        """Write the next state with its fact unless another scheduler was faster."""

        async def work(tx: Transaction) -> bool:
            if not await self._store.scheduled.swap(previous, after, tx=tx):
                return False
            if after.version != previous.version:
                fact = scheduled_changed(after, now=self._clock.now())
                await self._store.outbox.add(fact, tx=tx)
            return True

        swapped = await self._store.transact(work)
        if not swapped:
            log.info("schedule.overtaken", scheduled_id=previous.id)
        return swapped

    async def _postpone(self, due: Scheduled) -> None:
        """Postpone the next attempt, so that a stuck message does not block those behind it.

        If it was claimed meanwhile, the lease decides the time.
        """
        until = self._clock.now() + timedelta(seconds=self._section.retry_seconds)
        try:
            await self._store.scheduled.postpone(due, until=until)
        except DependencyDown:
            log.warning("schedule.not_postponed", scheduled_id=due.id)
