"""plexus.audit.v1.AuditService: a request becomes a query or an operation."""

from collections.abc import AsyncIterator
from typing import Any

from plexus.audit.v1 import audit_service_pb2 as pb
from plexus.audit.v1.audit_service_pb2_grpc import AuditServiceServicer
from plexuskit.clock import Clock
from plexuskit.grpc import actor
from plexuskit.request_ids import request_of
from plexuskit.telemetry import inject
from plexuskit.timestamps import requested_field

from audit import queries
from audit.api.askers import asker, skipper
from audit.api.translation import decision_of, entry_message, finding_message
from audit.config import LedgerSection
from audit.domain.reach import Reach
from audit.domain.skips import skip
from audit.events import trace_id
from audit.operations import LedgerWriter, record_skip
from audit.store import EntryFilter, Store


class AuditApi(AuditServiceServicer):
    """The caller's tenant's ledger, through the gateway."""

    def __init__(
        self, store: Store, *, ledger_writer: LedgerWriter, section: LedgerSection, clock: Clock
    ) -> None:
        self._store = store
        self._ledger_writer = ledger_writer
        self._clock = clock
        self._section = section

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: Any
    ) -> pb.ListAuditEntriesResponse:
        page = await queries.list_audit_entries(
            self._store,
            wanted=EntryFilter(
                tenant_id=actor().tenant_id,
                reach=await self._reach("audit.read"),
                actor_id=request.actor_id,
                object=request.object,
                action=request.action,
                decision=decision_of(request.decision),
                since=requested_field(request, "since"),
                until=requested_field(request, "until"),
            ),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListAuditEntriesResponse(
            entries=[entry_message(entry) for entry in page.items],
            next_page_token=page.next_page_token,
        )

    async def ExportAudit(
        self, request: pb.ExportAuditRequest, context: Any
    ) -> AsyncIterator[pb.ExportAuditResponse]:
        async for lines in queries.export_audit(
            self._store,
            tenant_id=actor().tenant_id,
            reach=await self._reach("audit.export"),
            from_no=request.from_no,
            through_no=request.through_no,
            frame_bytes=self._section.export_frame_bytes,
        ):
            yield pb.ExportAuditResponse(
                lines=lines.content, through_no=lines.through_no, partial=lines.partial
            )

    async def VerifyAudit(
        self, request: pb.VerifyAuditRequest, context: Any
    ) -> pb.VerifyAuditResponse:
        # Numbers and hashes alone: a role for a department may verify the whole.
        await self._reach("audit.read")
        found = await queries.verify_audit(
            self._store,
            tenant_id=actor().tenant_id,
            from_no=request.from_no,
            through_no=request.through_no,
            anchors={anchor.no: anchor.hash for anchor in request.anchors},
            maximum=self._section.max_verified,
        )
        return pb.VerifyAuditResponse(
            verified=found.verified,
            finding=finding_message(found.finding) if found.finding else None,
            head=pb.Anchor(no=found.head.no, hash=found.head.hash) if found.head.no else None,
            more=found.more,
        )

    async def RecordSkip(
        self, request: pb.RecordSkipRequest, context: Any
    ) -> pb.RecordSkipResponse:
        now = self._clock.now()
        what = skip(
            skipper=skipper(),
            topic=request.topic,
            partition=request.partition,
            offset=request.offset,
            reason=request.reason,
            trace_id=trace_id(inject()),
            now=now,
        )
        entry = await record_skip(
            self._store,
            ledger_writer=self._ledger_writer,
            what=what,
            request=request_of(request),
            now=now,
        )
        return pb.RecordSkipResponse(entry=entry_message(entry))

    async def _reach(self, permission: str) -> Reach:
        return await queries.reach_of(
            self._store, asker=asker(), permission=permission, now=self._clock.now()
        )
