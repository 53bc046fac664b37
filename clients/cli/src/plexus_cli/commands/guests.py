"""Guests: people from outside, for a time."""

import sys
from typing import Annotated

import typer
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Person
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.commands.departments import RequestId, new_request_id
from plexus_cli.context import find_people, me, run
from plexus_cli.output import as_dict, local, print_json, say

app = typer.Typer(no_args_is_help=True, help="People from outside, for a time.")

Until = Annotated[str, typer.Option(help=f"Last instant, at most a year ahead: {moments.HELP}")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    handle: Annotated[str, typer.Argument(help="What the guest signs in with.")],
    name: Annotated[str, typer.Argument(help="As colleagues see it.")],
    until: Until,
    email: Annotated[str, typer.Option(help="Address.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Let somebody from outside in, until an instant."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""

    async def work(plexus: Plexus) -> Person:
        zone = moments.zone_of((await me(plexus)).time_zone)
        request = pb.CreatePersonRequest(
            request_id=request_id or new_request_id(),
            handle=handle,
            display_name=name,
            email=email,
            password=password,
            kind=Person.KIND_GUEST,
            guest_expires_at=timestamp(moments.parse(until, zone=zone, now=SystemClock().now())),
        )
        return (await plexus.call(plexus.directory.CreatePerson, request)).person

    _show(run(work), json=json)


@app.command()
def extend(
    guest: Annotated[str, typer.Argument(help="Handle or id.")],
    until: Until,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Give a guest another last instant; `plexus people reactivate` brings one back who is out."""

    async def work(plexus: Plexus) -> Person:
        zone = moments.zone_of((await me(plexus)).time_zone)
        request = pb.UpdatePersonRequest(
            request_id=request_id or new_request_id(),
            person_id=(await find_people(plexus, [guest]))[guest].id,
            guest_expires_at=timestamp(moments.parse(until, zone=zone, now=SystemClock().now())),
        )
        return (await plexus.call(plexus.directory.UpdatePerson, request)).person

    _show(run(work), json=json)


def _show(guest: Person, *, json: bool) -> None:
    if json:
        print_json(as_dict(guest))
    else:
        say(f"{guest.id}  {guest.handle} until {local(guest.guest_expires_at)}")
