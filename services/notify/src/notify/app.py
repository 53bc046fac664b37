"""Wiring of the service: one async context manager per role."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from plexus.authz.v1.authority_pb2 import FilterMembersRequest, ObjectRef, RecheckRequest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.notify.v1.notify_service_pb2_grpc import add_NotifyServiceServicer_to_server
from plexus_access.owner import deciding
from plexuskit.backoff import doubled
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.grpc import CallerVerifier, peers, serve
from plexuskit.grpc.serving import check_serving
from plexuskit.kafka import dlq_depth, owners_of
from plexuskit.mongo import Database, connect
from plexuskit.relay import OUTBOX, relay
from plexuskit.service import Role, Runtime

from notify.api import NotifyApi
from notify.config import Settings
from notify.consumers import GROUPS, consuming
from notify.domain.attempts import RetryPolicy
from notify.domain.kinds import OWNERS
from notify.domain.notifications import Notification
from notify.operations.mails import Sender, SendingRules, is_down
from notify.operations.tasks import Pace, remind
from notify.queries.status import DeadLetters
from notify.smtp import SmtpServer
from notify.store import Store

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

SERVICE: Final = "notify"
# Of one FilterMembers, as the contract bounds it.
MAX_SETS: Final = 50
MAX_ASKED: Final = 10_000
# While the mail server is away: a probe of one batch now and then is enough.
_MAX_PAUSE: Final = 60.0

log = structlog.get_logger()


class Authorities:
    """The owning services of sources, asked before a text leaves (NTF-4)."""

    def __init__(self, authorities: "Mapping[str, AuthorityAsyncStub]") -> None:
        self._authorities = authorities

    async def readable(self, notifications: Sequence[Notification]) -> frozenset[str]:
        """Return the ids of those whose person may read the source; a recalled one is not readable.

        Raises:
            DependencyDown: the owner cannot be reached.
        """
        first = notifications[0]
        authority = self._authorities[OWNERS[first.source.kind]]
        refs = [
            ObjectRef(
                kind=each.source.kind,
                id=each.source.id,
                container_id=each.source.conversation_id,
                seq=each.source.seq,
            )
            for each in notifications
        ]
        request = RecheckRequest(tenant_id=first.tenant_id, person_id=first.person_id, refs=refs)
        verdicts = (await authority.Recheck(request)).verdicts
        return frozenset(
            each.id
            for each, verdict in zip(notifications, verdicts, strict=False)
            if verdict.readable
        )


class DirectoryMembership:
    """Client of the owner of departments, for the members that a message addresses (MSG-13)."""

    def __init__(self, directory: "AuthorityAsyncStub") -> None:
        self._directory = directory

    async def in_departments(
        self, department_ids: Collection[str], *, among: Collection[str], tenant_id: str
    ) -> frozenset[str]:
        """Return the people who are active and belong to one of the departments or below it now.

        Raises:
            DependencyDown: directory does not answer: the record waits, because only directory
                knows whom it addresses.
            RemoteFailure: directory fails on this query; its consumer collects failures.
        """
        sets = [f"department:{each}" for each in sorted(department_ids)]
        people = sorted(among)
        found: set[str] = set()
        for some_sets in _parts(sets, MAX_SETS):
            for some_people in _parts(people, MAX_ASKED):
                request = FilterMembersRequest(
                    tenant_id=tenant_id, sets=some_sets, person_ids=some_people
                )
                found.update((await self._directory.FilterMembers(request)).person_ids)
        return frozenset(found)


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve NotifyService; needs Kafka for policies and the number of dead letters."""

    async def depth() -> int:
        return await _dead_letters(settings.kafka)

    async with (
        _store(settings, runtime) as (_, store),
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
    ):
        letters = DeadLetters(depth, clock=runtime.clock)
        notify = NotifyApi(store, decisions=decisions, dead_letters=letters, clock=runtime.clock)
        async with serve(
            settings.grpc,
            service=SERVICE,
            servicers=[(add_NotifyServiceServicer_to_server, notify)],
            verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
            runtime=runtime,
            tls=settings.tls,
            health=runtime.health,
            authorise=decisions.authorise,
        ):
            yield


@asynccontextmanager
async def relay_facts(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Publish the outbox to Kafka, which delivers notifications in-app."""
    async with (
        _store(settings, runtime) as (db, _),
        relay(
            db,
            settings.kafka,
            sources=[OUTBOX],
            name=SERVICE,
            runtime=runtime,
            lease=timedelta(seconds=settings.relay.lease_seconds),
        ),
    ):
        yield


@asynccontextmanager
async def consume(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Consume facts of people, feeds, messages, tasks, cursors and mutes."""
    async with (
        _store(settings, runtime) as (_, store),
        peers(
            "directory",
            "messaging",
            "tasks",
            settings=settings,
            service=SERVICE,
            clock=runtime.clock,
        ) as owners,
    ):
        authorities = {name: AuthorityStub(owner) for name, owner in owners.items()}

        async def probe() -> None:
            await store.probe()
            await check_serving(owners["directory"], dependency="directory")

        async with consuming(
            store,
            authorities["directory"],
            membership=DirectoryMembership(authorities["directory"]),
            probe=probe,
            owners=owners_of(authorities),
            kafka=settings.kafka,
            pace=_pace(settings),
            runtime=runtime,
        ):
            yield


@asynccontextmanager
async def send(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Send due e-mails and remind of due values."""
    async with (
        _store(settings, runtime) as (_, store),
        _authorities(settings, runtime) as authorities,
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
    ):
        sender = Sender(
            store,
            server=SmtpServer(settings.smtp),
            owners=Authorities(authorities),
            decisions=decisions,
            rules=_rules(settings),
            clock=runtime.clock,
        )
        idle = asyncio.Event()

        async def finish_round() -> None:
            sender.stop()
            await idle.wait()

        runtime.on_drain(finish_round)
        async with (
            runtime.kept("sender", lambda: keep_sending(sender, settings, runtime, idle=idle)),
            runtime.kept("reminders", lambda: keep_reminding(store, settings, runtime)),
        ):
            yield


async def keep_sending(
    sender: Sender, settings: Settings, runtime: Runtime, *, idle: asyncio.Event
) -> None:
    """Send due mails until cancelled, slower while the mail server cannot be reached.

    `idle` is set whenever no mail is being sent.
    """
    failures = 0
    while not runtime.stopping.is_set():
        idle.clear()
        try:
            sent = await sender.send_due()
            more, unreachable = sent.more, sent.unreachable
            failures = failures + 1 if unreachable else 0
            if sent.taken:
                _show_smtp(runtime, ok=not unreachable)
                _show_unexpected(runtime, sender.unexpected)
        except (DependencyDown, ExceptionGroup) as down:
            if not is_down(down):
                raise
            # Claimed mails are due again when their lease ends.
            log.warning("sender.postponed", reason=str(down))
            more, failures = False, failures + 1
        finally:
            idle.set()
        pause = doubled(failures, (settings.delivery.poll_seconds, _MAX_PAUSE))
        if failures or not more:
            await asyncio.sleep(pause)


async def keep_reminding(store: Store, settings: Settings, runtime: Runtime) -> None:
    """Send reminders of due values until cancelled; continue at once after a full batch."""
    section = settings.reminders
    while True:
        looked_at = 0
        try:
            looked_at = await remind(
                store, limit=section.batch, pace=_pace(settings), now=runtime.clock.now()
            )
        except DependencyDown as down:
            log.warning("reminders.postponed", reason=str(down))
        if looked_at < section.batch:
            await asyncio.sleep(settings.delivery.poll_seconds)


async def provision(settings: Settings) -> None:
    """Create missing collections and indexes; topics come from the catalogue."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
    log.info("notify.provisioned", database=settings.mongo.database)


@asynccontextmanager
async def _store(settings: Settings, runtime: Runtime) -> AsyncIterator[tuple[Database, Store]]:
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        yield db, store


@asynccontextmanager
async def _authorities(
    settings: Settings, runtime: Runtime
) -> AsyncIterator["Mapping[str, AuthorityAsyncStub]"]:
    """Open the channels to the owning services of sources."""
    names = sorted(set(OWNERS.values()))
    async with peers(*names, settings=settings, service=SERVICE, clock=runtime.clock) as owners:
        yield {name: AuthorityStub(owner) for name, owner in owners.items()}


def _parts(values: Sequence[str], maximum: int) -> Iterator[Sequence[str]]:
    return (values[start : start + maximum] for start in range(0, len(values), maximum))


async def _dead_letters(kafka: KafkaSection) -> int:
    depths = await asyncio.gather(*(dlq_depth(kafka, consumer.group) for consumer in GROUPS))
    return sum(depths)


def _show_smtp(runtime: Runtime, *, ok: bool) -> None:
    runtime.health.set(
        "smtp",
        ok,
        "the mail server takes mails" if ok else "the mail server cannot be reached",
        required=False,
        remedy="" if ok else "Mails wait for up to a day: restore the server or NOTIFY_SMTP__URL.",
    )


def _show_unexpected(runtime: Runtime, what: str) -> None:
    runtime.health.set(
        "mails",
        not what,
        what,
        required=False,
        remedy="See `mail.failed` in this process's log; the mails are tried again for a day."
        if what
        else "",
    )


def _pace(settings: Settings) -> Pace:
    return Pace(
        before=settings.reminders.before,
        jitter=timedelta(seconds=settings.delivery.jitter_seconds),
    )


def _rules(settings: Settings) -> SendingRules:
    delivery, smtp = settings.delivery, settings.smtp
    return SendingRules(
        sender=smtp.sender,
        content=settings.mail.content,
        new_address=settings.mail.new_address,
        batch=delivery.batch,
        connections=smtp.connections,
        lease=timedelta(seconds=delivery.lease_seconds),
        # Making the connection, handing over, and the recheck before it.
        mail_time=timedelta(seconds=2 * smtp.mail_seconds + 10),
        jitter=timedelta(seconds=delivery.jitter_seconds),
        retries=RetryPolicy(
            first=timedelta(seconds=delivery.retry_first_seconds),
            max_pause=timedelta(seconds=delivery.retry_max_seconds),
            give_up_after=delivery.give_up_after,
        ),
    )


ROLES: Final[Mapping[str, Role]] = {
    "api": api,
    "relay": relay_facts,
    "consumers": consume,
    "sender": send,
}
