"""A record that is moved to the dead letters is recorded in the ledger first (GW-7, GW-9)."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from audit.domain.entries import Occurrence
from audit.operations import LedgerWriter
from audit.store import Store
from plexus.audit.v1 import audit_service_pb2 as pb
from plexus.audit.v1.audit_pb2 import AuditEntry
from plexus_access.roles import CHANGING
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock, to_milliseconds
from plexuskit.grpc import refused

SignedIn = Callable[..., Any]


@pytest.fixture
def auditors(auditors: Company) -> Company:
    """Add an operator to each tenant beside its auditors."""
    for tenant in ("ten_a", "ten_b"):
        auditors.person(tenant, "per_ops", roles=["admin"])
    return auditors


def asked(**fields: Any) -> pb.RecordSkipRequest:
    given: dict[str, Any] = {
        "topic": "messaging.conversation.v1",
        "partition": 4,
        "offset": 10_231,
        "reason": "CASE-7: unreadable import",
        "request_id": "r1",
        **fields,
    }
    return pb.RecordSkipRequest(**given)


@pytest.mark.rule("GW-7")
@pytest.mark.usefixtures("told_auditors")
async def test_gw_07_a_skip_names_person_record_and_reason_in_the_ledger(
    signed_in: SignedIn,
) -> None:
    ops, ann = signed_in("ops", api_token_id="tok_1"), signed_in("ann")

    made = (await ops.RecordSkip(asked())).entry

    listed = await ann.ListAuditEntries(pb.ListAuditEntriesRequest(action="RecordSkipped"))
    assert list(listed.entries) == [made]
    assert (made.actor_id, made.api_token_id, made.session_id) == ("per_ops", "tok_1", "ses_ops")
    assert made.object == "record:messaging.conversation.v1/4/10231"
    assert made.reason == "CASE-7: unreadable import"
    assert made.decision == AuditEntry.DECISION_UNSPECIFIED
    assert (await ann.VerifyAudit(pb.VerifyAuditRequest())).verified == 1


@pytest.mark.usefixtures("told_auditors")
async def test_a_repeated_skip_answers_the_first_entry_and_another_one_is_refused(
    signed_in: SignedIn,
) -> None:
    ops, other = signed_in("ops"), signed_in("ops", tenant="ten_b")
    first = await ops.RecordSkip(asked())

    assert await ops.RecordSkip(asked()) == first
    for fields in ({"offset": 1}, {"reason": "another"}, {"partition": 0}):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ops.RecordSkip(asked(**fields))
        assert refused(caught.value).reason == "REQUEST_ID_REUSED"
    assert (await other.RecordSkip(asked())).entry.no == 1, "ids of another tenant are its own"
    assert (await ops.RecordSkip(asked(request_id="r2"))).entry.no == 2
    assert (await ops.RecordSkip(asked(request_id=""))).entry.no == 3
    assert (await ops.RecordSkip(asked(request_id=""))).entry.no == 4


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"topic": "messaging.nothing.v1"}, "topic"),
        ({"topic": ""}, "topic"),
        ({"partition": 6}, "partition"),
        ({"partition": -1}, "partition"),
        ({"offset": -1}, "offset"),
        ({"reason": " \u200b"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "x" * 2_001}, "reason"),
    ],
)
@pytest.mark.usefixtures("told_auditors")
async def test_a_skip_of_what_cannot_be_is_refused_and_not_recorded(
    signed_in: SignedIn, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await signed_in("ops").RecordSkip(asked(**fields))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"{field} " in (caught.value.details() or "")
    ledger = await signed_in("ann").ListAuditEntries(pb.ListAuditEntriesRequest())
    assert not ledger.entries


@pytest.mark.rule("GW-9")
@pytest.mark.usefixtures("told_auditors")
async def test_gw_09_a_skip_needs_the_permission_to_skip_and_reading_the_ledger_is_not_it(
    signed_in: SignedIn,
) -> None:
    assert "records.skip" in CHANGING
    reading = {"scopes": ["audit.read", "audit.export"], "api_token_id": "tok_1"}
    for caller in (signed_in("ann"), signed_in("bo"), signed_in("ops", **reading)):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await caller.RecordSkip(asked())
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    ledger = await signed_in("ann").ListAuditEntries(pb.ListAuditEntriesRequest())
    assert not ledger.entries


@pytest.mark.rule("GW-6")
@pytest.mark.usefixtures("told_auditors")
async def test_gw_06_copies_of_a_skip_at_once_are_one_entry(signed_in: SignedIn) -> None:
    ops = signed_in("ops")

    made = await asyncio.gather(*(ops.RecordSkip(asked()) for _ in range(8)))

    assert {each.entry.no for each in made} == {1}
    assert (await signed_in("ann").VerifyAudit(pb.VerifyAuditRequest())).verified == 1


@pytest.mark.rule("GW-6")
@pytest.mark.usefixtures("told_auditors")
async def test_gw_06_a_skip_of_an_earlier_release_is_answered_until_its_id_expires(
    signed_in: SignedIn, store: Store
) -> None:
    ops, clock = signed_in("ops"), SystemClock()
    occurrence = Occurrence(
        tenant_id="ten_a",
        occurred_at=to_milliseconds(clock.now()),
        event_id="skip:ten_a:per_ops:r1",
        action="RecordSkipped",
        actor_id="per_ops",
        object="record:messaging.conversation.v1/4/10231",
        reason="CASE-7: unreadable import",
    )
    await LedgerWriter(store, clock=clock).record([occurrence])

    assert (await ops.RecordSkip(asked())).entry.no == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ops.RecordSkip(asked(offset=1))
    assert refused(caught.value).reason == "REQUEST_ID_REUSED"
    assert (await ops.RecordSkip(asked(request_id="r2"))).entry.no == 2
