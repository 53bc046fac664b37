"""Open work of somebody who leaves: what there is, and giving it to somebody else."""

from typing import Annotated

from plexus.directory.v1.people_pb2 import Person
from plexus.tasks.v1 import tasks_service_pb2
from plexus.tasks.v1.tasks_pb2 import Project, Task
from plexus_sdk import Plexus, Refused

from plexus_cli.context import find_people, run
from plexus_cli.dues import due_text
from plexus_cli.language import counted, tr
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.moments import heading
from plexus_cli.options import Argument, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

pb = tasks_service_pb2

Who = Annotated[str, Argument(help="Handle, id or display name.")]


def open_work(person: Who, json: Json = False) -> None:
    """List the open tasks and projects of a person, for example before they leave."""

    async def work(plexus: Plexus) -> tuple[list[Task], list[Project]]:
        request = pb.ListOpenWorkRequest(
            person_id=(await find_people(plexus, [person]))[person].id, page_size=200
        )
        tasks: list[Task] = []
        projects: list[Project] = []
        while True:
            page = await plexus.call(plexus.tasks.ListOpenWork, request)
            tasks += page.tasks
            projects += page.projects
            if not page.next_page_token:
                return tasks, projects
            request.page_token = page.next_page_token

    tasks, projects = run(work, in_zone=not json)
    if json:
        print_json(
            {
                "tasks": [as_dict(task) for task in tasks],
                "projects": [as_dict(project) for project in projects],
            }
        )
        return
    rows = [(task.key, task.title, due_text(task)) for task in tasks]
    title = counted(len(rows), "{n} open task", "{n} open tasks")
    print_table(title, ["key", "task", heading("due")], rows)
    if projects:
        title = counted(len(projects), "Owner of {n} project", "Owner of {n} projects")
        print_table(title, ["id", "name"], [(each.id, each.name) for each in projects])


def reassign(
    person: Who,
    to: Annotated[str, Option("--to", help="Person who takes over the work.")],
    json: Json = False,
) -> None:
    """Reassign all open tasks and projects of a person to another person."""

    async def work(plexus: Plexus) -> tuple[int, int, Person]:
        people = await find_people(plexus, [person, to])
        heir = people[to]
        if heir.state == Person.STATE_DEACTIVATED:
            raise Refused(tr("{name} is deactivated.", name=heir.display_name))
        tasks = projects = 0
        while True:
            request = pb.ReassignWorkRequest(
                request_id=new_request_id(), person_id=people[person].id, to_person_id=heir.id
            )
            done = await plexus.call(plexus.tasks.ReassignWork, request)
            tasks += len(done.tasks)
            projects += len(done.projects)
            if not done.more:
                return tasks, projects, heir

    tasks, projects, heir = run(work)
    if json:
        print_json({"tasks": tasks, "projects": projects, "to_person_id": heir.id})
        return
    say(
        tr(
            "{name} takes over {tasks}, {projects}.",
            name=heir.display_name,
            tasks=counted(tasks, "{n} task", "{n} tasks"),
            projects=counted(projects, "{n} project", "{n} projects"),
        )
    )
