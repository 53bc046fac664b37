"""Calls of audit at their largest size, on a MongoDB that takes 3 ms more for each command."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from audit import events
from audit.api import AccessHistoryApi, AuditApi
from audit.config import LedgerSection
from audit.domain.entries import Occurrence
from audit.operations import LedgerWriter, remember
from audit.queries.entries import MAX_PAGE_SIZE
from audit.store import Store
from plexus.audit.v1 import access_service_pb2, audit_service_pb2
from plexus.directory.v1 import events_pb2, people_pb2
from plexuskit.clock import SystemClock
from plexuskit.mongo import Database
from plexuskit.outbox import envelope

TENANT = "ten_acme"
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
ENTRIES = 5_000
PEOPLE = 3_000
FEW = 16
# Replies of 16 MB and batches of 500 documents.
SOME = 60


@pytest.fixture
async def api(late_db: Database) -> SimpleNamespace:
    store, clock = Store(late_db), SystemClock()
    await store.provision()
    ledger_writer = LedgerWriter(store, clock=clock)
    return SimpleNamespace(
        store=store,
        ledger_writer=ledger_writer,
        ledger=AuditApi(store, ledger_writer=ledger_writer, section=LedgerSection(), clock=clock),
        history=AccessHistoryApi(store, clock=clock),
    )


async def begin(store: Store) -> None:
    """Store an auditor and thousands of members in the history."""
    facts = [
        envelope(
            fact=events_pb2.PersonAdded(
                person=people_pb2.Person(
                    id=f"per_{number}",
                    tenant_id=TENANT,
                    version=1,
                    state=people_pb2.Person.STATE_ACTIVE,
                    kind=people_pb2.Person.KIND_HUMAN,
                    roles=["member", *(["admin"] if not number else [])],
                )
            ),
            tenant_id=TENANT,
            scope=f"per_{number}",
            change_no=1,
            entity_id=f"per_{number}",
            entity_version=1,
            actor_id="per_0",
            now=NOW,
        )
        for number in range(PEOPLE)
    ]
    states = [state for fact in facts if (told := events.parse_fact(fact)) for state in told.states]
    await remember(store, states=states)
    await store.history.begin(NOW)


@pytest.mark.largest("audit.AuditService", "ListAuditEntries", "ExportAudit", "VerifyAudit")
@pytest.mark.largest("audit.AccessHistoryService", "ExplainAccess", "WhoCanSee")
async def test_a_ledger_and_a_history_at_their_largest(api, called, as_person):
    await begin(api.store)
    await api.ledger_writer.record(
        [
            Occurrence(
                tenant_id=TENANT,
                occurred_at=NOW,
                event_id=f"evt_{number}",
                action="PersonChanged",
                actor_id="per_0",
                object=f"person:per_{number % PEOPLE}",
                version_before=number,
                version_after=number + 1,
                details={"fields": "title"},
            )
            for number in range(ENTRIES)
        ]
    )
    as_person("per_0", "admin")

    listed = await called(
        lambda: api.ledger.ListAuditEntries(
            audit_service_pb2.ListAuditEntriesRequest(page_size=MAX_PAGE_SIZE), None
        ),
        maximum=FEW,
    )
    verified = await called(
        lambda: api.ledger.VerifyAudit(audit_service_pb2.VerifyAuditRequest(), None), maximum=SOME
    )

    async def export():
        return [
            frame
            async for frame in api.ledger.ExportAudit(audit_service_pb2.ExportAuditRequest(), None)
        ]

    frames = await called(export, maximum=SOME)
    explained = await called(
        lambda: api.history.ExplainAccess(
            access_service_pb2.ExplainAccessRequest(
                subject="person:per_1", permission="people.read", object="person:per_2"
            ),
            None,
        ),
        maximum=SOME,
    )
    seen = await called(
        lambda: api.history.WhoCanSee(
            access_service_pb2.WhoCanSeeRequest(object="person:per_2", page_size=MAX_PAGE_SIZE),
            None,
        ),
        maximum=SOME,
    )

    assert len(listed.entries) == MAX_PAGE_SIZE
    assert verified.verified == ENTRIES
    assert frames[-1].through_no == ENTRIES
    assert explained.allowed
    assert (seen.total, len(seen.viewers)) == (PEOPLE, MAX_PAGE_SIZE)
