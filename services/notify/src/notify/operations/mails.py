"""Delivery of due e-mails to the mail server (NTF-1 to NTF-4, NTF-7 to NTF-9).

A sender takes mails by compare-and-set under a lease, in turns between those whose messages they
report; notifications of one conversation leave in one mail. It asks once more whether each may
still be sent, hands the mail over and stores what came of it. A crash between the server's answer
and the stored outcome leaves the mail due again when the lease ends: it is then sent a second time,
with the same Message-ID.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
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
from notify.store.mails import DueMail

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

    async def readable(self, notifications: Sequence[Notification]) -> frozenset[str]:
        """Return the ids of those whose person may read the source now, and it is not recalled.

        All are of one person and about sources of one owner.

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
    # For so long, mails to an address that another person has set carry no content.
    new_address: timedelta
    batch: int
    connections: int
    lease: timedelta
    # Maximum duration for one mail, the recheck included.
    mail_time: timedelta
    jitter: timedelta
    retries: RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Result of a round: the number of mails claimed, and whether the server was unreachable.

    `more`: further mails may be due.
    """

    taken: int
    unreachable: bool
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A mail's notifications as they are now: those that may leave, and the others' outcomes."""

    person: Person | None
    sendable: list[Notification]
    settled: list[tuple[Notification, Delivery]]


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
        # The last turn that was taken: whose mails go first is another one each round.
        self._turn = ""
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
        claim = await self._store.mails.claim_due(
            lease=lease, until=until, now=now, limit=self._rules.batch, after=self._turn
        )
        self._turn = claim.turn
        waiting = deque(claim.mails)
        answers: list[Answer] = []
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._rules.connections, len(waiting))):
                workers.create_task(self._work(waiting, answers, lease=lease, until=until))
        for left in waiting:
            await self._store.mails.release(left, lease=lease, now=self._clock.now())
        return Sent(
            taken=len(claim.mails),
            unreachable=Answer.UNREACHABLE in answers,
            more=claim.more,
        )

    async def _work(
        self, waiting: deque[DueMail], answers: list[Answer], *, lease: str, until: datetime
    ) -> None:
        """Send waiting mails over one connection."""
        async with self._server.connection() as connection:
            while waiting and not self._stopping:
                if self._clock.now() + self._rules.mail_time > until:
                    # The lease could end before the outcome is stored, and another sender begin.
                    log.warning("sender.lease_too_short", left=len(waiting))
                    return
                answer = await self._bring_alone(waiting.popleft(), connection, lease=lease)
                if answer is not None:
                    answers.append(answer)

    async def _bring_alone(
        self, mail: DueMail, connection: Connection, *, lease: str
    ) -> Answer | None:
        """Process one mail; an unexpected error does not affect other mails.

        Raises:
            DependencyDown: the database is unavailable, so no mail can be stored.
        """
        try:
            return await self._bring(mail, connection, lease=lease)
        except DependencyDown:
            raise
        except Exception as error:
            self.unexpected = describe(error)
            ids = [each.id for each in mail.notifications]
            log.exception("mail.failed", notification_ids=ids)
            # The server may have accepted it: tried again later, and dropped in the end.
            outcomes = self._outcomes(mail, mail.notifications, Answer.UNANSWERED)
            await self._store_outcomes(outcomes, lease=lease)
            return None

    async def _bring(self, mail: DueMail, connection: Connection, *, lease: str) -> Answer | None:
        """Process one mail; return the server's response if it was contacted."""
        ids = [each.id for each in mail.notifications]
        held = await self._store.mails.held(ids, lease=lease)
        if len(held) < len(ids):
            log.warning("mail.lease_lost", notification_ids=ids)
        if not held:
            return None
        review = await self._review(held)
        answer = None
        outcomes = _named(mail, review.settled)
        if review.sendable and review.person is not None:
            answer = await self._hand_over(mail, review.sendable, review.person, connection)
            outcomes += self._outcomes(mail, review.sendable, answer)
        await self._store_outcomes(outcomes, lease=lease)
        return None if answer is Answer.OWNER_UNREACHABLE else answer

    async def _review(self, held: Sequence[Notification]) -> Review:
        """Decide anew with what is known now; return what may be sent, and what becomes of it."""
        now = self._clock.now()
        contexts = await self._contexts(held)
        person = contexts[held[0].id].person
        sendable: list[Notification] = []
        outcomes: list[tuple[Notification, Delivery]] = []
        for each in held:
            context, email = contexts[each.id], each.email
            reason = email_obstacle(context, kind=each.kind) or await self._untrue(each)
            release = release_at(email.id, context, now=now, jitter=self._rules.jitter)
            if reason is not None or person is None:
                gone = abandoned(email, reason=reason or Reason.NO_ADDRESS, now=now)
                outcomes.append((each, gone))
            elif release is not None:
                outcomes.append((each, postponed(email, release=release, now=now)))
            else:
                sendable.append(each)
        # Without an owner there is no content of a user: that the person is active is known.
        if not sendable or sendable[0].source.kind not in OWNERS:
            return Review(person=person, sendable=sendable, settled=outcomes)
        try:
            readable = await self._owners.readable(sendable)
        except (Refusal, RemoteFailure) as refusal:
            # Never guess: only the owner knows whether the text may still be shown. An owner that
            # fails on this one is asked again too, until `give_up_after`.
            log.warning("sender.owner_unreachable", kind=held[0].kind.name, why=str(refusal))
            outcomes += self._unreachable(sendable)
            return Review(person=person, sendable=[], settled=outcomes)
        for each in sendable:
            if each.id not in readable:
                gone = abandoned(each.email, reason=Reason.ACCESS_LOST, now=now)
                outcomes.append((each, gone))
        sendable = [each for each in sendable if each.id in readable]
        return Review(person=person, sendable=sendable, settled=outcomes)

    def _unreachable(
        self, notifications: Sequence[Notification]
    ) -> list[tuple[Notification, Delivery]]:
        """Return deliveries that are tried again: the owner of the text gives no answer."""
        policy, now = self._rules.retries, self._clock.now()
        answer = Answer.OWNER_UNREACHABLE
        return [
            (each, settled(each.email, answer, policy=policy, now=now)) for each in notifications
        ]

    def _outcomes(
        self, mail: DueMail, notifications: Sequence[Notification], answer: Answer
    ) -> list[tuple[Notification, Delivery]]:
        """Return what an answer means for each notification of a mail."""
        policy, now = self._rules.retries, self._clock.now()
        if answer is Answer.UNANSWERED:
            mail = replace(mail, ambiguous=True)
        outcomes = [
            (each, settled(each.email, answer, policy=policy, now=now)) for each in notifications
        ]
        return _named(mail, outcomes)

    async def _untrue(self, notification: Notification) -> Reason | None:
        """Return the reason why the notification is no longer valid, by the rule of its kind."""
        outdated = self._store.kinds.outdated.get(notification.kind)
        if outdated is None:
            return None
        task = await self._store.tasks.get(notification.source.id)
        return outdated(notification.step, task) if task else None

    async def _contexts(self, held: Sequence[Notification]) -> dict[str, DeliveryContext]:
        """Return the current state of the recipient for each notification of one mail."""
        person_id, conversation_id = held[0].person_id, held[0].source.conversation_id
        people = await self._store.people.find([person_id])
        preferences = await self._store.preferences.get(person_id)
        places = {
            (conversation_id, person_id, root)
            for each in held
            for root in (0, each.source.root_seq)
        }
        through = await self._store.conversations.read_through(places)
        muted = bool(
            await self._store.mutes.muted({(conversation_id, person_id)}, now=self._clock.now())
        )
        return {
            each.id: DeliveryContext(
                person=people.get(person_id),
                preferences=preferences,
                own=False,
                readable=True,
                read=each.read or (not each.after_reading and covered(each, through)),
                muted=muted and not each.passes_mute,
            )
            for each in held
        }

    async def _hand_over(
        self,
        mail: DueMail,
        sendable: Sequence[Notification],
        person: Person,
        connection: Connection,
    ) -> Answer:
        first = sendable[0]
        try:
            # All are about the same source or conversation, so one decision holds for all.
            content = carries_content(self._decisions, outside(first), first)
        except Refusal as refusal:
            log.warning("sender.access_unknown", kind=first.kind.name, why=str(refusal))
            return Answer.OWNER_UNREACHABLE
        confidential = any(each.confidential for each in sendable)
        known = self._clock.now() - self._rules.new_address
        is_new = person.email_since is not None and person.email_since > known
        try:
            written = compose(
                first,
                further=sendable[1:],
                mail=mail.mail,
                person=person,
                sender=self._rules.sender,
                content=content and self._rules.content and not confidential and not is_new,
                at=first.email.first_attempt_at or self._clock.now(),
            )
        except InvalidArgument:
            log.warning("mail.address_invalid", notification_id=first.id)
            return Answer.MALFORMED
        return await connection.send(written)

    async def _store_outcomes(
        self, outcomes: Sequence[tuple[Notification, Delivery]], *, lease: str
    ) -> None:
        """Store what became of a mail's notifications, of those that the lease still holds."""
        now = self._clock.now()
        by_id = {notification.id: outcome for notification, outcome in outcomes}

        async def work(tx: Transaction) -> list[Notification]:
            current = await self._store.mails.held(list(by_id), lease=lease, tx=tx)
            following = [with_email(each, by_id[each.id]) for each in current]
            await self._store.notifications.save(following, tx=tx)
            shown = [events.changed(each, now=now) for each in following if each.in_inbox]
            await self._store.outbox.add(*shown, tx=tx)
            return following

        stored = await self._store.transact(work)
        for each in stored:
            log.info(
                "mail.settled",
                notification_id=each.id,
                state=each.email.state.value,
                reason=each.email.reason.value,
                attempts=each.email.attempts,
            )
        if len(stored) < len(by_id):
            lost = sorted(by_id.keys() - {each.id for each in stored})
            log.warning("mail.lease_lost", notification_ids=lost)


def _named(
    mail: DueMail, outcomes: Sequence[tuple[Notification, Delivery]]
) -> list[tuple[Notification, Delivery]]:
    """Keep the name of a mail that the server may have, so that every attempt is the same."""
    name = mail.mail if mail.ambiguous else ""
    return [(each, replace(outcome, mail=name)) for each, outcome in outcomes]


def is_down(error: BaseException) -> bool:
    """Return whether a round failed only because a dependency is down, also inside a task group."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_down(each) for each in error.exceptions)
    return isinstance(error, DependencyDown)
