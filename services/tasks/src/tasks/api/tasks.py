"""plexus.tasks.v1.TasksService."""

from collections.abc import Iterable
from typing import Any

from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceServicer
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import PROJECT, TASK, Object
from plexuskit.clock import Clock
from plexuskit.grpc import caller
from plexuskit.request_ids import request_of

from tasks import operations, queries
from tasks.api.translation import (
    current_actor,
    due_of,
    optional_priority_of,
    optional_state_of,
    state_of,
)
from tasks.domain.projects import Project, ProjectEdit
from tasks.domain.steps import Edit, NewTask
from tasks.domain.task import Task
from tasks.events import (
    change_message,
    column_message,
    project_message,
    project_summary,
    task_message,
)
from tasks.store import Store


class TasksApi(TasksServiceServicer):
    """Projects, boards and tasks for signed-in people."""

    def __init__(self, store: Store, *, decisions: Decisions, clock: Clock) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock

    async def CreateProject(self, request: pb.CreateProjectRequest, _: Any) -> Any:
        """Make a project."""
        project = await operations.create_project(
            self._store,
            actor=current_actor(),
            name=request.name,
            goal=request.goal,
            member_ids=request.member_ids,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateProjectResponse(project=project_message(project))

    async def ListProjects(self, request: pb.ListProjectsRequest, _: Any) -> Any:
        """List the caller's projects."""
        page = await queries.list_projects(
            self._store,
            actor=current_actor(),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListProjectsResponse(
            projects=[
                project_message(project)
                for project in self._decisions.visible(
                    asker_of(caller()), "projects.read", PROJECT, page.items, _id_of
                )
            ],
            next_page_token=page.next_page_token,
        )

    async def UpdateProject(self, request: pb.UpdateProjectRequest, _: Any) -> Any:
        """Change a project and its members."""
        project = await operations.update_project(
            self._store,
            actor=current_actor(),
            project_id=request.project_id,
            edit=ProjectEdit(
                name=request.name if request.HasField("name") else None,
                goal=request.goal if request.HasField("goal") else None,
                owner_id=request.owner_id if request.HasField("owner_id") else None,
                closed=request.closed if request.HasField("closed") else None,
                add_member_ids=tuple(request.add_member_ids),
                remove_member_ids=tuple(request.remove_member_ids),
            ),
            expected_version=request.expected_version,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateProjectResponse(project=project_message(project))

    async def ListOpenWork(self, request: pb.ListOpenWorkRequest, _: Any) -> Any:
        """List what is open of a person."""
        found = await queries.list_open_work(
            self._store,
            actor=current_actor(),
            person_id=request.person_id,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListOpenWorkResponse(
            tasks=[task_message(task) for task in self._shown(found.tasks)],
            projects=[project_summary(project) for project in found.projects],
            next_page_token=found.next_page_token,
        )

    async def ReassignWork(self, request: pb.ReassignWorkRequest, _: Any) -> Any:
        """Assign the open work of a person to another one."""
        done = await operations.reassign_work(
            self._store,
            actor=current_actor(),
            person_id=request.person_id,
            to_person_id=request.to_person_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.ReassignWorkResponse(
            tasks=[task_message(task) for task in done.tasks],
            projects=[project_summary(project) for project in done.projects],
            more=done.more,
        )

    async def CreateTask(self, request: pb.CreateTaskRequest, _: Any) -> Any:
        """Make a task."""
        task = await operations.create_task(
            self._store,
            actor=current_actor(),
            project_id=request.project_id,
            new=NewTask(
                title=request.title,
                description=request.description,
                priority=optional_priority_of(request.priority),
                owner_id=request.owner_id,
                assignee_ids=tuple(request.assignee_ids),
                due=due_of(request.due) if request.HasField("due") else None,
            ),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateTaskResponse(task=task_message(task))

    async def GetTask(self, request: pb.GetTaskRequest, _: Any) -> Any:
        """Return a task."""
        task = await queries.get_task(
            self._store, actor=current_actor(), task_id=request.task_id, key=request.key
        )
        if request.key:
            # The task of the key was unknown until here, so no policy has been evaluated for it.
            await self._decisions.settled(asker_of(caller()), "tasks.read", Object(TASK, task.id))
        return pb.GetTaskResponse(task=task_message(task))

    async def ListTasks(self, request: pb.ListTasksRequest, _: Any) -> Any:
        """List tasks that the caller may see."""
        page = await queries.list_tasks(
            self._store,
            actor=current_actor(),
            project_id=request.project_id,
            assignee_id=request.assignee_id,
            states=[state_of(state) for state in request.states],
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListTasksResponse(
            tasks=[task_message(task) for task in self._shown(page.items)],
            next_page_token=page.next_page_token,
        )

    async def UpdateTask(self, request: pb.UpdateTaskRequest, _: Any) -> Any:
        """Change the fields of a task."""
        task = await operations.update_task(
            self._store,
            actor=current_actor(),
            task_id=request.task_id,
            expected_version=request.expected_version,
            edit=Edit(
                title=request.title if request.HasField("title") else None,
                description=request.description if request.HasField("description") else None,
                priority=optional_priority_of(request.priority),
                owner_id=request.owner_id if request.HasField("owner_id") else None,
                due=due_of(request.due) if request.HasField("due") else None,
                clear_due=request.clear_due,
            ),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateTaskResponse(task=task_message(task))

    async def AssignTask(self, request: pb.AssignTaskRequest, _: Any) -> Any:
        """Set the assignees of a task."""
        task = await operations.assign_task(
            self._store,
            actor=current_actor(),
            task_id=request.task_id,
            expected_version=request.expected_version,
            assignee_ids=request.assignee_ids,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.AssignTaskResponse(task=task_message(task))

    async def MoveTask(self, request: pb.MoveTaskRequest, _: Any) -> Any:
        """Move a task to a state and place."""
        task = await operations.move_task(
            self._store,
            actor=current_actor(),
            task_id=request.task_id,
            expected_version=request.expected_version,
            state=optional_state_of(request.state),
            column_id=request.column_id,
            after_task_id=request.after_task_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.MoveTaskResponse(task=task_message(task))

    async def ListTaskHistory(self, request: pb.ListTaskHistoryRequest, _: Any) -> Any:
        """List every change of a task."""
        page = await queries.list_task_history(
            self._store,
            actor=current_actor(),
            task_id=request.task_id,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListTaskHistoryResponse(
            changes=[change_message(change) for change in page.items],
            next_page_token=page.next_page_token,
        )

    async def GetBoard(self, request: pb.GetBoardRequest, _: Any) -> Any:
        """Return the board of a project."""
        board = await queries.get_board(
            self._store,
            actor=current_actor(),
            project_id=request.project_id,
            column_id=request.column_id,
            page_token=request.page_token,
        )
        return pb.GetBoardResponse(
            project=project_message(board.project),
            lanes=[
                pb.BoardLane(
                    column=column_message(lane.column),
                    tasks=[task_message(task) for task in self._shown(lane.tasks)],
                    next_page_token=lane.next_page_token,
                )
                for lane in board.lanes
            ],
        )

    async def GetTasksStatus(self, _request: pb.GetTasksStatusRequest, _: Any) -> Any:
        """Return the figures of the caller's tenant."""
        figures = await queries.get_tasks_status(self._store, actor=current_actor())
        return pb.GetTasksStatusResponse(tasks=figures.tasks, projects=figures.projects)

    def _shown(self, tasks: Iterable[Task]) -> list[Task]:
        """Return the tasks that the caller may read by policies (GW-10)."""
        return self._decisions.visible(asker_of(caller()), "tasks.read", TASK, tasks, _id_of)


def _id_of(item: Task | Project) -> str:
    return item.id
