"""Records that a consumer could not handle, and records that hold a partition."""

import secrets
from typing import Annotated

from plexus.audit.v1.audit_service_pb2 import RecordSkipRequest
from plexus_sdk import Plexus, Refused

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import print_json, print_table, say

# ruff: noqa: PLC0415 - the servers' drivers are slow to load, and only these commands need them

app = Group(help="Records that a consumer could not handle.")

Consumer = Annotated[str, Argument(help="Consumer group, for example search.messages.")]


@app.command("list")
def list_(group: Consumer, limit: int = 50, json: Json = False) -> None:
    """List dead letters, oldest first, with their reasons."""
    from plexus_cli import operating

    letters = operating.letters(group, limit)
    if json:
        print_json(letters)
        return
    columns = ["position", "at", "topic", "key", "reason"]
    rows = [[letter[column] for column in columns] for letter in letters]
    print_table(
        counted(
            len(rows), "{n} dead letters of {group}", "{n} dead letters of {group}", group=group
        ),
        columns,
        rows,
    )


@app.command("redrive")
def redrive(
    group: Consumer,
    limit: Annotated[int, Option(help="Largest number of records.")] = 1000,
    only: Annotated[
        list[str] | None, Option(help="Position `partition:offset` from the list.")
    ] = None,
) -> None:
    """Retry dead letters; only this consumer group receives them again."""
    from plexus_cli import operating

    report = operating.redrive(group, limit, positions=set(only or []))
    say(
        tr(
            "{redriven} sent again, {waiting} wait.",
            redriven=report.redriven,
            waiting=report.waiting,
        )
    )


@app.command("skip")
def skip(
    topic: Annotated[str, Argument(help="Topic, for example messaging.conversation.v1.")],
    partition: Annotated[int, Argument(help="Held partition, as `doctor` shows it.")],
    offset: Annotated[int, Argument(help="Offset of the held record.")],
    reason: Annotated[str, Option(help="Reason; kept with the dead letter.")],
) -> None:
    """Move a held record to the dead letters, so that its partition continues.

    Needs the servers' addresses and a signed-in person with the permission `records.skip`: the
    ledger records person, record and reason first.
    """
    from plexus_cli import operating

    if not reason.strip():
        raise Refused(tr("Give the reason: --reason TEXT."), reason="REASON_REQUIRED")
    # The ledger must not record an action that is impossible.
    operating.standing_at(topic, partition, offset)

    async def record(plexus: Plexus) -> tuple[str, int]:
        request = RecordSkipRequest(
            topic=topic,
            partition=partition,
            offset=offset,
            reason=reason,
            request_id=secrets.token_hex(16),
        )
        response = await plexus.call(plexus.audit.RecordSkip, request)
        return plexus.profile.handle or plexus.profile.person_id, response.entry.no

    actor, no = run(record)
    named = f"{actor} (entry {no} of the ledger)"
    groups = operating.skip(topic, partition, offset, actor=named, reason=reason.strip())
    say(tr("{groups}: set aside at the next attempt, within 30 seconds.", groups=", ".join(groups)))
