"""For operators: the first administrator, diagnosis, dead letters, migrations, the HR feed."""

import asyncio
import secrets
import sys
from typing import Annotated

import typer
from plexus.audit.v1.audit_service_pb2 import RecordSkipRequest
from plexus.directory.v1.session_service_pb2 import (
    InitTenantRequest,
    InitTenantResponse,
    SetPasswordRequest,
)
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_sdk import CALL_SECONDS, Plexus, Refused, open_channel, refusals

from plexus_cli.commands import feed, sign_in
from plexus_cli.context import asked, find_people, run
from plexus_cli.operator import known, servers
from plexus_cli.output import print_json, print_table, say

# ruff: noqa: PLC0415 - the servers' drivers are slow to load, and only these commands need them

app = typer.Typer(no_args_is_help=True, help="For operators.")
dlq = typer.Typer(no_args_is_help=True, help="Records that a consumer could not handle.")
app.add_typer(dlq, name="dlq")
app.add_typer(feed.app, name="feed")
app.add_typer(sign_in.app, name="sign-in")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Group = Annotated[str, typer.Argument(help="Consumer group, for example search.messages.")]


@app.command()
def init(
    tenant: Annotated[str, typer.Argument(help="Name of the company.")],
    handle: Annotated[str, typer.Option(help="Handle of the first administrator.")] = "admin",
    name: Annotated[str, typer.Option(help="Name of the first administrator.")] = "Administrator",
    zone: Annotated[str, typer.Option(help="IANA zone of the company.")] = "Asia/Shanghai",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make the tenant and its first administrator; refused once there is one."""
    behind = servers()
    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    )
    request = InitTenantRequest(
        tenant_name=tenant,
        admin_handle=handle,
        admin_password=password,
        admin_display_name=name,
        time_zone=zone,
        bootstrap_secret=known(behind.secret, "PLEXUS_BOOTSTRAP_SECRET"),
    )
    url = asked.url or known(behind.gateway, "PLEXUS_GATEWAY_GRPC (or give --url)")

    async def work() -> InitTenantResponse:
        async with open_channel(url) as channel:
            with refusals():
                stub = SessionServiceStub(channel)
                return await stub.InitTenant(request, timeout=CALL_SECONDS)

    response = asyncio.run(work())
    say(f"{response.tenant.name} is there; {response.admin.handle} is its administrator.")
    say(f"Next: plexus --url {url} login {response.admin.handle} --password-stdin")


@app.command("set-password")
def set_password(
    person: Annotated[str, typer.Argument(help="Handle or id.")],
    reason: Annotated[str, typer.Option(help="Why; the ledger keeps it.")],
) -> None:
    """Set somebody's password, read from standard input; ends their sessions."""
    password = sys.stdin.readline().rstrip("\r\n")

    async def work(plexus: Plexus) -> None:
        found = await find_people(plexus, [person])
        request = SetPasswordRequest(
            person_id=found[person].id, new_password=password, reason=reason
        )
        await plexus.call(plexus.sessions.SetPassword, request)

    run(work)
    say(f"{person} has a new password.")


@app.command()
def doctor(json: Json = False) -> None:
    """Look at servers, versions, parameters, topics, indexes and clocks; says what to do."""
    from plexus_cli.doctor import examine

    findings = asyncio.run(examine(servers()))
    if json:
        print_json(
            [
                {"subject": f.subject, "ok": f.ok, "seen": f.seen, "remedy": f.remedy}
                for f in findings
            ]
        )
    else:
        rows = [("ok" if f.ok else "BAD", f.subject, f.seen, f.remedy) for f in findings]
        print_table("", ["", "what", "seen", "remedy"], rows)
    bad = sum(not finding.ok for finding in findings)
    if bad:
        raise Refused(f"{bad} of {len(findings)} findings need attention.")


@dlq.command("list")
def dlq_show(group: Group, limit: int = 50, json: Json = False) -> None:
    """List dead letters that wait, oldest first, with their reasons."""
    from plexus_cli import operating

    letters = operating.letters(group, limit)
    if json:
        print_json(letters)
        return
    columns = ["position", "at", "topic", "key", "reason"]
    rows = [[letter[column] for column in columns] for letter in letters]
    print_table(f"{len(rows)} dead letters of {group}", columns, rows)


@dlq.command("redrive")
def dlq_again(
    group: Group,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 1000,
    only: Annotated[
        list[str] | None, typer.Option(help="Position `partition:offset` from the list.")
    ] = None,
) -> None:
    """Send dead letters back to their topics, for this group alone."""
    from plexus_cli import operating

    report = operating.redrive(group, limit, positions=set(only or []))
    say(f"{report.redriven} sent again, {report.waiting} wait.")


@dlq.command("skip")
def dlq_skip(
    topic: Annotated[str, typer.Argument(help="Topic, for example messaging.conversation.v1.")],
    partition: Annotated[int, typer.Argument(help="Held partition, as `doctor` shows it.")],
    offset: Annotated[int, typer.Argument(help="Offset of the held record.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the dead letter.")],
) -> None:
    """Have a held record set aside as a dead letter, so that its partition moves on.

    Needs the servers' addresses and a signed-in person with the permission `records.skip`: the
    ledger names person, record and reason before anything is done.
    """
    from plexus_cli import operating

    if not reason.strip():
        raise Refused("Give the reason: --reason TEXT.", reason="REASON_REQUIRED")
    # Nothing goes into the ledger that could not be done.
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
    say(f"{', '.join(groups)}: set aside at the next attempt, within 30 seconds.")


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option(help="Only say what would change.")] = False,
    json: Json = False,
) -> None:
    """Bring every collection to the shape that the installed services expect."""
    from plexus_cli import operating

    rows = asyncio.run(operating.migrate(dry_run=dry_run))
    if json:
        print_json(rows)
    else:
        columns = ["service", "collection", "versions", "migrated", "failed"]
        title = "Nothing was changed (dry run)" if dry_run else "Collections"
        print_table(title, columns, [[row[column] for column in columns] for row in rows])
    failed = sum(row["failed"] for row in rows)
    if failed:
        raise Refused(f"{failed} documents could not be migrated; the services log them.")
