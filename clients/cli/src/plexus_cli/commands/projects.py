"""Projects and their members."""

from typing import Annotated

from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexus.tasks.v1.tasks_pb2 import Project
from plexus_sdk import Plexus

from plexus_cli.context import find_people, name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.projects import all_projects, project_id_of
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

pb = tasks_service_pb2
app = Group(help="Projects and their members.")

Which = Annotated[str, Argument(help="Id or name of a project.")]
Names = Annotated[list[str], Argument(help="Handles, ids or display names.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List your projects."""

    async def work(plexus: Plexus) -> tuple[list[Project], dict[str, str]]:
        found = await all_projects(plexus)
        return found, await name_people(plexus, {project.owner_id for project in found})

    found, names = run(work)
    if json:
        print_json([as_dict(project) for project in found])
        return
    rows = [
        (
            project.id,
            project.name,
            names.get(project.owner_id, ""),
            len(project.member_ids),
            tr("closed") if project.closed else "",
        )
        for project in found
    ]
    columns = ["id", "name", "owner", "members", ""]
    print_table(counted(len(found), "{n} project", "{n} projects"), columns, rows)


@app.command()
def create(
    name: str, members: Annotated[list[str] | None, Argument()] = None, goal: str = ""
) -> None:
    """Create a project with a board."""

    async def work(plexus: Plexus) -> tasks_pb2.Project:
        people = await find_people(plexus, members or [])
        request = pb.CreateProjectRequest(
            request_id=new_request_id(),
            name=name,
            goal=goal,
            member_ids=[person.id for person in people.values()],
        )
        return (await plexus.call(plexus.tasks.CreateProject, request)).project

    say(run(work).id)


@app.command()
def members(project: Which, json: Json = False) -> None:
    """List the members of a project."""

    async def work(plexus: Plexus) -> tuple[Project, dict[str, str]]:
        project_id = await project_id_of(plexus, project)
        board = await plexus.call(plexus.tasks.GetBoard, pb.GetBoardRequest(project_id=project_id))
        return board.project, await name_people(plexus, set(board.project.member_ids))

    found, names = run(work)
    if json:
        print_json([{"person_id": each, "handle": names[each]} for each in found.member_ids])
        return
    rows = [
        (names[each], tr("owner") if each == found.owner_id else tr("member"))
        for each in found.member_ids
    ]
    print_table(counted(len(rows), "{n} member", "{n} members"), ["handle", "role"], rows)


@app.command()
def add(project: Which, people: Names, request_id: RequestId = None, json: Json = False) -> None:
    """Add members to a project."""
    _show(_update(project, request_id, add=people), json=json)


@app.command()
def remove(project: Which, people: Names, request_id: RequestId = None, json: Json = False) -> None:
    """Remove members from a project, except those with open tasks in it."""
    _show(_update(project, request_id, remove=people), json=json)


@app.command()
def rename(
    project: Which,
    name: Annotated[str, Argument(help="Its new name.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Rename a project."""
    _show(_update(project, request_id, name=name), json=json)


@app.command()
def update(
    project: Which,
    name: Annotated[str | None, Option(help="New name.")] = None,
    goal: Annotated[str | None, Option(help="New goal.")] = None,
    owner: Annotated[str | None, Option(help="Another member as owner.")] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change the name, goal or owner of a project."""
    _show(_update(project, request_id, name=name, goal=goal, owner=owner), json=json)


@app.command()
def close(project: Which, request_id: RequestId = None, json: Json = False) -> None:
    """Close a project; no more tasks can be created in it."""
    _show(_update(project, request_id, closed=True), json=json)


@app.command()
def reopen(project: Which, request_id: RequestId = None, json: Json = False) -> None:
    """Open a closed project again."""
    _show(_update(project, request_id, closed=False), json=json)


def _update(
    project: str,
    request_id: str | None,
    *,
    name: str | None = None,
    goal: str | None = None,
    owner: str | None = None,
    closed: bool | None = None,
    add: list[str] | None = None,
    remove: list[str] | None = None,
) -> Project:
    async def work(plexus: Plexus) -> Project:
        wanted = [*(add or []), *(remove or []), *([owner] if owner else [])]
        people = await find_people(plexus, wanted) if wanted else {}
        request = pb.UpdateProjectRequest(
            request_id=request_id or new_request_id(),
            project_id=await project_id_of(plexus, project),
            name=name,
            goal=goal,
            owner_id=people[owner].id if owner else None,
            closed=closed,
            add_member_ids=[people[each].id for each in add or []],
            remove_member_ids=[people[each].id for each in remove or []],
        )
        return (await plexus.call(plexus.tasks.UpdateProject, request)).project

    return run(work)


def _show(project: Project, *, json: bool) -> None:
    if json:
        print_json(as_dict(project))
        return
    shown = counted(len(project.member_ids), "{n} member", "{n} members")
    say(f"{project.name}  {shown}" + (f"  {tr('closed')}" if project.closed else ""))
