"""Wiring of messaging: one async context manager per role."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from plexus.authz.v1.authority_pb2 import ObjectRef, RecheckRequest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub, add_AuthorityServicer_to_server
from plexus.directory.v1.session_service_pb2 import FindEndedSessionsRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.import_service_pb2_grpc import add_ImportServiceServicer_to_server
from plexus.messaging.v1.log_service_pb2_grpc import add_LogServiceServicer_to_server
from plexus.messaging.v1.messaging_service_pb2_grpc import (
    MessagingServiceServicer,
    add_MessagingServiceServicer_to_server,
)
from plexus.messaging.v1.personal_service_pb2_grpc import (
    PersonalServiceServicer,
    add_PersonalServiceServicer_to_server,
)
from plexus.messaging.v1.signal_service_pb2_grpc import add_SignalServiceServicer_to_server
from plexus_access.decisions import Decisions
from plexus_access.owner import deciding
from plexuskit.clock import Clock
from plexuskit.grpc import CallerVerifier, peers, serve
from plexuskit.kafka import best_effort_producer
from plexuskit.mongo import connect
from plexuskit.relay import OUTBOX, relay
from plexuskit.service import Role, Runtime

from messaging.config import LimitsSection, LogSection, ScheduleSection, Settings
from messaging.conversations.api.conversations import ConversationsApi
from messaging.conversations.api.settings import SettingsApi
from messaging.conversations.consumers import following_directory
from messaging.conversations.operations.people import People
from messaging.importing.api.importing import ImportApi
from messaging.importing.operations.entries import append_imported
from messaging.importing.store.stores import Store as ImportingStore
from messaging.log.operations.logs import Log
from messaging.log.operations.older_logs import keep_reading_older
from messaging.log.store.sources import ENTRIES
from messaging.messages.api.authority import AuthorityApi
from messaging.messages.api.logs import LogApi
from messaging.messages.api.messages import MessagesApi
from messaging.messages.api.policies import PoliciesApi
from messaging.messages.api.verifications import VerificationsApi
from messaging.messages.operations.posts import message_rules
from messaging.messages.operations.recalls import keep_emptying
from messaging.personal.api import DraftsApi, ScheduledApi, read_scheduled
from messaging.personal.operations.schedulers import Scheduler
from messaging.personal.store.stores import Store as PersonalStore
from messaging.presence.api import SignalApi
from messaging.presence.consumers import follow_presence
from messaging.presence.operations.presence import Presences
from messaging.presence.operations.signals import Signals
from messaging.reading.api.reading import ReadingApi
from messaging.reading.operations.cursors import Cursors, place_cursors
from messaging.reading.store.cursors import CURSOR_LOG
from messaging.reading.store.stores import Store as ReadingStore

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub
    from plexus.directory.v1.session_service_pb2_grpc import SessionServiceAsyncStub

SERVICE: Final = "messaging"
MAX_REFS: Final = 500

SOURCES: Final = (ENTRIES, CURSOR_LOG, OUTBOX)
"""All published sources; people's private data is in the outbox."""


class Store(ImportingStore, PersonalStore, ReadingStore):
    """Everything that messaging stores, in one database."""


def conversation_log(
    store: Store, *, section: LogSection, clock: Clock, limits: LimitsSection | None = None
) -> Log[Store]:
    """Return the log of conversations, with the rules of its messages and imports."""
    rules = message_rules(store, append_imported=partial(append_imported, store))
    return Log(store, rules=rules, section=section, clock=clock, limits=limits)


class MessagingApi(
    ReadingApi,
    MessagesApi,
    VerificationsApi,
    PoliciesApi,
    ConversationsApi,
    MessagingServiceServicer,
):
    """MessagingService, made of the parts of its subjects."""

    _log: Log[Store]
    _store: Store

    def __init__(
        self, log: Log[Store], cursors: Cursors, people: People, *, decisions: Decisions
    ) -> None:
        ConversationsApi.__init__(self, log, people)
        PoliciesApi.__init__(self, log.store)
        VerificationsApi.__init__(self, log.store)
        MessagesApi.__init__(self, log, decisions=decisions)
        ReadingApi.__init__(self, log, cursors, decisions=decisions)


class PersonalApi(ScheduledApi, DraftsApi, SettingsApi, PersonalServiceServicer):
    """PersonalService, made of the parts of its subjects."""

    _store: Store

    def __init__(
        self, store: Store, *, decisions: Decisions, section: ScheduleSection, clock: Clock
    ) -> None:
        SettingsApi.__init__(self, store, clock=clock)
        DraftsApi.__init__(self, store, decisions=decisions, clock=clock)
        ScheduledApi.__init__(self, store, decisions=decisions, section=section, clock=clock)


class DirectoryPeople:
    """People as directory's Authority knows them now."""

    def __init__(self, authority: "AuthorityAsyncStub") -> None:
        self._authority = authority

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        """Return the ids that name no person whom the asker may address.

        Raises:
            DependencyDown: directory cannot be reached.
        """
        unknown: list[str] = []
        for start in range(0, len(person_ids), MAX_REFS):
            part = list(person_ids[start : start + MAX_REFS])
            refs = [ObjectRef(kind="person", id=person) for person in part]
            request = RecheckRequest(tenant_id=tenant_id, person_id=asker_id, refs=refs)
            answer = await self._authority.Recheck(request)
            verdicts = zip(part, answer.verdicts, strict=True)
            unknown += [person for person, verdict in verdicts if not verdict.readable]
        return unknown


class DirectoryTokens:
    """API tokens as directory knows them now."""

    def __init__(self, sessions: "SessionServiceAsyncStub") -> None:
        self._sessions = sessions

    async def ended(self, token_id: str) -> bool:
        """Return whether an API token was revoked, has expired or is unknown.

        Raises:
            DependencyDown: directory cannot be reached.
        """
        request = FindEndedSessionsRequest(session_ids=[token_id])
        answer = await self._sessions.FindEndedSessions(request)
        return bool(answer.ended_session_ids)


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve every RPC of messaging.

    Kafka carries signals and directory's facts: without it directory is asked every 30 seconds.
    """
    verifier = CallerVerifier(settings.caller, SERVICE, clock=runtime.clock)
    async with (
        connect(settings.mongo) as db,
        peers("directory", settings=settings, service=SERVICE, clock=runtime.clock) as owners,
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
    ):
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        people = DirectoryPeople(AuthorityStub(owners["directory"]))
        log = conversation_log(
            store, section=settings.log, clock=runtime.clock, limits=settings.limits
        )
        cursors = Cursors(store, clock=runtime.clock)
        presences = Presences()
        async with (
            best_effort_producer(settings.kafka, runtime=runtime) as outlet,
            runtime.kept(
                "presence",
                lambda: follow_presence(presences, kafka=settings.kafka, runtime=runtime),
            ),
            runtime.kept("cursors", cursors.run),
            runtime.kept("emptying", lambda: keep_emptying(store)),
            runtime.kept("older logs", lambda: keep_reading_older(store)),
            log.running(runtime),
            serve(
                settings.grpc,
                service=SERVICE,
                servicers=[
                    (
                        add_MessagingServiceServicer_to_server,
                        MessagingApi(log, cursors, people, decisions=decisions),
                    ),
                    (
                        add_SignalServiceServicer_to_server,
                        SignalApi(store, Signals(outlet), presences, clock=runtime.clock),
                    ),
                    (
                        add_PersonalServiceServicer_to_server,
                        PersonalApi(
                            store,
                            decisions=decisions,
                            section=settings.schedule,
                            clock=runtime.clock,
                        ),
                    ),
                    (
                        add_ImportServiceServicer_to_server,
                        ImportApi(log, people, place_cursors=partial(place_cursors, store)),
                    ),
                    (
                        add_LogServiceServicer_to_server,
                        LogApi(log, verifier, decisions=decisions, stopping=runtime.stopping),
                    ),
                    (add_AuthorityServicer_to_server, AuthorityApi(store, sources=SOURCES)),
                ],
                verifier=verifier,
                runtime=runtime,
                tls=settings.tls,
                health=runtime.health,
                authorise=decisions.authorise,
            ),
        ):
            yield


@asynccontextmanager
async def relay_facts(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Publish the log, the cursor advances and the outbox to Kafka."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
        async with relay(
            db,
            settings.kafka,
            sources=SOURCES,
            name=SERVICE,
            runtime=runtime,
            lease=timedelta(seconds=settings.relay.lease_seconds),
        ):
            yield


@asynccontextmanager
async def consume(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Follow directory's people and departments; load a snapshot of what the topics lack."""
    async with (
        connect(settings.mongo) as db,
        peers("directory", settings=settings, service=SERVICE, clock=runtime.clock) as owners,
    ):
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))

        async def probe() -> None:
            await db.probe(SERVICE)

        async with following_directory(
            store,
            AuthorityStub(owners["directory"]),
            probe=probe,
            kafka=settings.kafka,
            runtime=runtime,
        ):
            yield


@asynccontextmanager
async def scheduler(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Send scheduled messages when their time has come (MSG-17)."""
    async with (
        connect(settings.mongo) as db,
        peers("directory", settings=settings, service=SERVICE, clock=runtime.clock) as owners,
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
    ):
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        log = conversation_log(
            store, section=settings.log, clock=runtime.clock, limits=settings.limits
        )
        sending = Scheduler(
            log,
            DirectoryPeople(AuthorityStub(owners["directory"])),
            tokens=DirectoryTokens(SessionServiceStub(owners["directory"])),
            decisions=decisions,
            read=read_scheduled,
            section=settings.schedule,
            clock=runtime.clock,
        )
        async with log.running(runtime), runtime.kept("scheduler", sending.run):
            # Added last, so it comes before the log's own drain.
            runtime.on_drain(sending.finish)
            yield


async def provision(settings: Settings) -> None:
    """Create missing collections and indexes."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()


ROLES: Final[Mapping[str, Role]] = {
    "api": api,
    "relay": relay_facts,
    "consumer": consume,
    "scheduler": scheduler,
}
