"""People: lookup, creation, changes, absences."""

from collections.abc import Mapping
from typing import Annotated

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Absence, Person
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.context import find_people, me, name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.departments import all_departments
from plexus_cli.lookups.departments import find as find_department
from plexus_cli.lookups.people import all_people
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.moments import local
from plexus_cli.options import Argument, BadParameter, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.texts import read_line

app = Group(help="People: create, list, show, update, and who is away.")

Who = Annotated[str, Argument(help="Handle or id.")]


@app.command("list")
def list_(
    query: Annotated[str, Argument(help="Part of a handle or name.")] = "",
    deactivated: Annotated[bool, Option(help="Show deactivated people too.")] = False,
    department: Annotated[str, Option(help="Only people of this department and those below.")] = "",
    json: Json = False,
) -> None:
    """List people, all or those whose handle or name contains a text."""

    async def work(plexus: Plexus) -> list[Person]:
        within = (await find_department(plexus, department)).id if department else ""
        return await all_people(plexus, query=query, deactivated=deactivated, department_id=within)

    found = run(work)
    if json:
        print_json([as_dict(person) for person in found])
        return
    rows = [(p.handle, p.display_name, p.title, p.time_zone, marks(p)) for p in found]
    print_table(
        counted(len(found), "{n} person", "{n} people"),
        ["handle", "name", "title", "zone", ""],
        rows,
    )


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

    found, names, departments = run(work, in_zone=not json)
    if json:
        print_json(as_dict(found))
        return
    print_table(found.display_name, ["", ""], described(found, names, departments))


@app.command()
def create(
    handle: Annotated[str, Argument(help="Handle to sign in with.")],
    name: Annotated[str, Argument(help="Name shown to colleagues.")],
    email: Annotated[str, Option(help="E-mail address.")] = "",
    title: Annotated[str, Option(help="Post.")] = "",
    department: Annotated[list[str] | None, Option(help="Departments, the main one first.")] = None,
    manager: Annotated[str, Option(help="Handle or id.")] = "",
    skill: Annotated[list[str] | None, Option(help="A skill.")] = None,
    employee_number: Annotated[str, Option(help="Employee number.")] = "",
    cost_center: Annotated[str, Option(help="For example 4711.")] = "",
    role: Annotated[list[str] | None, Option(help="admin, auditor or member.")] = None,
    password_stdin: Annotated[
        bool, Option("--password-stdin", help="Read a password from standard input.")
    ] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Create a person."""
    password = read_line() if password_stdin else ""

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

    _changed(run(work), "{name} ({handle}) is created.", json=json)


@app.command()
def update(
    person: Who,
    handle: Annotated[
        str | None, Option(help="New handle; the old one still finds the person.")
    ] = None,
    name: Annotated[str | None, Option(help="Name shown to colleagues.")] = None,
    email: Annotated[str | None, Option(help="E-mail address.")] = None,
    title: Annotated[str | None, Option(help="Post.")] = None,
    department: Annotated[
        list[str] | None, Option(help="Replaces all departments, the main one first; `-` for none.")
    ] = None,
    manager: Annotated[str | None, Option(help="Handle or id; `-` for none.")] = None,
    skill: Annotated[list[str] | None, Option(help="Replaces all; `-` for none.")] = None,
    employee_number: Annotated[str | None, Option(help="Employee number.")] = None,
    cost_center: Annotated[str | None, Option(help="For example 4711.")] = None,
    role: Annotated[list[str] | None, Option(help="Replaces all.")] = None,
    reason: Annotated[str, Option(help="Reason, if the address is used to sign in.")] = "",
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Update the given fields of a person."""

    async def work(plexus: Plexus) -> Person:
        request = pb.UpdatePersonRequest(
            request_id=request_id or new_request_id(),
            person_id=await _person_id(plexus, person),
            handle=handle,
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

    _changed(run(work), "{name} ({handle}) is updated.", json=json)


@app.command()
def deactivate(person: Who, request_id: RequestId = None, json: Json = False) -> None:
    """Deactivate a person: they cannot sign in, and every session ends."""

    async def work(plexus: Plexus) -> Person:
        request = pb.DeactivatePersonRequest(
            request_id=request_id or new_request_id(), person_id=await _person_id(plexus, person)
        )
        return (await plexus.call(plexus.directory.DeactivatePerson, request)).person

    _changed(run(work), "{name} ({handle}) is deactivated.", json=json)


@app.command()
def reactivate(person: Who, request_id: RequestId = None, json: Json = False) -> None:
    """Reactivate a person, who can then sign in again."""

    async def work(plexus: Plexus) -> Person:
        request = pb.ReactivatePersonRequest(
            request_id=request_id or new_request_id(), person_id=await _person_id(plexus, person)
        )
        return (await plexus.call(plexus.directory.ReactivatePerson, request)).person

    _changed(run(work), "{name} ({handle}) is reactivated.", json=json)


@app.command()
def absence(
    person: Annotated[str, Argument(help="Handle or id; yourself by default.")] = "",
    start: Annotated[str, Option("--from", help=f"{moments.HELP} Now without.")] = "",
    until: Annotated[str, Option(help=moments.HELP)] = "",
    deputy: Annotated[str, Option(help="Deputy: handle or id.")] = "",
    note: Annotated[str, Option(help="Shown to colleagues, for example 年假.")] = "",
    delete: Annotated[bool, Option("--delete", help="Delete the absence.")] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Show an absence, yours or of a person you manage; --until sets it, --delete removes it."""
    if delete and until:
        raise BadParameter(tr("give --until or --delete, not both"))

    async def work(plexus: Plexus) -> tuple[Person, dict[str, str]]:
        found = (await find_people(plexus, [person]))[person] if person else await me(plexus)
        if until or delete:
            request = pb.SetAbsenceRequest(
                request_id=request_id or new_request_id(),
                person_id=found.id if person else "",
                absence=await _absence(plexus, start, until, deputy, note) if until else None,
            )
            found = (await plexus.call(plexus.directory.SetAbsence, request)).person
        return found, await name_people(plexus, {found.absence.deputy_id} - {""})

    found, names = run(work, in_zone=True)
    if json:
        print_json(as_dict(found))
    elif found.HasField("absence"):
        away = found.absence
        say(
            tr(
                "{name} is away from {start} to {end}.",
                name=found.display_name,
                start=moments.local(away.starts_at),
                end=moments.shown(instant_of(away.ends_at)),
            )
        )
        if away.deputy_id:
            say(tr("Deputy: {name}", name=names[away.deputy_id]))
        if away.note:
            say(tr("Note: {text}", text=away.note))
    else:
        say(tr("{name} has no absence.", name=found.display_name))


async def _absence(plexus: Plexus, start: str, until: str, deputy: str, note: str) -> Absence:
    begins = moments.future(start, day_is="start") if start else SystemClock().now()
    return Absence(
        starts_at=timestamp(begins),
        ends_at=timestamp(moments.future(until, day_is="end")),
        deputy_id=await _person_id(plexus, deputy),
        note=note,
    )


def marks(person: Person) -> str:
    """Return a word for each exceptional state of a person."""
    if person.state != Person.STATE_ACTIVE:
        return tr("deactivated")
    return tr("guest") if person.kind == Person.KIND_GUEST else ""


def described(
    person: Person, names: Mapping[str, str], departments: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the set fields of a person as lines: label and value."""
    away = person.absence
    lines = {
        "handle": person.handle,
        "earlier handles": ", ".join(
            tr("{handle} until {at}", handle=each.handle, at=local(each.until))
            for each in person.former_handles
        ),
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
        "away": tr("{start} to {end}", start=local(away.starts_at), end=local(away.ends_at))
        if person.HasField("absence")
        else "",
        "deputy": names.get(away.deputy_id, ""),
        "note": away.note,
    }
    return [(tr(name), value) for name, value in lines.items() if value]


def _changed(person: Person, done: str, *, json: bool) -> None:
    if json:
        print_json(as_dict(person))
    else:
        say(tr(done, name=person.display_name, handle=person.handle))


def _given(values: list[str] | None) -> list[str]:
    return [] if values in (None, ["-"]) else list(values or ())


async def _departments(plexus: Plexus, names: list[str] | None) -> list[str]:
    return [(await find_department(plexus, each)).id for each in names or []]


async def _person_id(plexus: Plexus, name: str) -> str:
    return (await find_people(plexus, [name]))[name].id if name not in {"", "-"} else ""
