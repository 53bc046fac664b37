"""Guests: external people with an expiry time."""

from typing import Annotated

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Person
from plexus_sdk import Plexus
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.context import find_people, run
from plexus_cli.language import tr
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, say
from plexus_cli.texts import read_line

app = Group(help="External guests, for a limited time.")

Until = Annotated[str, Option(help=moments.HELP)]


@app.command()
def create(
    handle: Annotated[str, Argument(help="Handle to sign in with, without @.")],
    name: Annotated[str, Argument(help="Name shown to colleagues.")],
    until: Until,
    email: Annotated[str, Option(help="E-mail address.")] = "",
    password_stdin: Annotated[
        bool, Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Invite an external guest until a given time."""
    password = read_line() if password_stdin else ""

    async def work(plexus: Plexus) -> Person:
        request = pb.CreatePersonRequest(
            request_id=request_id or new_request_id(),
            handle=handle,
            display_name=name,
            email=email,
            password=password,
            kind=Person.KIND_GUEST,
            guest_expires_at=timestamp(moments.future(until, day_is="end")),
        )
        return (await plexus.call(plexus.directory.CreatePerson, request)).person

    _show(run(work, in_zone=True), json=json)


@app.command()
def update(
    guest: Annotated[str, Argument(help="Handle or id.")],
    until: Until,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change until when a guest may sign in; `plexus people reactivate` readmits an expired one."""

    async def work(plexus: Plexus) -> Person:
        request = pb.UpdatePersonRequest(
            request_id=request_id or new_request_id(),
            person_id=(await find_people(plexus, [guest]))[guest].id,
            guest_expires_at=timestamp(moments.future(until, day_is="end")),
        )
        return (await plexus.call(plexus.directory.UpdatePerson, request)).person

    _show(run(work, in_zone=True), json=json)


def _show(guest: Person, *, json: bool) -> None:
    if json:
        print_json(as_dict(guest))
    else:
        say(
            tr(
                "{id}  {handle} until {at}",
                id=guest.id,
                handle=guest.handle,
                at=moments.shown(instant_of(guest.guest_expires_at)),
            )
        )
