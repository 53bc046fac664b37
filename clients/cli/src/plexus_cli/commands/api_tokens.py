"""API tokens of apps."""

import secrets
from datetime import timedelta
from typing import Annotated

import typer
from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli.commands.open_sessions import Whose, opened, revoke
from plexus_cli.context import find_people, run
from plexus_cli.output import as_dict, instant, mention_aside, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Tokens for apps and scripts.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str], typer.Option(help="A permission it may use, such as messages.send; repeat it.")
    ],
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it lasts.")] = 90,
    person: Whose = "",
) -> None:
    """Make a token that acts as you, within scopes; shown this once."""

    async def work(plexus: Plexus) -> pb.CreateApiTokenResponse:
        request = pb.CreateApiTokenRequest(
            request_id=secrets.token_hex(16), name=name, scopes=scope
        )
        request.expires_at.CopyFrom(timestamp(SystemClock().now() + timedelta(days=days)))
        if person:
            request.person_id = (await find_people(plexus, [person]))[person].id
        return await plexus.call(plexus.sessions.CreateApiToken, request)

    made = run(work)
    mention_aside(f"{made.api_token.id}, until {instant(made.api_token.expires_at)}. Keep it safe:")
    say(made.secret)


@app.command("list")
def show(
    person: Whose = "", json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List tokens that apps can act with, the newest first."""
    found = [each for each in run(lambda plexus: opened(plexus, person)) if each.api_token.id]
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.session_id,
            each.api_token.name,
            " ".join(each.api_token.scopes),
            instant(each.last_used_at) if each.HasField("last_used_at") else "never",
            instant(each.expires_at),
        )
        for each in found
    ]
    print_table(f"{len(rows)} tokens", ["id", "name", "scopes", "last used", "until"], rows)


app.command("revoke", help="Revoke a token; its streams end within a second.")(revoke)
