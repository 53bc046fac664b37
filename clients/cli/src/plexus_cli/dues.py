"""Due dates as a person reads them."""

from plexus.tasks.v1.tasks_pb2 import Task
from plexuskit.timestamps import instant_of

from plexus_cli import moments
from plexus_cli.moments import local


def due_text(task: Task, *, zone: bool = False) -> str:
    """Format a due date for a user; a day has no time zone."""
    match task.due.WhichOneof("due"):
        case "at":
            return moments.shown(instant_of(task.due.at)) if zone else local(task.due.at)
        case "date":
            return task.due.date
        case _:
            return ""
