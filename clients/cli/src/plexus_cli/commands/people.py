"""Who there is: finding, making and changing people."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Absence, Person
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp
from typer.core import TyperGroup

from plexus_cli import moments
from plexus_cli.commands.departments import RequestId, all_departments, new_request_id
from plexus_cli.commands.departments import find as find_department
from plexus_cli.context import find_people, me, name_people, run
from plexus_cli.output import as_dict, local, print_json, print_table, say


class Listing(TyperGroup):
    """A group of commands that lists when the first word is none of them: `plexus people lin`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` in front of what names no command and asks for no help."""
        first = next(iter(args), "")
        if first not in self.commands and first != "--help":
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Listing, help="People: list, show, add, change, and who is away.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Who = Annotated[str, typer.Argument(help="Handle or id.")]


@app.command("list")
def list_(
    query: Annotated[str, typer.Argument(help="Part of a handle or name.")] = "",
    deactivated: Annotated[bool, typer.Option(help="Show deactivated people too.")] = False,
    department: Annotated[str, typer.Option(help="Only people of it and below.")] = "",
    json: Json = False,
) -> None:
    """List people; `plexus people lin` does so too."""

    async def work(plexus: Plexus) -> list[Person]:
        within = (await find_department(plexus, department)).id if department else ""
        return await all_people(plexus, query=query, deactivated=deactivated, department_id=within)

    found = run(work)
    if json:
        print_json([as_dict(person) for person in found])
        return
    rows = [(p.handle, p.display_name, p.title, p.time_zone, marks(p)) for p in found]
    print_table(f"{len(found)} people", ["handle", "name", "title", "zone", ""], rows)


@app.command()
def show(person: Who, json: Json = False) -> None:
    """Show everything about a person."""

    async def work(plexus: Plexus) -> tuple[Person, dict[str, str], dict[str, str]]:
        found = (await find_people(plexus, [person]))[person]
        names = await name_people(plexus, {found.manager_id, found.absence.deputy_id} - {""})
        if not found.department_ids:
            return found, names, {}
        tree = await all_departments(plexus)
        return found, names, {each.id: each.name for each in tree}

    found, names, departments = run(work)
    if json:
        print_json(as_dict(found))
        return
    print_table(found.display_name, ["", ""], described(found, names, departments))


@app.command()
def add(
    handle: Annotated[str, typer.Argument(help="What the person signs in with.")],
    name: Annotated[str, typer.Argument(help="As colleagues write it.")],
    email: Annotated[str, typer.Option(help="Address.")] = "",
    title: Annotated[str, typer.Option(help="Post.")] = "",
    department: Annotated[list[str] | None, typer.Option(help="Main one first.")] = None,
    manager: Annotated[str, typer.Option(help="Handle or id.")] = "",
    skill: Annotated[list[str] | None, typer.Option(help="What the person can.")] = None,
    employee_number: Annotated[str, typer.Option(help="The company's own number.")] = "",
    cost_center: Annotated[str, typer.Option(help="For example 4711.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="admin, auditor or member.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make a person."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""

    async def work(plexus: Plexus) -> Person:
        request = pb.CreatePersonRequest(
            request_id=request_id or new_request_id(),
            handle=handle,
            display_name=name,
            email=email,
            title=title,
            department_ids=await _departments(plexus, department),
            manager_id=await _person_id(plexus, manager),
            skills=skill,
            employee_number=employee_number,
            cost_center=cost_center,
            roles=role,
            password=password,
        )
        return (await plexus.call(plexus.directory.CreatePerson, request)).person

    _changed(run(work), json=json)


@app.command()
def update(
    person: Who,
    name: Annotated[str | None, typer.Option(help="As colleagues write it.")] = None,
    email: Annotated[str | None, typer.Option(help="Address.")] = None,
    title: Annotated[str | None, typer.Option(help="Post.")] = None,
    department: Annotated[
        list[str] | None, typer.Option(help="Replaces all, main one first; `-` for none.")
    ] = None,
    manager: Annotated[str | None, typer.Option(help="Handle or id; `-` for nobody.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="Replaces all; `-` for none.")] = None,
    employee_number: Annotated[str | None, typer.Option(help="The company's number.")] = None,
    cost_center: Annotated[str | None, typer.Option(help="For example 4711.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="Replaces all.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for an address that signs in.")] = "",
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change what is given of a person, and leave the rest."""

    async def work(plexus: Plexus) -> Person:
        request = pb.UpdatePersonRequest(
            request_id=request_id or new_request_id(),
            person_id=await _person_id(plexus, person),
            display_name=name,
            email=email,
            reason=reason,
            title=title,
            department_ids=await _departments(plexus, _given(department)),
            set_departments=department is not None,
            manager_id=None if manager is None else await _person_id(plexus, manager),
            skills=_given(skill),
            set_skills=skill is not None,
            employee_number=employee_number,
            cost_center=cost_center,
            roles=role,
            set_roles=role is not None,
        )
        return (await plexus.call(plexus.directory.UpdatePerson, request)).person

    _changed(run(work), json=json)


@app.command()
def deactivate(person: Who, request_id: RequestId = None, json: Json = False) -> None:
    """Take away the right to sign in; every session ends."""

    async def work(plexus: Plexus) -> Person:
        request = pb.DeactivatePersonRequest(
            request_id=request_id or new_request_id(), person_id=await _person_id(plexus, person)
        )
        return (await plexus.call(plexus.directory.DeactivatePerson, request)).person

    _changed(run(work), json=json)


@app.command()
def reactivate(person: Who, request_id: RequestId = None, json: Json = False) -> None:
    """Let a deactivated person back in; they sign in anew."""

    async def work(plexus: Plexus) -> Person:
        request = pb.ReactivatePersonRequest(
            request_id=request_id or new_request_id(), person_id=await _person_id(plexus, person)
        )
        return (await plexus.call(plexus.directory.ReactivatePerson, request)).person

    _changed(run(work), json=json)


@app.command()
def absence(
    person: Annotated[str, typer.Argument(help="Handle or id; yourself without.")] = "",
    start: Annotated[str, typer.Option("--from", help=f"{moments.HELP} Now without.")] = "",
    until: Annotated[str, typer.Option(help=f"{moments.HELP} Without: no absence.")] = "",
    deputy: Annotated[str, typer.Option(help="Who stands in: handle or id.")] = "",
    note: Annotated[str, typer.Option(help="Shown to colleagues, for example 年假.")] = "",
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Plan an absence, your own or of whom you manage; without --until take it back."""

    async def work(plexus: Plexus) -> Person:
        now = SystemClock().now()
        request = pb.SetAbsenceRequest(
            request_id=request_id or new_request_id(),
            person_id=await _person_id(plexus, person),
        )
        if until:
            zone = moments.zone_of((await me(plexus)).time_zone)
            begins = moments.parse(start, zone=zone, now=now) if start else now
            request.absence.CopyFrom(
                Absence(
                    starts_at=timestamp(begins),
                    ends_at=timestamp(moments.parse(until, zone=zone, now=now)),
                    deputy_id=await _person_id(plexus, deputy),
                    note=note,
                )
            )
        return (await plexus.call(plexus.directory.SetAbsence, request)).person

    _changed(run(work), json=json)


async def all_people(
    plexus: Plexus, *, query: str = "", deactivated: bool = False, department_id: str = ""
) -> list[Person]:
    """Read every page of people."""
    found: list[Person] = []
    token = ""
    while True:
        request = pb.ListPeopleRequest(
            page_size=1000,
            page_token=token,
            query=query,
            include_deactivated=deactivated,
            department_id=department_id,
        )
        response = await plexus.call(plexus.directory.ListPeople, request)
        found += response.people
        token = response.next_page_token
        if not token:
            return found


def marks(person: Person) -> str:
    """Say in a word what is not usual about a person."""
    if person.state != Person.STATE_ACTIVE:
        return "off"
    return "guest" if person.kind == Person.KIND_GUEST else ""


def described(
    person: Person, names: Mapping[str, str], departments: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Give what is known of a person, line by line; what is not set is left out."""
    away = person.absence
    lines = {
        "handle": person.handle,
        "id": person.id,
        "state": marks(person),
        "e-mail": person.email,
        "title": person.title,
        "departments": ", ".join(departments.get(id_, id_) for id_ in person.department_ids),
        "posts": ", ".join(
            f"{post.title} ({departments.get(post.department_id, post.department_id)})"
            for post in person.posts
        ),
        "manager": names.get(person.manager_id, ""),
        "skills": ", ".join(person.skills),
        "employee number": person.employee_number,
        "cost centre": person.cost_center,
        "roles": ", ".join(person.roles),
        "zone": person.time_zone,
        "language": person.locale,
        "guest until": (
            local(person.guest_expires_at) if person.HasField("guest_expires_at") else ""
        ),
        "away": f"{local(away.starts_at)} to {local(away.ends_at)}"
        if person.HasField("absence")
        else "",
        "deputy": names.get(away.deputy_id, ""),
        "note": away.note,
    }
    return [(name, value) for name, value in lines.items() if value]


def _changed(person: Person, *, json: bool) -> None:
    if json:
        print_json(as_dict(person))
    else:
        say(f"{person.id}  {person.handle}")


def _given(values: list[str] | None) -> list[str]:
    return [] if values in (None, ["-"]) else list(values or ())


async def _departments(plexus: Plexus, names: list[str] | None) -> list[str]:
    return [(await find_department(plexus, each)).id for each in names or []]


async def _person_id(plexus: Plexus, name: str) -> str:
    return (await find_people(plexus, [name]))[name].id if name not in {"", "-"} else ""
