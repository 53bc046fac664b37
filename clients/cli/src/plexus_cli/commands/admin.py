"""Commands for operators: first administrator, diagnosis, dead letters, migrations, HR feed."""

import asyncio
import sys
from typing import Annotated

from plexus.directory.v1.session_service_pb2 import (
    InitTenantRequest,
    InitTenantResponse,
    SetPasswordRequest,
)
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_sdk import CALL_SECONDS, Plexus, Refused, open_channel, refusals

from plexus_cli.asked import asked
from plexus_cli.context import find_people, run
from plexus_cli.language import counted, tr
from plexus_cli.operator import known, servers
from plexus_cli.options import Argument, BadParameter, Group, Json, Option
from plexus_cli.output import print_json, print_table, say
from plexus_cli.prompts import password

# ruff: noqa: PLC0415 - the servers' drivers are slow to load, and only these commands need them

app = Group(help="For operators.")


@app.command()
def init(
    tenant: Annotated[str, Argument(help="Name of the company.")],
    handle: Annotated[str, Option(help="Handle of the first administrator.")] = "admin",
    name: Annotated[str, Option(help="Name of the first administrator.")] = "Administrator",
    zone: Annotated[str, Option(help="IANA zone of the company.")] = "Asia/Shanghai",
    password_stdin: Annotated[
        bool, Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Create the tenant and its first administrator; works only once."""
    behind = servers()
    typed = password(from_stdin=password_stdin, twice=True)
    request = InitTenantRequest(
        tenant_name=tenant,
        admin_handle=handle,
        admin_password=typed,
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
    say(
        tr(
            "{name} is there; {handle} is its administrator.",
            name=response.tenant.name,
            handle=response.admin.handle,
        )
    )
    say(
        tr(
            "Next: plexus --url {url} login {handle} --password-stdin",
            url=url,
            handle=response.admin.handle,
        )
    )


@app.command("set-password")
def set_password(
    person: Annotated[str, Argument(help="Handle or id.")],
    reason: Annotated[str, Option(help="Reason; the ledger keeps it.")],
    password_stdin: Annotated[
        bool, Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Set a person's password, read from standard input; ends their sessions."""
    typed = password(from_stdin=password_stdin or not sys.stdin.isatty(), twice=True)

    async def work(plexus: Plexus) -> None:
        found = await find_people(plexus, [person])
        request = SetPasswordRequest(person_id=found[person].id, new_password=typed, reason=reason)
        await plexus.call(plexus.sessions.SetPassword, request)

    run(work)
    say(tr("{person} has a new password.", person=person))


@app.command()
def doctor(json: Json = False) -> None:
    """Check servers, versions, parameters, topics, indexes and clocks, and suggest remedies."""
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
        rows = [(tr("ok") if f.ok else tr("BAD"), f.subject, f.seen, f.remedy) for f in findings]
        print_table("", ["", "what", "seen", "remedy"], rows)
    bad = sum(not finding.ok for finding in findings)
    if bad:
        raise Refused(tr("{bad} of {n} findings need attention.", bad=bad, n=len(findings)))


@app.command()
def migrate(
    apply: Annotated[bool, Option("--apply", help="Change the collections.")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Change nothing, the default.")] = False,
    json: Json = False,
) -> None:
    """Show which collections an upgrade changes; --apply changes them."""
    from plexus_cli import operating

    if apply and dry_run:
        raise BadParameter(tr("give --apply or --dry-run, not both"))
    rows = asyncio.run(operating.migrate(dry_run=not apply))
    if json:
        print_json(rows)
    else:
        columns = ["service", "collection", "versions", "migrated", "failed"]
        title = tr("Nothing was changed; --apply changes it") if not apply else tr("Collections")
        print_table(title, columns, [[row[column] for column in columns] for row in rows])
    failed = sum(row["failed"] for row in rows)
    if failed:
        raise Refused(
            counted(
                failed,
                "{n} document could not be migrated; the services log it.",
                "{n} documents could not be migrated; the services log them.",
            )
        )
