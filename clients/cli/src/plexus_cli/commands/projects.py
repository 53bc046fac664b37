"""Projects and their members."""

from typing import Annotated

from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexus_sdk import Plexus

from plexus_cli.context import find_people, run
from plexus_cli.language import counted
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.options import Argument, Group, Json
from plexus_cli.output import as_dict, print_json, print_table, say

pb = tasks_service_pb2
app = Group(help="Projects and their members.")


@app.command("list")
def list_(json: Json = False) -> None:
    """List your projects."""

    async def work(plexus: Plexus) -> list[tasks_pb2.Project]:
        response = await plexus.call(
            plexus.tasks.ListProjects, pb.ListProjectsRequest(page_size=200)
        )
        return list(response.projects)

    found = run(work)
    if json:
        print_json([as_dict(project) for project in found])
        return
    rows = [(project.id, project.name, len(project.member_ids)) for project in found]
    print_table(counted(len(found), "{n} project", "{n} projects"), ["id", "name", "members"], rows)


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
