"""Open sessions and API tokens of a person."""

from typing import Annotated

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus

from plexus_cli.context import find_people
from plexus_cli.options import Option

Whose = Annotated[str, Option("--person", help="Handle or id; yourself by default.")]


async def end(plexus: Plexus, session: str, person: str) -> int:
    """End a session or revoke an API token; `others` means all but the current session."""
    request = pb.RevokeSessionsRequest(session_id="" if session == "others" else session)
    if person:
        request.person_id = (await find_people(plexus, [person]))[person].id
    return (await plexus.call(plexus.sessions.RevokeSessions, request)).ended


async def opened(plexus: Plexus, person: str) -> list[pb.SessionInfo]:
    """Return the open sessions and tokens of a person; an empty name is the caller."""
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
