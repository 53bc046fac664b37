"""The ledger: decisions and changes, and the proof that no entry is missing."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.audit.v1 import audit_service_pb2
from plexus.audit.v1.audit_pb2 import AuditEntry
from plexus_sdk import Plexus, Refused, refusals
from plexus_sdk.times import Edge
from plexuskit.timestamps import timestamp

from plexus_cli import ledger, moments
from plexus_cli.context import find_people, name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.ledger import Anchor, Finding
from plexus_cli.lookups import subjects
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, mention_aside, print_json, print_table, say

pb = audit_service_pb2
app = Group(help="The audit ledger: every decision and change, provably complete.")

PAGE = 1_000
DECISIONS_SHOWN_WORDS = {
    AuditEntry.DECISION_ALLOWED: "allowed",
    AuditEntry.DECISION_REFUSED: "refused",
    AuditEntry.DECISION_UNSPECIFIED: "",
}
_Kinds = pb.VerifyAuditResponse.Finding
REASONS: Mapping[int, str] = {
    _Kinds.KIND_ALTERED: ledger.ALTERED,
    _Kinds.KIND_REMOVED: ledger.REMOVED,
    _Kinds.KIND_REORDERED: ledger.REORDERED,
    _Kinds.KIND_ANCHOR: ledger.ANCHOR,
}

First = Annotated[int, Option("--from", help="First number.", min=0)]
Last = Annotated[int, Option("--to", help="Last number; 0: the current end.", min=0)]
When = Annotated[str | None, Option(help=moments.PAST_HELP)]


@app.command("list")
def list_(
    actor: Annotated[str | None, Option(help="Handle or id of who did it.")] = None,
    object_: Annotated[str, Option("--object", help="For example person:per_…")] = "",
    action: Annotated[str, Option(help="For example PersonDeactivated.")] = "",
    refused: Annotated[bool, Option(help="Only refused calls.")] = False,
    since: When = None,
    until: When = None,
    limit: Annotated[int, Option(min=1, max=PAGE)] = 50,
    json: Json = False,
) -> None:
    """List entries, newest first."""

    async def work(
        plexus: Plexus,
    ) -> tuple[list[AuditEntry], dict[str, str], Callable[[str], str]]:
        people = await find_people(plexus, [actor] if actor else [])
        request = pb.ListAuditEntriesRequest(
            page_size=limit,
            actor_id=people[actor].id if actor else "",
            object=object_,
            action=action,
            decision=AuditEntry.DECISION_REFUSED if refused else AuditEntry.DECISION_UNSPECIFIED,
            since=_moment(since, day_is="start"),
            until=_moment(until, day_is="end"),
        )
        response = await plexus.call(plexus.audit.ListAuditEntries, request)
        ids = {entry.actor_id for entry in response.entries if entry.actor_id.startswith("per_")}
        names = await name_people(plexus, ids)
        texts = [text for each in response.entries for text in (each.object, each.rule)]
        readable = str if json else await subjects.readable(plexus, texts)
        return list(response.entries), names, readable

    entries, names, readable = run(work, in_zone=True)
    if json:
        print_json([as_dict(entry) for entry in entries])
        return
    rows = [
        (
            entry.no,
            local(entry.occurred_at),
            names.get(entry.actor_id, entry.actor_id),
            entry.action,
            readable(entry.object),
            " ".join(
                word for word in (tr(DECISIONS_SHOWN_WORDS[entry.decision]), entry.outcome) if word
            ),
            readable(entry.rule),
            "  ".join(f"{name}: {value}" for name, value in sorted(entry.details.items())),
        )
        for entry in entries
    ]
    columns = ["number", heading("at"), "who", "what", "object", "decision", "rule", "changed"]
    print_table(counted(len(entries), "{n} entry", "{n} entries"), columns, rows)


_PARTIAL_SHOWN_WORDS = (
    "Your role is for a part of the company: entries beyond it are exported without content."
)


@app.command()
def export(
    output: Annotated[
        Path | None, Argument(help="File to append to; standard output by default.")
    ] = None,
    first: First = 0,
    last: Last = 0,
) -> None:
    """Export entries as JSON lines with their hashes, for external archives."""
    begun = ledger.last_number(output) if output else 0
    request = pb.ExportAuditRequest(from_no=max(begun + 1 if begun else 0, first), through_no=last)

    async def work(plexus: Plexus) -> tuple[int, bool]:
        through, partial = begun, False
        if output is None:
            async for frame in _frames(plexus, request):
                sys.stdout.buffer.write(frame.lines)
                through, partial = frame.through_no, partial or frame.partial
            return through, partial
        with output.open("ab") as file:
            async for frame in _frames(plexus, request):
                file.write(frame.lines)
                through, partial = frame.through_no, partial or frame.partial
        return through, partial

    through, partial = run(work)
    mention_aside(tr("Exported through {through}.", through=through))
    if partial:
        mention_aside(tr(_PARTIAL_SHOWN_WORDS))


@app.command()
def verify(
    file: Annotated[Path | None, Argument(help="Exported file, verified without a server.")] = None,
    keep: Annotated[
        Path | None, Option(help="File that stores the last verified entry between runs.")
    ] = None,
    first: First = 0,
    last: Last = 0,
    json: Json = False,
) -> None:
    """Verify that no entry was altered, removed or reordered; exit code 1 if one was."""
    kept = ledger.read_anchor(keep)
    if file is None:
        verified, head, finding = run(
            lambda plexus: _walk(plexus, first=first, last=last, kept=kept)
        )
        hidden = 0
    else:
        with file.open("rb") as lines:
            walk, finding = ledger.verify_lines(lines, kept=kept)
        verified, head, hidden = walk.verified, walk.head, walk.hidden
    if json:
        print_json(_shown(verified, head, finding) | {"hidden": hidden})
    if finding is not None:
        raise Refused(
            tr("Entry {no}: {text}.", no=finding.no, text=finding.text), reason=finding.reason
        )
    ledger.keep_anchor(keep, head)
    if not json:
        if head:
            say(
                counted(
                    verified,
                    "{n} entry verified through {no}: {hash}",
                    "{n} entries verified through {no}: {hash}",
                    no=head.no,
                    hash=head.hash,
                )
            )
        else:
            say(counted(verified, "{n} entry verified", "{n} entries verified"))
        if hidden:
            say(counted(hidden, "{n} entry is a link alone.", "{n} entries are links alone."))
            say(tr(_PARTIAL_SHOWN_WORDS))


async def _walk(
    plexus: Plexus, *, first: int, last: int, kept: Anchor | None
) -> tuple[int, Anchor | None, Finding | None]:
    """Verify segment after segment, each from the end of the previous one."""
    verified, at = 0, first
    anchors = {kept.no: kept.hash} if kept else {}
    head: Anchor | None = None
    while True:
        request = pb.VerifyAuditRequest(
            from_no=at,
            through_no=last,
            anchors=[pb.Anchor(no=no, hash=bytes.fromhex(hash_)) for no, hash_ in anchors.items()],
        )
        response = await plexus.call(plexus.audit.VerifyAudit, request, seconds=120)
        verified += response.verified
        if response.HasField("head"):
            head = Anchor(response.head.no, response.head.hash.hex())
        if response.HasField("finding"):
            found = response.finding
            reason = REASONS.get(found.kind, ledger.ALTERED)
            return verified, head, Finding(found.no, reason, found.text)
        if not response.more or head is None:
            return verified, head, None
        at = head.no + 1
        anchors[head.no] = head.hash


async def _frames(plexus: Plexus, request: Any) -> AsyncIterator[pb.ExportAuditResponse]:
    metadata = await plexus.metadata()
    with refusals():
        async for frame in plexus.audit.ExportAudit(request, metadata=metadata):
            yield frame


def _moment(word: str | None, *, day_is: Edge) -> Timestamp | None:
    return timestamp(moments.past(word, day_is=day_is)) if word else None


def _shown(verified: int, head: Anchor | None, finding: Finding | None) -> dict[str, Any]:
    return {
        "verified": verified,
        "head": {"no": head.no, "hash": head.hash} if head else None,
        "finding": {"no": finding.no, "reason": finding.reason, "text": finding.text}
        if finding
        else None,
    }
