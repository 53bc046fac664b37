"""The gRPC edge: a request becomes an operation, its result a response; nothing is decided here."""

from tasks.api.authority import AuthorityApi
from tasks.api.tasks import TasksApi

__all__ = ["AuthorityApi", "TasksApi"]
