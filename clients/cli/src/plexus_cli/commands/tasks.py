"""Tasks, projects and boards."""

from datetime import datetime
from typing import Annotated

from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexus.tasks.v1.tasks_pb2 import Task
from plexus_sdk import Plexus
from plexus_sdk.tasks import get_task, task_id_of
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.context import find_people, me, name_people, run
from plexus_cli.dues import due_text
from plexus_cli.language import counted, tr
from plexus_cli.lookups.projects import project_id_of
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

pb = tasks_service_pb2
app = Group(help="Tasks, boards and projects.")

Which = Annotated[str, Argument(help="Id or key, for example T-128.")]

DUE_HELP = "A day, such as 2026-12-04, `tomorrow` or `下周五`; or with a time: `friday 18:00`."

STATES = {
    name.removeprefix("STATE_").lower(): number for name, number in Task.State.items() if number
}
PRIORITIES = {
    name.removeprefix("TASK_PRIORITY_").lower(): number
    for name, number in tasks_pb2.TaskPriority.items()
    if number
}


def _due(word: str | None) -> tasks_pb2.Due | None:
    """Parse a due date: a day, which has no time zone, or an instant."""
    if not word:
        return None
    due = moments.due(word)
    if isinstance(due, datetime):
        return tasks_pb2.Due(at=timestamp(due))
    return tasks_pb2.Due(date=due.isoformat())


@app.command()
def create(
    title: str,
    description: str = "",
    priority: Annotated[str, Option(help="Priority.", choices=tuple(PRIORITIES))] = "normal",
    owner: Annotated[str | None, Option(help="Accountable person; you by default.")] = None,
    assign: Annotated[list[str] | None, Option(help="Handle; can be repeated.")] = None,
    due: Annotated[str | None, Option(help=DUE_HELP)] = None,
    project: Annotated[str, Option(help="Id or name of a project.")] = "",
    json: Json = False,
) -> None:
    """Create a task."""

    async def work(plexus: Plexus) -> Task:
        people = await find_people(plexus, [*(assign or []), *([owner] if owner else [])])
        request = pb.CreateTaskRequest(
            request_id=new_request_id(),
            project_id=await project_id_of(plexus, project),
            title=title,
            description=description,
            priority=PRIORITIES[priority],
            owner_id=people[owner].id if owner else "",
            assignee_ids=[people[name].id for name in assign or []],
            due=_due(due),
        )
        return (await plexus.call(plexus.tasks.CreateTask, request)).task

    task = run(work, in_zone=due is not None)
    if json:
        print_json(as_dict(task))
    else:
        say(f"{task.key} {task.id}")


@app.command("list")
def list_(
    mine: Annotated[bool, Option(help="Only those assigned to you.")] = False,
    state: Annotated[
        list[str] | None, Option(help="Only tasks in this state.", choices=tuple(STATES))
    ] = None,
    assignee: Annotated[str, Option(help="Only those of this person.")] = "",
    project: Annotated[str, Option(help="Id or name of a project.")] = "",
    json: Json = False,
) -> None:
    """List the tasks visible to you, last changed first."""

    async def work(plexus: Plexus) -> tuple[list[Task], dict[str, str]]:
        assignee_id = (await me(plexus)).id if mine else ""
        if assignee:
            assignee_id = (await find_people(plexus, [assignee]))[assignee].id
        project_id = await project_id_of(plexus, project)
        found: list[Task] = []
        token = ""
        while True:
            request = pb.ListTasksRequest(
                page_size=200,
                page_token=token,
                project_id=project_id,
                assignee_id=assignee_id,
                states=[STATES[word] for word in state or []],
            )
            response = await plexus.call(plexus.tasks.ListTasks, request)
            found += response.tasks
            token = response.next_page_token
            if not token:
                break
        people = {person for task in found for person in (task.owner_id, *task.assignee_ids)}
        return found, await name_people(plexus, people)

    found, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(task) for task in found])
        return
    rows = [
        (
            task.key,
            tr(_word(Task.State.Name(task.state))),
            task.title,
            names.get(task.owner_id, ""),
            ", ".join(names[person] for person in task.assignee_ids),
            due_text(task),
        )
        for task in found
    ]
    columns = ["key", "state", "task", "owner", "assignees", heading("due")]
    print_table(counted(len(found), "{n} task", "{n} tasks"), columns, rows)


@app.command()
def show(task: Which, json: Json = False) -> None:
    """Show one task."""

    async def work(plexus: Plexus) -> tuple[Task, dict[str, str]]:
        found = await get_task(plexus, task)
        people = {found.owner_id, found.creator_id, *found.assignee_ids}
        return found, await name_people(plexus, people)

    found, names = run(work, in_zone=not json)
    if json:
        print_json(as_dict(found))
        return
    say(f"{found.key} {found.title}")
    rows = [
        ("state", tr(_word(Task.State.Name(found.state)))),
        ("due", due_text(found, zone=True) or tr("never")),
        ("owner", names[found.owner_id]),
        ("assignees", ", ".join(names[person] for person in found.assignee_ids) or tr("nobody")),
    ]
    for name, value in rows:
        say(tr("{name}: {value}", name=tr(name), value=value))
    if found.description:
        say(found.description)


@app.command()
def assign(task: Which, people: list[str]) -> None:
    """Set the assignees of a task."""

    async def work(plexus: Plexus) -> Task:
        found = await find_people(plexus, people)
        request = pb.AssignTaskRequest(
            request_id=new_request_id(),
            task_id=await task_id_of(plexus, task),
            assignee_ids=[person.id for person in found.values()],
        )
        return (await plexus.call(plexus.tasks.AssignTask, request)).task

    say(tr("{key} assigned to {people}.", key=run(work).key, people=", ".join(people)))


@app.command()
def move(
    task: Which,
    state: Annotated[str, Argument(help="State to move it to.", choices=tuple(STATES))],
    after: Annotated[str, Option(help="Directly after this task.")] = "",
) -> None:
    """Move a task on its board."""
    number = STATES[state]

    async def work(plexus: Plexus) -> Task:
        request = pb.MoveTaskRequest(
            request_id=new_request_id(),
            task_id=await task_id_of(plexus, task),
            state=number,
            after_task_id=await task_id_of(plexus, after),
        )
        return (await plexus.call(plexus.tasks.MoveTask, request)).task

    moved = run(work)
    say(tr("{key} is {state}.", key=moved.key, state=tr(_word(Task.State.Name(moved.state)))))


@app.command()
def update(
    task: Which,
    title: str | None = None,
    description: str | None = None,
    priority: Annotated[str | None, Option(help="Priority.", choices=tuple(PRIORITIES))] = None,
    owner: str | None = None,
    due: Annotated[str | None, Option(help=f"{DUE_HELP} `none` removes it.")] = None,
    expected_version: int = 0,
) -> None:
    """Change a task."""

    async def work(plexus: Plexus) -> Task:
        request = pb.UpdateTaskRequest(
            request_id=new_request_id(),
            task_id=await task_id_of(plexus, task),
            expected_version=expected_version,
            clear_due=due == "none",
            due=None if due == "none" else _due(due),
        )
        if title is not None:
            request.title = title
        if description is not None:
            request.description = description
        if priority is not None:
            request.priority = PRIORITIES[priority]
        if owner is not None:
            request.owner_id = (await find_people(plexus, [owner]))[owner].id
        return (await plexus.call(plexus.tasks.UpdateTask, request)).task

    changed = run(work, in_zone=due is not None)
    say(tr("{key} is at version {version}.", key=changed.key, version=changed.version))


@app.command()
def history(task: Which, json: Json = False) -> None:
    """Show every change of a task: actor, from, to, time."""

    async def work(plexus: Plexus) -> tuple[list[tasks_pb2.TaskChange], dict[str, str]]:
        changes: list[tasks_pb2.TaskChange] = []
        token = ""
        task_id = await task_id_of(plexus, task)
        while True:
            request = pb.ListTaskHistoryRequest(task_id=task_id, page_size=200, page_token=token)
            response = await plexus.call(plexus.tasks.ListTaskHistory, request)
            changes += response.changes
            token = response.next_page_token
            if not token:
                return changes, await name_people(plexus, {c.actor_id for c in changes})

    changes, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(change) for change in changes])
        return
    rows = [
        (c.version, local(c.at), names[c.actor_id], c.field, c.from_value, c.to_value)
        for c in changes
    ]
    print_table(
        counted(len(changes), "{n} change", "{n} changes"),
        ["version", heading("at"), "who", "what", "from", "to"],
        rows,
    )


@app.command()
def board(
    project: Annotated[str, Argument(help="Id or name of a project.")], json: Json = False
) -> None:
    """Show the board of a project."""

    async def work(plexus: Plexus) -> pb.GetBoardResponse:
        project_id = await project_id_of(plexus, project)
        board = await plexus.call(plexus.tasks.GetBoard, pb.GetBoardRequest(project_id=project_id))
        for lane in board.lanes:
            while lane.next_page_token:
                request = pb.GetBoardRequest(
                    project_id=project_id,
                    column_id=lane.column.id,
                    page_token=lane.next_page_token,
                )
                (more,) = (await plexus.call(plexus.tasks.GetBoard, request)).lanes
                lane.tasks.extend(more.tasks)
                lane.next_page_token = more.next_page_token
        return board

    response = run(work, in_zone=not json)
    if json:
        print_json(as_dict(response))
        return
    for lane in response.lanes:
        rows = [(task.key, task.title, due_text(task)) for task in lane.tasks]
        print_table(f"{lane.column.name} ({len(rows)})", ["key", "task", heading("due")], rows)


def _word(name: str) -> str:
    return name.removeprefix("STATE_").lower()
