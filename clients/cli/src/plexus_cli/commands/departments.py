"""The department tree."""

from typing import Annotated

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Department
from plexus_sdk import Plexus

from plexus_cli.context import find_people, name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups import departments as lookup
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

app = Group(help="The department tree.")

Which = Annotated[str, Argument(help="Id, external id, or a unique name.")]


@app.command("list")
def list_(
    closed: Annotated[bool, Option(help="Include merged and dissolved departments.")] = False,
    json: Json = False,
) -> None:
    """List the tree, each department below its parent."""

    async def work(plexus: Plexus) -> tuple[list[Department], dict[str, str]]:
        found = await lookup.all_departments(plexus, closed=closed)
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
            tr("closed") if each.closed else "",
        )
        for each in lookup.as_tree(found)
    ]
    print_table(
        counted(len(found), "{n} department", "{n} departments"),
        ["id", "name", "leader", "external id", ""],
        rows,
    )


@app.command()
def create(
    name: Annotated[str, Argument(help="Name of the department.")],
    parent: Annotated[
        str, Option("--parent", "--under", help="Parent department; none by default.")
    ] = "",
    external_id: Annotated[str, Option(help="SOURCE:ID in another system.")] = "",
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Create a department."""

    async def work(plexus: Plexus) -> Department:
        request = pb.CreateDepartmentRequest(
            request_id=request_id or new_request_id(),
            name=name,
            parent_id=(await lookup.find(plexus, parent)).id if parent else "",
            external_id=external_id,
        )
        return (await plexus.call(plexus.directory.CreateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def rename(
    department: Which,
    name: Annotated[str, Argument(help="Its new name.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Rename a department."""

    async def work(plexus: Plexus) -> Department:
        request = pb.UpdateDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await lookup.find(plexus, department)).id,
            name=name,
        )
        return (await plexus.call(plexus.directory.UpdateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def lead(
    department: Which,
    leader: Annotated[str, Argument(help="Handle or id; `-` for none.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Set the leader of a department."""

    async def work(plexus: Plexus) -> Department:
        leader_id = ""
        if leader != "-":
            leader_id = (await find_people(plexus, [leader]))[leader].id
        request = pb.UpdateDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await lookup.find(plexus, department)).id,
            leader_id=leader_id,
        )
        return (await plexus.call(plexus.directory.UpdateDepartment, request)).department

    show(run(work), json=json)


@app.command()
def move(
    department: Which,
    under: Annotated[str, Argument(help="New parent department; `-` for none.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Move a department with everything below it."""

    async def work(plexus: Plexus) -> pb.MoveDepartmentResponse:
        request = pb.MoveDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await lookup.find(plexus, department)).id,
            parent_id="" if under == "-" else (await lookup.find(plexus, under)).id,
        )
        return await plexus.call(plexus.directory.MoveDepartment, request)

    response = run(work)
    if json:
        print_json(as_dict(response))
    else:
        say(counted(response.moved, "{n} department moved.", "{n} departments moved."))


@app.command()
def merge(
    department: Annotated[str, Argument(help="The department that is closed.")],
    into: Annotated[str, Argument(help="Department that receives its people and departments.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Merge a department into another one, with its people and everything below it."""

    async def work(plexus: Plexus) -> pb.MergeDepartmentResponse:
        request = pb.MergeDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await lookup.find(plexus, department)).id,
            into_id=(await lookup.find(plexus, into)).id,
        )
        return await plexus.call(plexus.directory.MergeDepartment, request)

    response = run(work)
    if json:
        print_json(as_dict(response))
    else:
        say(
            tr(
                "Moved: {people}, {departments}.",
                people=counted(response.people_moved, "{n} person", "{n} people"),
                departments=counted(
                    response.departments_moved, "{n} department", "{n} departments"
                ),
            )
        )


@app.command()
def split(
    department: Which,
    name: Annotated[str, Argument(help="Name of the new department.")],
    person: Annotated[list[str] | None, Option(help="A person who moves: handle or id.")] = None,
    child: Annotated[
        list[str] | None,
        Option(help="Department directly below that moves too; can be repeated."),
    ] = None,
    below: Annotated[bool, Option(help="Create the new department below the old one.")] = False,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Split a department: some people and departments below it form a new one."""

    async def work(plexus: Plexus) -> Department:
        people = await find_people(plexus, person or [])
        request = pb.SplitDepartmentRequest(
            request_id=request_id or new_request_id(),
            department_id=(await lookup.find(plexus, department)).id,
            name=name,
            below=below,
            person_ids=[each.id for each in people.values()],
            child_ids=[(await lookup.find(plexus, each)).id for each in child or []],
        )
        return (await plexus.call(plexus.directory.SplitDepartment, request)).department

    show(run(work), json=json)


def show(department: Department, *, json: bool) -> None:
    """Print a department: its id, or the whole department as JSON."""
    if json:
        print_json(as_dict(department))
    else:
        say(department.id)
