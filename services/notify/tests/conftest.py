"""Fixtures of notify's tests: people, conversations and messages as facts, a mail sink, owners."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from notify.config import SmtpSection
from notify.consumers import Handlers
from notify.domain.attempts import RetryPolicy
from notify.domain.notifications import Notification
from notify.domain.people import Person
from notify.operations.mails import Sender, SendingRules
from notify.operations.tasks import Pace
from notify.smtp import SmtpServer
from notify.store import Store
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_local.servers.ports import free_port
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexus_testkit.databases import database_fixtures
from plexuskit.mongo import Database

from .facts_support import DIRECT, NOON, TENANT, Facts
from .peers_support import Membership, Owners, Sink


@pytest.fixture
def now() -> datetime:
    return NOON


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def pace() -> Pace:
    return Pace(before=timedelta(hours=24), jitter=timedelta(minutes=2))


provisioned, db = database_fixtures(lambda db: Store(db).provision())


@pytest.fixture
def store(db: Database) -> Store:
    return Store(db)


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def membership() -> Membership:
    return Membership()


@pytest.fixture
def handlers(store: Store, membership: Membership, pace: Pace, clock: FrozenClock) -> Handlers:
    return Handlers(store, membership=membership, pace=pace, clock=clock)


@pytest.fixture
async def known(handlers: Handlers, facts: Facts) -> None:
    """Ann, Bo and Cy in a group, Ann and Bo also alone."""
    await handlers.people([facts.person(name) for name in ("ann", "bo", "cy")])
    await handlers.messages(
        [
            # Of an import: no one is notified of having been added.
            facts.conversation("ann", "bo", "cy", origin="import"),
            facts.conversation("ann", "bo", id_=DIRECT, direct=True),
        ]
    )


@pytest.fixture
def ledger(db: Database, store: Store) -> Callable[..., Any]:
    """Every notification that is stored, or those of one person, oldest first."""

    async def read(name: str = "") -> list[Notification]:
        wanted = {"person_id": f"per_{name}"} if name else {}
        found = await db.collection("notifications", schema_version=1).find_all(
            wanted, projection={"_id": 1}, sort=[("_id", 1)]
        )
        ids = [document["_id"] for document in found]
        loaded = {each.id: each for each in await store.notifications.load(ids)}
        return [loaded[each] for each in ids]

    return read


@pytest.fixture
def outbox(db: Database) -> Callable[..., Any]:
    """The events in the outbox, oldest first; of one notification if its id is given."""

    async def read(scope: str = "") -> list[Envelope]:
        documents = await db.collection("outbox", schema_version=1).find_all(
            {"scope": scope} if scope else {}, sort=[("scope", 1), ("number", 1)]
        )
        return [Envelope.FromString(document["event"]) for document in documents]

    return read


@pytest.fixture
def smtp() -> Callable[..., Any]:
    """Start a sink: `async with smtp() as sink`; on a port that is given to start it again."""

    @asynccontextmanager
    async def started(port: int = 0) -> AsyncIterator[Sink]:
        sink = Sink(port=port or free_port())
        controller = Controller(
            sink, hostname="127.0.0.1", port=sink.port, enable_SMTPUTF8=True, ready_timeout=10
        )
        controller.start()
        try:
            yield sink
        finally:
            controller.stop()

    return started


@pytest.fixture
async def sink(smtp: Callable[..., Any]) -> AsyncIterator[Sink]:
    async with smtp() as started:
        yield started


@pytest.fixture
def owners() -> Owners:
    return Owners()


@pytest.fixture
def company(clock: FrozenClock) -> Company:
    """The people as roles and policies know them."""
    found = Company(clock)
    for name in ("ann", "bo", "cy", "dee", "eve"):
        found.person(TENANT, f"per_{name}")
    return found


@pytest.fixture
def sender(
    store: Store, owners: Owners, company: Company, clock: FrozenClock
) -> Callable[..., Sender]:
    """A sender to a port: `sender(sink.port)`."""

    def made(port: int, *, content: bool = True, **rules: Any) -> Sender:
        section = SmtpSection(
            url=f"smtp://127.0.0.1:{port}",
            sender="Plexus <plexus@example.com>",
            timeout_seconds=2,
            mail_seconds=3,
        )
        chosen = {
            "batch": 50,
            "connections": 2,
            "new_address": timedelta(days=7),
            "lease": timedelta(minutes=3),
            "mail_time": timedelta(seconds=10),
        } | rules
        return Sender(
            store,
            server=SmtpServer(section),
            owners=owners,
            decisions=company.decisions,
            rules=SendingRules(
                sender=section.sender,
                content=content,
                jitter=timedelta(minutes=2),
                retries=RetryPolicy(
                    first=timedelta(seconds=30),
                    max_pause=timedelta(hours=1),
                    give_up_after=timedelta(hours=24),
                ),
                **chosen,
            ),
            clock=clock,
        )

    return made


@pytest.fixture
def person() -> Callable[..., Person]:
    """A person as notify keeps them."""

    def made(name: str = "bo", **fields: Any) -> Person:
        fields = {
            "display_name": "薄",
            "email": f"{name}@example.com",
            "time_zone": "Asia/Shanghai",
            "locale": "zh-CN",
            "active": True,
            "is_app": False,
            "version": 1,
        } | fields
        return Person(id=f"per_{name}", tenant_id=TENANT, **fields)

    return made
