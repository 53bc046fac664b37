"""Work: projects, boards and tasks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexus.tasks.v1.tasks_pb2 import Task
from plexus_sdk import Plexus
from plexus_sdk.tasks import get_task, task_id_of
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id
from plexuskit.timestamps import timestamp

from plexus_cli.context import find_people, me, name_people, run
from plexus_cli.output import as_dict, local, print_json, print_table, say

pb = tasks_service_pb2
app = typer.Typer(no_args_is_help=True, help="Tasks, boards and projects.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Id or key, for example T-128.")]

STATES = {
    name.removeprefix("STATE_").lower(): number for name, number in Task.State.items() if number
}
PRIORITIES = {
    name.removeprefix("TASK_PRIORITY_").lower(): number
    for name, number in tasks_pb2.TaskPriority.items()
    if number
}


def _request_id() -> str:
    return new_id("req", now=SystemClock().now())


def _due(word: str | None) -> tasks_pb2.Due | None:
    """Read `YYYY-MM-DD` (all day) or an instant with its zone."""
    if not word:
        return None
    if len(word) == len("YYYY-MM-DD"):
        return tasks_pb2.Due(date=word)
    try:
        at = datetime.fromisoformat(word)
    except ValueError as error:
        raise typer.BadParameter("a due date is YYYY-MM-DD or YYYY-MM-DDTHH:MM+ZZ:ZZ") from error
    return tasks_pb2.Due(at=timestamp(at if at.tzinfo else at.astimezone()))


def _choice(word: str, choices: Mapping[str, Any], what: str) -> Any:
    if word not in choices:
        raise typer.BadParameter(f"{what} is one of {', '.join(choices)}")
    return choices[word]


@app.command()
def create(
    title: str,
    description: str = "",
    priority: Annotated[str, typer.Option(help="low, normal, high or urgent.")] = "normal",
    owner: Annotated[str | None, typer.Option(help="Who is accountable; you by default.")] = None,
    assign: Annotated[list[str] | None, typer.Option(help="Handle; can be given again.")] = None,
    due: Annotated[str | None, typer.Option(help="YYYY-MM-DD, or an instant.")] = None,
    project: Annotated[str, typer.Option(help="Id of a project.")] = "",
    json: Json = False,
) -> None:
    """Create a task."""

    async def work(plexus: Plexus) -> Task:
        people = await find_people(plexus, [*(assign or []), *([owner] if owner else [])])
        request = pb.CreateTaskRequest(
            request_id=_request_id(),
            project_id=project,
            title=title,
            description=description,
            priority=_choice(priority, PRIORITIES, "priority"),
            owner_id=people[owner].id if owner else "",
            assignee_ids=[people[name].id for name in assign or []],
            due=_due(due),
        )
        return (await plexus.call(plexus.tasks.CreateTask, request)).task

    task = run(work)
    if json:
        print_json(as_dict(task))
    else:
        say(f"{task.key} {task.id}")


@app.command("list")
def list_(
    mine: Annotated[bool, typer.Option(help="Only those assigned to you.")] = False,
    state: Annotated[list[str] | None, typer.Option(help="todo, doing, blocked, done …")] = None,
    project: str = "",
    json: Json = False,
) -> None:
    """List the tasks that you may see, last changed first."""

    async def work(plexus: Plexus) -> tuple[list[Task], dict[str, str]]:
        assignee = (await me(plexus)).id if mine else ""
        found: list[Task] = []
        token = ""
        while True:
            request = pb.ListTasksRequest(
                page_size=200,
                page_token=token,
                project_id=project,
                assignee_id=assignee,
                states=[_choice(word, STATES, "state") for word in state or []],
            )
            response = await plexus.call(plexus.tasks.ListTasks, request)
            found += response.tasks
            token = response.next_page_token
            if not token:
                break
        people = {person for task in found for person in (task.owner_id, *task.assignee_ids)}
        return found, await name_people(plexus, people)

    found, names = run(work)
    if json:
        print_json([as_dict(task) for task in found])
        return
    rows = [
        (
            task.key,
            _word(Task.State.Name(task.state)),
            task.title,
            names.get(task.owner_id, ""),
            ", ".join(names[person] for person in task.assignee_ids),
            due_text(task),
        )
        for task in found
    ]
    columns = ["key", "state", "title", "owner", "assignees", "due"]
    print_table(f"{len(found)} tasks", columns, rows)


@app.command()
def show(task: Which, json: Json = False) -> None:
    """Show one task."""

    async def work(plexus: Plexus) -> tuple[Task, dict[str, str]]:
        found = await get_task(plexus, task)
        people = {found.owner_id, found.creator_id, *found.assignee_ids}
        return found, await name_people(plexus, people)

    found, names = run(work)
    if json:
        print_json(as_dict(found))
        return
    say(f"{found.key} {found.title}")
    say(f"state {_word(Task.State.Name(found.state))}, due {due_text(found) or 'never'}")
    say(f"owner {names[found.owner_id]}")
    say(f"assignees {', '.join(names[person] for person in found.assignee_ids) or 'none'}")
    if found.description:
        say(found.description)


@app.command()
def assign(task: Which, people: list[str]) -> None:
    """Set who works on a task."""

    async def work(plexus: Plexus) -> Task:
        found = await find_people(plexus, people)
        request = pb.AssignTaskRequest(
            request_id=_request_id(),
            task_id=await task_id_of(plexus, task),
            assignee_ids=[person.id for person in found.values()],
        )
        return (await plexus.call(plexus.tasks.AssignTask, request)).task

    say(f"{run(work).key} assigned to {', '.join(people)}.")


@app.command()
def move(
    task: Which,
    state: Annotated[str, typer.Argument(help="todo, doing, blocked, done or cancelled.")],
    after: Annotated[str, typer.Option(help="Directly after this task.")] = "",
) -> None:
    """Move a task on its board."""
    number = _choice(state, STATES, "state")

    async def work(plexus: Plexus) -> Task:
        request = pb.MoveTaskRequest(
            request_id=_request_id(),
            task_id=await task_id_of(plexus, task),
            state=number,
            after_task_id=await task_id_of(plexus, after),
        )
        return (await plexus.call(plexus.tasks.MoveTask, request)).task

    moved = run(work)
    say(f"{moved.key} is {_word(Task.State.Name(moved.state))}.")


@app.command()
def update(
    task: Which,
    title: str | None = None,
    description: str | None = None,
    priority: str | None = None,
    owner: str | None = None,
    due: Annotated[str | None, typer.Option(help="YYYY-MM-DD, an instant, or `none`.")] = None,
    expected_version: int = 0,
) -> None:
    """Change a task."""

    async def work(plexus: Plexus) -> Task:
        request = pb.UpdateTaskRequest(
            request_id=_request_id(),
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
            request.priority = _choice(priority, PRIORITIES, "priority")
        if owner is not None:
            request.owner_id = (await find_people(plexus, [owner]))[owner].id
        return (await plexus.call(plexus.tasks.UpdateTask, request)).task

    changed = run(work)
    say(f"{changed.key} is at version {changed.version}.")


@app.command()
def history(task: Which, json: Json = False) -> None:
    """Show every change of a task: who, from, to, when."""

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

    changes, names = run(work)
    if json:
        print_json([as_dict(change) for change in changes])
        return
    rows = [
        (c.version, local(c.at), names[c.actor_id], c.field, c.from_value, c.to_value)
        for c in changes
    ]
    print_table(f"{len(changes)} changes", ["version", "at", "who", "what", "from", "to"], rows)


@app.command()
def board(
    project: Annotated[str, typer.Argument(help="Id of a project.")], json: Json = False
) -> None:
    """Show the board of a project."""

    async def work(plexus: Plexus) -> pb.GetBoardResponse:
        board = await plexus.call(plexus.tasks.GetBoard, pb.GetBoardRequest(project_id=project))
        for lane in board.lanes:
            while lane.next_page_token:
                request = pb.GetBoardRequest(
                    project_id=project, column_id=lane.column.id, page_token=lane.next_page_token
                )
                (more,) = (await plexus.call(plexus.tasks.GetBoard, request)).lanes
                lane.tasks.extend(more.tasks)
                lane.next_page_token = more.next_page_token
        return board

    response = run(work)
    if json:
        print_json(as_dict(response))
        return
    for lane in response.lanes:
        rows = [(task.key, task.title, due_text(task)) for task in lane.tasks]
        print_table(f"{lane.column.name} ({len(rows)})", ["key", "title", "due"], rows)


@app.command()
def projects(json: Json = False) -> None:
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
    print_table(f"{len(found)} projects", ["id", "name", "members"], rows)


@app.command("create-project")
def create_project(
    name: str, members: Annotated[list[str] | None, typer.Argument()] = None, goal: str = ""
) -> None:
    """Create a project with a board."""

    async def work(plexus: Plexus) -> tasks_pb2.Project:
        people = await find_people(plexus, members or [])
        request = pb.CreateProjectRequest(
            request_id=_request_id(),
            name=name,
            goal=goal,
            member_ids=[person.id for person in people.values()],
        )
        return (await plexus.call(plexus.tasks.CreateProject, request)).project

    say(run(work).id)


def due_text(task: Task) -> str:
    """Give a due date as a person reads it."""
    match task.due.WhichOneof("due"):
        case "at":
            return local(task.due.at)
        case "date":
            return task.due.date
        case _:
            return ""


def _word(name: str) -> str:
    return name.removeprefix("STATE_").lower()
