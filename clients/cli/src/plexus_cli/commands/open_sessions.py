"""Where one is signed in, and ending that."""

from typing import Annotated

import typer
from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus

from plexus_cli.context import find_people, run
from plexus_cli.output import as_dict, instant, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Where you are signed in.")

Whose = Annotated[str, typer.Option("--person", help="Handle or id; yourself by default.")]


@app.command("list")
def show(
    person: Whose = "", json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List sessions and API tokens that are open, the one used last first."""
    found = run(lambda plexus: opened(plexus, person))
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.session_id,
            f"token: {each.device}" if each.HasField("api_token") else each.device,
            instant(each.last_used_at) if each.HasField("last_used_at") else "never",
            each.single_sign_on or ("2 factors" if each.second_factor else ""),
            "this one" if each.present else "",
        )
        for each in found
    ]
    print_table(f"{len(rows)} sessions", ["id", "device", "last used", "", ""], rows)


@app.command()
def revoke(
    session: Annotated[str, typer.Argument(help="Its id; `others` for all but this one.")],
    person: Whose = "",
) -> None:
    """End a session or revoke an API token; open streams end within a second."""

    async def work(plexus: Plexus) -> int:
        request = pb.RevokeSessionsRequest(session_id="" if session == "others" else session)
        if person:
            request.person_id = (await find_people(plexus, [person]))[person].id
        return (await plexus.call(plexus.sessions.RevokeSessions, request)).ended

    say(f"{run(work)} ended.")


async def opened(plexus: Plexus, person: str) -> list[pb.SessionInfo]:
    """Read what of a person is open; an empty one is oneself."""
    request = pb.ListSessionsRequest()
    if person:
        request.person_id = (await find_people(plexus, [person]))[person].id
    found: list[pb.SessionInfo] = []
    while True:
        page = await plexus.call(plexus.sessions.ListSessions, request)
        found += page.sessions
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
