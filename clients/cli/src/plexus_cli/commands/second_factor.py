"""Second factors of the caller, and of people who have lost theirs."""

import sys
from typing import Annotated

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus

from plexus_cli.context import find_people, run
from plexus_cli.language import counted, tr
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, mention_aside, print_json, print_table, say
from plexus_cli.prompts import answer, password

app = Group(help="One-time codes and passkeys beside your password.")

PasswordStdin = Annotated[
    bool, Option("--password-stdin", help="Read the password from standard input.")
]
_KINDS = {
    pb.SECOND_FACTOR_KIND_TOTP: "one-time codes",
    pb.SECOND_FACTOR_KIND_PASSKEY: "passkey",
}


@app.command()
def totp(password_stdin: PasswordStdin = False) -> None:
    """Set up one-time codes: shows the secret for your app, then asks for its first code."""
    given = password(from_stdin=password_stdin)

    async def begin(plexus: Plexus) -> pb.EnrollTotpResponse:
        return await plexus.call(plexus.sessions.EnrollTotp, pb.EnrollTotpRequest(password=given))

    enrolment = run(begin)
    say(enrolment.uri)
    say(tr("Secret: {secret}", secret=enrolment.secret))
    if not sys.stdin.isatty():
        say(tr("Next: plexus second-factor confirm CODE, within 15 minutes."))
        return
    confirm(answer("First code of your app"))


@app.command()
def confirm(code: Annotated[str, Argument(help="Current code of your app.")]) -> None:
    """Confirm your app with a code; shows the recovery codes, only once."""

    async def work(plexus: Plexus) -> pb.ConfirmTotpResponse:
        request = pb.ConfirmTotpRequest(code=code)
        response = await plexus.call(plexus.sessions.ConfirmTotp, request)
        # The renewed token has the full permissions of the session.
        await plexus.renew()
        return response

    response = run(work)
    say(tr("One-time codes are asked for from now on."))
    if response.recovery_codes:
        mention_aside(tr("Keep these recovery codes where your app is not; each is good once:"))
        for each in response.recovery_codes:
            say(each)


@app.command("list")
def show(json: Json = False) -> None:
    """List your second factors."""

    async def work(plexus: Plexus) -> pb.ListSecondFactorsResponse:
        return await plexus.call(plexus.sessions.ListSecondFactors, pb.ListSecondFactorsRequest())

    found = run(work, in_zone=not json)
    if json:
        print_json(as_dict(found))
        return
    rows = [
        (
            each.id,
            tr(_KINDS[each.kind]) if each.kind in _KINDS else "",
            each.name,
            local(each.created_at),
        )
        for each in found.factors
    ]
    title = counted(
        len(rows),
        "{n} second factor, {left} recovery codes left",
        "{n} second factors, {left} recovery codes left",
        left=found.recovery_codes_left,
    )
    print_table(title, ["id", "kind", "name", heading("since")], rows)


@app.command()
def delete(
    factor: Annotated[str, Argument(help="Its id; `all` for all of them.")],
    person: Annotated[str, Option(help="Handle or id of the person; yourself by default.")] = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Remove a second factor; for another person it also ends their sessions."""
    given = "" if person else password(from_stdin=password_stdin)

    async def work(plexus: Plexus) -> None:
        request = pb.RemoveSecondFactorRequest(
            factor_id="" if factor == "all" else factor, password=given
        )
        if person:
            request.person_id = (await find_people(plexus, [person]))[person].id
        await plexus.call(plexus.sessions.RemoveSecondFactor, request)

    run(work)
    say(tr("It is asked for no more."))
