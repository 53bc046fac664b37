"""A role for a department shows the entries about that department alone (GW-3, GW-11)."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from audit import events
from audit.domain.entries import Occurrence, append, entry_id
from audit.operations import LedgerWriter, take_facts
from audit.store import Store
from plexus.audit.v1 import audit_service_pb2 as pb
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_cli.ledger import verify_lines
from plexus_testkit.companies import Company
from plexuskit.grpc import refused
from plexuskit.mongo import Collection

pytestmark = pytest.mark.rule("GW-11")

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
Happened = Callable[..., Occurrence]
Take = Callable[..., Awaitable[None]]


@pytest.fixture
def take(store: Store, ledger_writer: LedgerWriter) -> Take:
    """Process facts as the recorder does: into the history and the ledger."""

    async def taken(*envelopes: Any) -> None:
        parsed = [found for each in envelopes if (found := events.parse_fact(each)) is not None]
        await take_facts(store, ledger_writer=ledger_writer, parsed=parsed)

    return taken


def _tree(facts: Any) -> list[Envelope]:
    return [
        facts.department("dep_north"),
        facts.department("dep_deep", path=("dep_north",)),
        facts.department("dep_south"),
        facts.role("rol_mine", ["audit.read"]),
    ]


def _people(facts: Any) -> list[Envelope]:
    return [
        facts.person("per_ann", roles=["admin"]),
        facts.person("per_lee", department_ids=["dep_north"]),
        facts.person("per_max", department_ids=["dep_south"]),
        facts.person("per_in", department_ids=["dep_deep"]),
        facts.person("per_out", department_ids=["dep_south"]),
        facts.person("per_both", department_ids=["dep_deep", "dep_south"]),
        facts.person("per_nowhere"),
        facts.binding(
            "rbd_1", role_id="auditor", subject="person:per_lee", scope="department:dep_north"
        ),
        facts.binding(
            "rbd_2", role_id="admin", subject="person:per_max", scope="department:dep_south"
        ),
    ]


@pytest.fixture
def auditors(facts: Any) -> Company:
    """Return directory's snapshot for audit's replica of roles: the same company."""
    found = Company()
    found.facts += [*_tree(facts), *_people(facts), _grant(facts)]
    return found


def _grant(facts: Any) -> Envelope:
    """Return a role that the replica has from the start; audit's history decides its effect."""
    granted: Envelope = facts.binding(
        "rbd_3", role_id="rol_mine", subject="person:per_in", scope="department:dep_north"
    )
    return granted


@pytest.fixture
async def company(take: Take, facts: Any, store: Store) -> None:
    """A tree north > deep, south; Lee audits north, Max administers south, Ann everything."""
    await take(*_tree(facts))
    await take(*_people(facts))
    await store.history.begin(facts.at(0))


async def objects(caller: Any, **fields: Any) -> set[str]:
    page = await caller.ListAuditEntries(pb.ListAuditEntriesRequest(**fields))
    return {each.object for each in page.entries}


async def reason(call: Awaitable[Any]) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return refused(raised.value).reason


@pytest.mark.usefixtures("company")
async def test_gw_11_a_role_for_a_department_lists_its_entries_alone(
    signed_in: Any, ledger_writer: LedgerWriter, facts: Any
) -> None:
    about = ("person:per_in", "person:per_out", "person:per_both", "department:dep_deep", "")
    await ledger_writer.record(
        [
            events.decision(facts.decided(hours=1 + number / 10, object=each))
            for number, each in enumerate(about)
        ]
    )
    lee, max_, ann = (signed_in(name) for name in ("lee", "max", "ann"))
    north = {
        "department:dep_north", "department:dep_deep", "person:per_lee", "person:per_in",
        "role_binding:rbd_1",
    }  # fmt: skip
    assert await objects(lee) == north
    assert await objects(max_) == {
        "department:dep_south", "person:per_max", "person:per_out", "role_binding:rbd_2",
    }  # fmt: skip
    assert await objects(ann) >= north | {"person:per_both", "person:per_nowhere", "tenant:ten_a"}
    # Filters narrow what is in reach, and widen nothing.
    assert await objects(lee, object="person:per_out") == set()
    assert await objects(lee, object="person:per_in") == {"person:per_in"}
    assert await objects(lee, actor_id="per_ann") == north


@pytest.mark.usefixtures("company")
async def test_gw_11_an_entry_keeps_the_department_of_its_time(
    signed_in: Any, take: Take, facts: Any
) -> None:
    moved = facts.person("per_in", version=2, hours=2, department_ids=["dep_south"])
    await take(moved)
    await take(facts.department("dep_deep", version=2, hours=3))
    lee, max_ = signed_in("lee"), signed_in("max")

    async def versions(caller: Any) -> list[int]:
        page = await caller.ListAuditEntries(pb.ListAuditEntriesRequest(object="person:per_in"))
        return [each.version_after for each in page.entries]

    assert (await versions(lee), await versions(max_)) == ([1], [2])
    page = await lee.ListAuditEntries(pb.ListAuditEntriesRequest(object="department:dep_deep"))
    assert [each.version_after for each in page.entries] == [1]
    assert list(page.entries[0].department_ids) == ["dep_deep", "dep_north"]


@pytest.mark.usefixtures("company")
async def test_gw_11_pages_of_a_role_for_a_department_are_whole_and_its_own(
    signed_in: Any,
) -> None:
    lee, max_ = signed_in("lee"), signed_in("max")
    found, token = list[int](), ""
    while True:
        request = pb.ListAuditEntriesRequest(page_size=2, page_token=token)
        page = await lee.ListAuditEntries(request)
        found += [each.no for each in page.entries]
        if not page.next_page_token:
            break
        token = page.next_page_token
    assert len(found) == len(set(found)) == 5
    other = max_.ListAuditEntries(pb.ListAuditEntriesRequest(page_size=2, page_token=token))
    assert await reason(other) == "INVALID_PAGE_TOKEN"


@pytest.mark.usefixtures("company")
async def test_gw_11_a_partial_export_proves_itself_and_shows_its_part_alone(
    signed_in: Any,
) -> None:
    async def exported(name: str) -> tuple[list[bytes], set[bool]]:
        frames = [each async for each in signed_in(name).ExportAudit(pb.ExportAuditRequest())]
        return b"".join(each.lines for each in frames).splitlines(), {
            each.partial for each in frames
        }

    whole, partial = await exported("ann")
    assert partial == {False}
    lines, partial = await exported("lee")
    assert partial == {True}
    assert len(lines) == len(whole)
    shown = {no for no, line in enumerate(lines) if line == whole[no]}
    assert {json.loads(lines[no])["object"] for no in shown} == {
        "department:dep_north", "department:dep_deep", "person:per_lee", "person:per_in",
        "role_binding:rbd_1",
    }  # fmt: skip
    for no in set(range(len(lines))) - shown:
        hidden, fields = json.loads(lines[no]), json.loads(whole[no])
        assert hidden == {"hidden": True} | {
            name: fields[name] for name in ("tenant_id", "no", "previous", "hash")
        }

    walk, finding = verify_lines(lines, kept=None)
    assert finding is None
    assert (walk.verified, walk.hidden) == (len(shown), len(lines) - len(shown))
    for no in shown:
        altered = json.loads(lines[no]) | {"actor_id": "per_x"}
        wrong = [*lines[:no], _canonical(altered), *lines[no + 1 :]]
        assert verify_lines(wrong, kept=None)[1] is not None
    assert verify_lines(lines[:3] + lines[4:], kept=None)[1] is not None


@pytest.mark.usefixtures("company")
async def test_gw_11_a_role_for_a_department_verifies_the_whole(signed_in: Any) -> None:
    for name in ("ann", "lee"):
        first = await signed_in(name).VerifyAudit(pb.VerifyAuditRequest())
        assert (first.verified, first.more) == (4, True)


@pytest.mark.usefixtures("company")
async def test_gw_11_audit_decides_itself_and_not_by_the_caller_s_word(
    signed_in: Any, take: Take, facts: Any
) -> None:
    ask = pb.ListAuditEntriesRequest()
    extra = {"extra_permissions": ["audit.read", "audit.export"], "roles": ["admin"]}
    assert await reason(signed_in("in", **extra).ListAuditEntries(ask)) == "PERMISSION_MISSING"
    assert await reason(signed_in("ghost", **extra).ListAuditEntries(ask)) == "ACCESS_NOT_CURRENT"
    assert await reason(signed_in("in", **extra).VerifyAudit(pb.VerifyAuditRequest())) == (
        "PERMISSION_MISSING"
    )
    limited = signed_in("ann", scopes=["people.read"])
    assert await reason(limited.ListAuditEntries(ask)) == "PERMISSION_MISSING"

    # Reading is not exporting, and roles that ended or are switched off show nothing.
    await take(_grant(facts))
    assert "person:per_lee" in await objects(signed_in("in"))
    export = signed_in("in").ExportAudit(pb.ExportAuditRequest())
    assert await reason(_drained(export)) == "PERMISSION_MISSING"
    await take(
        facts.binding(
            "rbd_3", role_id="rol_mine", subject="person:per_in", scope="department:dep_north",
            version=2, hours=1, removed=True,
        )
    )  # fmt: skip
    assert await reason(signed_in("in").ListAuditEntries(ask)) == "PERMISSION_MISSING"


@pytest.mark.usefixtures("company")
async def test_gw_11_entries_from_before_departments_were_written_down_stay_hidden(
    signed_in: Any, store: Store, happened: Happened, ledger: Collection
) -> None:
    old = append(await store.ledger.head("ten_a"), happened(1, object="person:per_in"), now=NOW)
    await store.ledger.append([old])
    stored = await ledger.find_one({"_id": entry_id("ten_a", old.no)})
    assert stored is not None
    assert "departments" not in stored

    async def numbers(name: str) -> list[int]:
        request = pb.ListAuditEntriesRequest(object="person:per_in")
        return [each.no for each in (await signed_in(name).ListAuditEntries(request)).entries]

    assert old.no in await numbers("ann")
    assert old.no not in await numbers("lee")
    request = pb.ExportAuditRequest(from_no=old.no)
    [frame] = [each async for each in signed_in("lee").ExportAudit(request)]
    assert json.loads(frame.lines)["hidden"] is True
    found = await signed_in("ann").VerifyAudit(pb.VerifyAuditRequest(from_no=old.no))
    assert (found.verified, found.HasField("finding")) == (1, False)

    # Nor can departments be added or removed afterwards.
    await ledger.update({"_id": stored["_id"]}, {"$set": {"departments": ["dep_north"]}})
    found = await signed_in("ann").VerifyAudit(pb.VerifyAuditRequest(from_no=old.no))
    assert found.finding.kind == pb.VerifyAuditResponse.Finding.KIND_ALTERED
    await ledger.update({"_id": entry_id("ten_a", 1)}, {"$unset": {"departments": ""}})
    found = await signed_in("ann").VerifyAudit(pb.VerifyAuditRequest())
    assert (found.finding.no, found.finding.kind) == (
        1,
        pb.VerifyAuditResponse.Finding.KIND_ALTERED,
    )


async def _drained(stream: Any) -> None:
    async for _ in stream:
        pass


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
