"""Open sessions of a user, and their revocation."""

from typing import Annotated

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.sessions import Whose, end, opened
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json
from plexus_cli.output import as_dict, print_json, print_table, say

app = Group(help="Your open sessions.")


@app.command("list")
def show(person: Whose = "", json: Json = False) -> None:
    """List open sessions and API tokens, last used first."""
    found = run(lambda plexus: opened(plexus, person), in_zone=not json)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.session_id,
            tr("token: {device}", device=each.device)
            if each.HasField("api_token")
            else each.device,
            local(each.last_used_at) if each.HasField("last_used_at") else tr("never"),
            each.single_sign_on or (tr("2 factors") if each.second_factor else ""),
            tr("this one") if each.present else "",
        )
        for each in found
    ]
    print_table(
        counted(len(rows), "{n} session", "{n} sessions"),
        ["id", "device", heading("last used"), "", ""],
        rows,
    )


@app.command()
def delete(
    session: Annotated[str, Argument(help="Its id; `others` for all but this one.")],
    person: Whose = "",
) -> None:
    """End a session; open streams end within a second."""
    say(counted(run(lambda plexus: end(plexus, session, person)), "{n} ended.", "{n} ended."))
