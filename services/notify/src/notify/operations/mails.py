"""Delivery of due e-mails to the mail server (NTF-1 to NTF-4, NTF-7 to NTF-9).

A sender takes mails by compare-and-set under a lease, asks once more whether each may still be
sent, hands it over and stores what came of it. A crash between the server's answer and the stored
outcome leaves the mail due again when the lease ends: it is then sent a second time, with the same
Message-ID.
"""

import asyncio
from collections import deque
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from plexus_access.decisions import Decisions
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, InvalidArgument, Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.health import describe
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from notify import events
from notify.domain.attempts import Answer, RetryPolicy, abandoned, postponed, settled
from notify.domain.kinds import OWNERS
from notify.domain.mails import Mail, compose
from notify.domain.notifications import Delivery, Notification, with_email
from notify.domain.outcomes import Reason
from notify.domain.people import Person
from notify.domain.pipeline import DeliveryContext, email_obstacle, release_at
from notify.operations.notifications import covered
from notify.operations.permits import carries_content, outside
from notify.store import Store

log = structlog.get_logger()


class Connection(Protocol):
    """One connection to the mail server; opened by the first mail, opened again after a loss."""

    async def send(self, mail: Mail) -> Answer:
        """Hand over a mail and return the server's response; raises nothing of the mail system."""
        ...


class MailServer(Protocol):
    """The outer seam: the mail server."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Return a connection for one batch."""
        ...


class Owners(Protocol):
    """Owners of the notifications' sources."""

    async def readable(self, notification: Notification) -> bool:
        """Return whether the person may read the source now, and it is not recalled.

        Raises:
            Refusal: the owner cannot be reached, or does not answer this now.
            RemoteFailure: the owner failed unexpectedly.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRules:
    """Rules of sending mails: see the settings of the same names."""

    sender: str
    content: bool
    batch: int
    connections: int
    lease: timedelta
    # Maximum duration for one mail, the recheck included.
    mail_time: timedelta
    jitter: timedelta
    retries: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Result of a round: the number of mails claimed, and whether the server was unreachable."""

    taken: int
    unreachable: bool


class Sender:
    """Sends due mails, one round at a time; any number of senders may run."""

    def __init__(
        self,
        store: Store,
        *,
        server: MailServer,
        owners: Owners,
        decisions: Decisions,
        rules: SendingRules,
        clock: Clock,
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._server = server
        self._owners = owners
        self._rules = rules
        self._clock = clock
        self._stopping = False
        # Unexpected error of the last round; empty for none.
        self.unexpected = ""

    def stop(self) -> None:
        """Start no other mail; claimed mails that were not started are released."""
        self._stopping = True

    async def send_due(self) -> Sent:
        """Claim a batch of due e-mails and take each to an outcome or its next attempt.

        Raises:
            DependencyDown: the database is unavailable; claimed mails are due again after the
                lease.
        """
        self.unexpected = ""
        now = self._clock.now()
        lease, until = new_id("lse", now=now), now + self._rules.lease
        taken = await self._store.notifications.claim_due(
            lease=lease, until=until, now=now, limit=self._rules.batch
        )
        if not taken:
            return Sent(taken=0, unreachable=False)
        waiting = deque(sorted(taken, key=lambda each: each.id))
        answers: list[Answer] = []
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._rules.connections, len(waiting))):
                workers.create_task(self._work(waiting, answers, until=until))
        if waiting:
            left = [each.id for each in waiting]
            await self._store.notifications.release(left, lease=lease, now=self._clock.now())
        return Sent(taken=len(taken), unreachable=Answer.UNREACHABLE in answers)

    async def _work(
        self, waiting: deque[Notification], answers: list[Answer], *, until: datetime
    ) -> None:
        """Send waiting mails over one connection."""
        async with self._server.connection() as connection:
            while waiting and not self._stopping:
                if self._clock.now() + self._rules.mail_time > until:
                    # The lease could end before the outcome is stored, and another sender begin.
                    log.warning("sender.lease_too_short", left=len(waiting))
                    return
                answer = await self._bring_alone(waiting.popleft(), connection)
                if answer is not None:
                    answers.append(answer)

    async def _bring_alone(self, taken: Notification, connection: Connection) -> Answer | None:
        """Process one mail; an unexpected error does not affect other mails.

        Raises:
            DependencyDown: the database is unavailable, so no mail can be stored.
        """
        try:
            return await self._bring(taken, connection)
        except DependencyDown:
            raise
        except Exception as error:
            self.unexpected = describe(error)
            log.exception("mail.failed", notification_id=taken.id)
            # The server may have accepted it: tried again later, and dropped in the end.
            policy, now = self._rules.retries, self._clock.now()
            outcome = settled(taken.email, Answer.UNANSWERED, policy=policy, now=now)
            await self._store_outcome(taken, outcome)
            return None

    async def _bring(self, taken: Notification, connection: Connection) -> Answer | None:
        """Process one mail; return the server's response if it was contacted."""
        lease = taken.email.lease
        notification = await self._store.notifications.held(taken.id, lease=lease)
        if notification is None:
            log.warning("mail.lease_lost", notification_id=taken.id)
            return None
        verdict = await self._look_again(notification)
        if isinstance(verdict, Delivery):
            await self._store_outcome(notification, verdict)
            return None
        try:
            content = carries_content(self._decisions, outside(notification), notification)
        except Refusal as refusal:
            log.warning("sender.access_unknown", kind=notification.kind.name, why=str(refusal))
            await self._store_outcome(notification, self._unreachable(notification))
            return None
        answer = await self._hand_over(notification, verdict, connection, content=content)
        now = self._clock.now()
        outcome = settled(notification.email, answer, policy=self._rules.retries, now=now)
        await self._store_outcome(notification, outcome)
        return answer

    async def _look_again(self, notification: Notification) -> Person | Delivery:
        """Decide again on current data; return the recipient, or the outcome of the mail."""
        now, email = self._clock.now(), notification.email
        context = await self._context(notification)
        reason = email_obstacle(context, kind=notification.kind)
        reason = reason or await self._untrue(notification)
        person = context.person
        if reason is not None or person is None:
            return abandoned(email, reason=reason or Reason.NO_ADDRESS, now=now)
        release = release_at(email.id, context, now=now, jitter=self._rules.jitter)
        if release is not None:
            return postponed(email, release=release, now=now)
        if notification.source.kind not in OWNERS:
            # No content of a user: that the person is active was checked above.
            return person
        try:
            readable = await self._owners.readable(notification)
        except (Refusal, RemoteFailure) as refusal:
            # Never guess: only the owner knows whether the text may still be shown. An owner that
            # fails on this one is asked again too, until `give_up_after`.
            log.warning("sender.owner_unreachable", kind=notification.kind.name, why=str(refusal))
            return self._unreachable(notification)
        return person if readable else abandoned(email, reason=Reason.ACCESS_LOST, now=now)

    def _unreachable(self, notification: Notification) -> Delivery:
        """Return a delivery that is retried: the owner of the text does not answer."""
        return settled(
            notification.email,
            Answer.OWNER_UNREACHABLE,
            policy=self._rules.retries,
            now=self._clock.now(),
        )

    async def _untrue(self, notification: Notification) -> Reason | None:
        """Return the reason why the notification is no longer valid, by the rule of its kind."""
        outdated = self._store.kinds.outdated.get(notification.kind)
        if outdated is None:
            return None
        task = await self._store.tasks.get(notification.source.id)
        return outdated(notification.step, task) if task else None

    async def _context(self, notification: Notification) -> DeliveryContext:
        person_id, source = notification.person_id, notification.source
        people = await self._store.people.find([person_id])
        preferences = await self._store.preferences.get(person_id)
        places = {
            (source.conversation_id, person_id, 0),
            (source.conversation_id, person_id, source.root_seq),
        }
        through = await self._store.conversations.read_through(places)
        here = (source.conversation_id, person_id)
        muted = not notification.passes_mute and bool(
            await self._store.mutes.muted({here}, now=self._clock.now())
        )
        return DeliveryContext(
            person=people.get(person_id),
            preferences=preferences,
            own=False,
            readable=True,
            read=notification.read or covered(notification, through),
            muted=muted,
        )

    async def _hand_over(
        self,
        notification: Notification,
        person: Person,
        connection: Connection,
        *,
        content: bool,
    ) -> Answer:
        email = notification.email
        try:
            mail = compose(
                notification,
                person=person,
                sender=self._rules.sender,
                content=content and self._rules.content and not notification.confidential,
                at=email.first_attempt_at or self._clock.now(),
            )
        except InvalidArgument:
            log.warning("mail.address_invalid", notification_id=notification.id)
            return Answer.MALFORMED
        return await connection.send(mail)

    async def _store_outcome(self, notification: Notification, outcome: Delivery) -> None:
        """Store the outcome of a mail, if the lease is still valid."""
        now, lease = self._clock.now(), notification.email.lease

        async def work(tx: Transaction) -> bool:
            current = await self._store.notifications.held(notification.id, lease=lease, tx=tx)
            if current is None:
                return False
            following = with_email(current, outcome)
            await self._store.notifications.save([following], tx=tx)
            if following.in_inbox:
                await self._store.outbox.add(events.changed(following, now=now), tx=tx)
            return True

        if await self._store.transact(work):
            log.info(
                "mail.settled",
                notification_id=notification.id,
                state=outcome.state.value,
                reason=outcome.reason.value,
                attempts=outcome.attempts,
            )
        else:
            log.warning("mail.lease_lost", notification_id=notification.id)


def is_down(error: BaseException) -> bool:
    """Return whether a round failed only because a dependency is down, also inside a task group."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_down(each) for each in error.exceptions)
    return isinstance(error, DependencyDown)
