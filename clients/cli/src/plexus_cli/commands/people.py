"""Who there is."""

from typing import Annotated

import typer
from plexus.directory.v1.directory_service_pb2 import ListPeopleRequest
from plexus.directory.v1.people_pb2 import Person

from plexus_cli.context import run
from plexus_cli.output import as_dict, print_json, print_table
from plexus_cli.sdk import Plexus


def people(
    query: Annotated[str, typer.Argument(help="Part of a handle or name.")] = "",
    deactivated: Annotated[bool, typer.Option(help="Show deactivated people too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List people."""

    async def work(plexus: Plexus) -> list[Person]:
        return await all_people(plexus, query=query, deactivated=deactivated)

    found = run(work)
    if json:
        print_json([as_dict(person) for person in found])
        return
    rows = [
        (
            p.handle,
            p.display_name,
            p.title,
            p.time_zone,
            "" if p.state == Person.STATE_ACTIVE else "off",
        )
        for p in found
    ]
    print_table(f"{len(found)} people", ["handle", "name", "title", "zone", ""], rows)


async def all_people(plexus: Plexus, *, query: str = "", deactivated: bool = False) -> list[Person]:
    """Read every page of people."""
    found: list[Person] = []
    token = ""
    while True:
        request = ListPeopleRequest(
            page_size=1000, page_token=token, query=query, include_deactivated=deactivated
        )
        response = await plexus.call(plexus.directory.ListPeople, request)
        found += response.people
        token = response.next_page_token
        if not token:
            return found
