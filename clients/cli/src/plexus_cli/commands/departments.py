"""The department tree."""

from typing import Annotated

import typer
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Department
from plexus_sdk import Plexus, Refused
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id

from plexus_cli.context import find_people, name_people, run
from plexus_cli.output import as_dict, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="The department tree.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Id, external id, or a name that only one has.")]
RequestId = Annotated[str | None, typer.Option("--id", help="Id for retries.")]


@app.command("list")
def list_(
    closed: Annotated[bool, typer.Option(help="Show merged and dissolved ones too.")] = False,
    json: Json = False,
) -> None:
    """List the tree, each department below its parent."""

    async def work(plexus: Plexus) -> tuple[list[Department], dict[str, str]]:
        found = await all_departments(plexus, closed=closed)
        return found, await name_people(plexus, {each.leader_id for each in found} - {""})

    found, leaders = run(work)
    if json:
        print_json([as_dict(each) for each in found])
        return
    rows = [
        (
            each.id,
            "  " * (len(each.path) - 1) + each.name,
            leaders.get(each.leader_id, ""),
            each.external_id,
            "closed" if each.closed else "",
        )
        for each in as_tree(found)
    ]
    print_table(f"{len(found)} departments", ["id", "name", "leader", "external id", ""], rows)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the department.")],
    under: Annotated[str, typer.Option(help="The department above; a root without.")] = "",
    external_id: Annotated[str, typer.Option(help="SOURCE:ID in another system.")] = "",
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make a department."""

    async def work(plexus: Plexus) -> Department:
        request = pb.CreateDepartmentRequest(
            request_id=request_id or new_request_id(),
            name=name,
            parent_id=(await find(plexus, under)).id if under else "",
            external_id=external_id,
        )
        return (await plexus.call(plexus.directory.CreateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def rename(
    department: Which,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Give a department another name."""

    async def work(plexus: Plexus) -> Department:
        request = pb.UpdateDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await find(plexus, department)).id,
            name=name,
        )
        return (await plexus.call(plexus.directory.UpdateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def lead(
    department: Which,
    leader: Annotated[str, typer.Argument(help="Handle or id; `-` for nobody.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Say who leads a department."""

    async def work(plexus: Plexus) -> Department:
        leader_id = ""
        if leader != "-":
            leader_id = (await find_people(plexus, [leader]))[leader].id
        request = pb.UpdateDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await find(plexus, department)).id,
            leader_id=leader_id,
        )
        return (await plexus.call(plexus.directory.UpdateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def move(
    department: Which,
    under: Annotated[str, typer.Argument(help="The department above; `-` makes it a root.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Move a department with everything below it."""

    async def work(plexus: Plexus) -> pb.MoveDepartmentResponse:
        request = pb.MoveDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await find(plexus, department)).id,
            parent_id="" if under == "-" else (await find(plexus, under)).id,
        )
        return await plexus.call(plexus.directory.MoveDepartment, request)

    response = run(work)
    if json:
        print_json(as_dict(response))
    else:
        say(f"{response.moved} departments moved.")


@app.command()
def merge(
    department: Annotated[str, typer.Argument(help="The department that is closed.")],
    into: Annotated[str, typer.Argument(help="The department where everything goes.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Close a department: its people, and what stands below it, go to another one."""

    async def work(plexus: Plexus) -> pb.MergeDepartmentResponse:
        request = pb.MergeDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await find(plexus, department)).id,
            into_id=(await find(plexus, into)).id,
        )
        return await plexus.call(plexus.directory.MergeDepartment, request)

    response = run(work)
    if json:
        print_json(as_dict(response))
    else:
        say(f"{response.people_moved} people, {response.departments_moved} departments moved.")


@app.command()
def split(
    department: Which,
    name: Annotated[str, typer.Argument(help="Name of the new department.")],
    person: Annotated[list[str] | None, typer.Option(help="Who goes: handle or id.")] = None,
    child: Annotated[
        list[str] | None, typer.Option(help="Which department directly below goes along.")
    ] = None,
    below: Annotated[bool, typer.Option(help="The new one stands below the old one.")] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make a department out of some people, and departments, of another."""

    async def work(plexus: Plexus) -> Department:
        people = await find_people(plexus, person or [])
        request = pb.SplitDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await find(plexus, department)).id,
            name=name,
            below=below,
            person_ids=[each.id for each in people.values()],
            child_ids=[(await find(plexus, each)).id for each in child or []],
        )
        return (await plexus.call(plexus.directory.SplitDepartment, request)).department

    show(run(work), json=json)


def show(department: Department, *, json: bool) -> None:
    """Print a department: its id, or all of it as JSON."""
    if json:
        print_json(as_dict(department))
    else:
        say(department.id)


async def all_departments(plexus: Plexus, *, closed: bool = False) -> list[Department]:
    """Read every page of the tree, parents before children."""
    found: list[Department] = []
    token = ""
    while True:
        request = pb.ListDepartmentsRequest(page_size=1000, page_token=token, include_closed=closed)
        response = await plexus.call(plexus.directory.ListDepartments, request)
        found += response.departments
        token = response.next_page_token
        if not token:
            return found


def as_tree(departments: list[Department]) -> list[Department]:
    """Order departments as a tree is read: each followed by those below it, by name."""
    names = {each.id: each.name for each in departments}
    return sorted(departments, key=lambda each: [(names.get(id_, ""), id_) for id_ in each.path])


async def find(plexus: Plexus, department: str) -> Department:
    """Find a department by id, external id or name.

    Raises:
        Refused: no department, or several, of that name.
    """
    every = await all_departments(plexus)
    by_key = [each for each in every if department in {each.id, each.external_id}]
    matching = by_key or [each for each in every if each.name == department]
    if len(matching) != 1:
        problem = "no department" if not matching else "more than one department"
        raise Refused(
            f"There is {problem} called {department}: take an id from `plexus departments list`.",
            reason="DEPARTMENT_NOT_FOUND",
        )
    return matching[0]


def new_request_id() -> str:
    """Make the id under which a change counts once."""
    return new_id("req", now=SystemClock().now())
