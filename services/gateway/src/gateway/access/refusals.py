"""Refusals of authorisation by the gateway itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from plexus_access.objects import CONVERSATION, PROJECT, TASK
from plexus_access.refusals import ModuleOff, PermissionMissing, PolicyForbids
from plexuskit.errors import Kind, Refusal

__all__ = [
    "ConversationNotFound",
    "Hidden",
    "ModuleOff",
    "PermissionMissing",
    "PolicyForbids",
    "ProjectNotFound",
    "TaskNotFound",
    "hidden",
]


class ReasonRequired(Refusal):
    """A privileged read of this kind is recorded with the caller's reason (GW-7)."""

    kind = Kind.INVALID
    text = "Give a reason in the metadata plexus-reason; it is recorded with the call."


class Hidden(Refusal):
    """There is no such object, or the caller may not see it: both get the same refusal (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is nothing here that you may see."


class ConversationNotFound(Hidden):
    """Same refusal as messaging's."""

    text = "There is no conversation {conversation_id} that you are a member of."


class TaskNotFound(Hidden):
    """Same refusal as the tasks service's."""

    text = "There is no task {task_id} that you may see; check the id or ask its owner."


class ProjectNotFound(Hidden):
    """Same refusal as the tasks service's."""

    text = "There is no project {project_id} that you may see; check the id or ask its owner."


_BY_KIND: Final[Mapping[str, type[Hidden]]] = MappingProxyType(
    {CONVERSATION: ConversationNotFound, TASK: TaskNotFound, PROJECT: ProjectNotFound}
)


def hidden(kind: str, id_: str) -> Hidden:
    """Return the refusal that the owner of a kind gives, word for word."""
    named: dict[str, Any] = {f"{kind}_id": id_}
    return _BY_KIND[kind](**named)
