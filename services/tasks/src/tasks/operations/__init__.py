"""Writes: one function per RPC verb, each one transaction of state, history, fact and request."""

from tasks.operations.overdue import announce_overdue
from tasks.operations.people import note_people
from tasks.operations.projects import create_project, update_project
from tasks.operations.tasks import assign_task, create_task, move_task, update_task
from tasks.operations.work import reassign_work

__all__ = [
    "announce_overdue",
    "assign_task",
    "create_project",
    "create_task",
    "move_task",
    "note_people",
    "reassign_work",
    "update_project",
    "update_task",
]
