"""AuditService over real gRPC."""

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from audit.domain.entries import Decision, Occurrence
from audit.operations import LedgerWriter
from plexus.audit.v1 import audit_service_pb2 as pb
from plexus.audit.v1.audit_pb2 import AuditEntry
from plexuskit.grpc import refused
from plexuskit.mongo import Collection

Happened = Callable[..., Occurrence]

pytestmark = pytest.mark.usefixtures("told_auditors")


async def test_gw_07_an_entry_is_shown_with_every_field(
    signed_in: Callable[..., Any], ledger_writer: LedgerWriter, happened: Happened
) -> None:
    await ledger_writer.record(
        [happened(1, decision=Decision.REFUSED, outcome="NOT_FOUND", reason="why"), happened(2)]
    )
    ann = signed_in("ann")

    page = await ann.ListAuditEntries(
        pb.ListAuditEntriesRequest(decision=AuditEntry.DECISION_REFUSED)
    )

    (entry,) = page.entries
    assert (entry.no, entry.tenant_id, entry.outcome, entry.reason) == (
        1, "ten_a", "NOT_FOUND", "why",
    )  # fmt: skip
    assert dict(entry.details) == {"fields": "title"}
    assert len(entry.hash) == 32
    assert entry.HasField("recorded_at")


async def test_gw_02_the_ledger_of_another_tenant_looks_empty(
    signed_in: Callable[..., Any], ledger_writer: LedgerWriter, happened: Happened
) -> None:
    await ledger_writer.record([happened(1)])
    eve = signed_in("eve", tenant="ten_b")

    assert not (await eve.ListAuditEntries(pb.ListAuditEntriesRequest())).entries
    assert not (await eve.VerifyAudit(pb.VerifyAuditRequest())).HasField("head")
    assert [each async for each in eve.ExportAudit(pb.ExportAuditRequest())] == []


async def test_gw_07_an_export_is_lines_of_json_in_order(
    signed_in: Callable[..., Any], ledger_writer: LedgerWriter, happened: Happened
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 10)])

    frames = [each async for each in signed_in("ann").ExportAudit(pb.ExportAuditRequest(from_no=2))]

    lines = b"".join(each.lines for each in frames).splitlines()
    assert len(frames) > 1
    assert frames[-1].through_no == 9
    assert [json.loads(line)["no"] for line in lines] == list(range(2, 10))
    assert all(frame.lines.endswith(b"\n") for frame in frames)


async def test_gw_07_verifying_goes_on_from_a_head_and_names_what_is_wrong(
    signed_in: Callable[..., Any],
    ledger_writer: LedgerWriter,
    happened: Happened,
    ledger: Collection,
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 7)])
    ann = signed_in("ann")

    first = await ann.VerifyAudit(pb.VerifyAuditRequest())
    assert (first.verified, first.more, first.head.no) == (4, True, 4)
    rest = await ann.VerifyAudit(pb.VerifyAuditRequest(from_no=5, anchors=[first.head]))
    assert (rest.verified, rest.more, rest.head.no) == (2, False, 6)

    await ledger.update({"_id": "ten_a:000000000006"}, {"$set": {"object": "person:per_x"}})
    wrong = await ann.VerifyAudit(pb.VerifyAuditRequest(from_no=5))
    assert (wrong.finding.no, wrong.finding.kind) == (
        6, pb.VerifyAuditResponse.Finding.KIND_ALTERED,
    )  # fmt: skip


async def test_what_makes_no_sense_is_refused(signed_in: Callable[..., Any]) -> None:
    ask = pb.ListAuditEntriesRequest
    for request, reason in (
        (ask(page_size=1_001), "INVALID_ARGUMENT"),
        (ask(page_token="bm9uZQ"), "INVALID_PAGE_TOKEN"),
        (ask(decision=9), "FIELD_OUT_OF_RANGE"),
        (ask(since={"seconds": -(10**15)}), "FIELD_OUT_OF_RANGE"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await signed_in("ann").ListAuditEntries(request)
        assert refused(error.value).reason == reason, request
