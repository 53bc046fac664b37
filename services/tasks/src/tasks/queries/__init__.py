"""Queries: tasks and projects visible to a person, and read access for other services."""

from tasks.queries.boards import BOARD_LANE, Board, Lane, get_board
from tasks.queries.projects import list_projects
from tasks.queries.readable import Snapshot, readable_containers, recheck, snapshot
from tasks.queries.tasks import Figures, get_task, get_tasks_status, list_task_history, list_tasks
from tasks.queries.work import OpenWork, list_open_work

__all__ = [
    "BOARD_LANE",
    "Board",
    "Figures",
    "Lane",
    "OpenWork",
    "Snapshot",
    "get_board",
    "get_task",
    "get_tasks_status",
    "list_open_work",
    "list_projects",
    "list_task_history",
    "list_tasks",
    "readable_containers",
    "recheck",
    "snapshot",
]
