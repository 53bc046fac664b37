"""API tokens of apps."""

import secrets
from datetime import timedelta
from typing import Annotated

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.context import find_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.sessions import Whose, end, opened
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, mention_aside, print_json, print_table, say

app = Group(help="Tokens for apps and scripts.")


@app.command()
def create(
    name: Annotated[str, Argument(help="Purpose.")],
    scope: Annotated[
        list[str], Option(help="Permission of the token, such as messages.send; can be repeated.")
    ],
    days: Annotated[int, Option(min=1, max=366, help="Lifetime in days.")] = 90,
    person: Whose = "",
) -> None:
    """Create a token that acts as you, limited to scopes; it is shown only once."""

    async def work(plexus: Plexus) -> pb.CreateApiTokenResponse:
        request = pb.CreateApiTokenRequest(
            request_id=secrets.token_hex(16), name=name, scopes=scope
        )
        request.expires_at.CopyFrom(timestamp(SystemClock().now() + timedelta(days=days)))
        if person:
            request.person_id = (await find_people(plexus, [person]))[person].id
        return await plexus.call(plexus.sessions.CreateApiToken, request)

    made = run(work, in_zone=True)
    mention_aside(
        tr(
            "{id}, until {at}. Keep it safe:",
            id=made.api_token.id,
            at=moments.shown(instant_of(made.api_token.expires_at)),
        )
    )
    say(made.secret)


@app.command("list")
def show(person: Whose = "", json: Json = False) -> None:
    """List API tokens, newest first."""
    found = [
        each
        for each in run(lambda plexus: opened(plexus, person), in_zone=not json)
        if each.api_token.id
    ]
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.session_id,
            each.api_token.name,
            " ".join(each.api_token.scopes),
            local(each.last_used_at) if each.HasField("last_used_at") else tr("never"),
            local(each.expires_at),
        )
        for each in found
    ]
    print_table(
        counted(len(rows), "{n} token", "{n} tokens"),
        ["id", "name", "scopes", heading("last used"), heading("until")],
        rows,
    )


@app.command()
def delete(
    token: Annotated[str, Argument(help="Its id.")],
    person: Whose = "",
) -> None:
    """Revoke a token; its streams end within a second."""
    say(counted(run(lambda plexus: end(plexus, token, person)), "{n} ended.", "{n} ended."))
