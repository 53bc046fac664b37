"""What the gateway refuses by itself about who may do what."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from plexus_access.objects import CONVERSATION, PROJECT, TASK
from plexuskit.errors import Kind, Refusal


class PermissionMissing(Refusal):
    """No role of the caller holds the permission, or the token is limited to others."""

    kind = Kind.PERMISSION_DENIED
    text = "Your roles or this token do not include the permission {permission}."


class ModuleOff(Refusal):
    """The company does not use this part of the product, or not for this person."""

    kind = Kind.PERMISSION_DENIED
    text = "The module {module} is switched off for you; an administrator can switch it on."


class PolicyForbids(Refusal):
    """An attribute policy of the company refuses what roles grant."""

    kind = Kind.PERMISSION_DENIED
    text = "The policy {policy} of your company forbids this; ask an administrator why."


class ReasonRequired(Refusal):
    """A privileged read of this kind is recorded with the caller's reason (GW-7)."""

    kind = Kind.INVALID
    text = "Give a reason in the metadata plexus-reason; it is recorded with the call."


class Hidden(Refusal):
    """There is no such object, or the caller may not know of it: both are said alike (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is nothing here that you may see."


class ConversationNotFound(Hidden):
    """As messaging says it."""

    text = "There is no conversation {conversation_id} that you are a member of."


class TaskNotFound(Hidden):
    """As tasks says it."""

    text = "There is no task {task_id} that you may see; check the id or ask its owner."


class ProjectNotFound(Hidden):
    """As tasks says it."""

    text = "There is no project {project_id} that you may see; check the id or ask its owner."


_BY_KIND: Final[Mapping[str, type[Hidden]]] = MappingProxyType(
    {CONVERSATION: ConversationNotFound, TASK: TaskNotFound, PROJECT: ProjectNotFound}
)


def hidden(kind: str, id_: str) -> Hidden:
    """Return the refusal that the owner of a kind gives, word for word."""
    named: dict[str, Any] = {f"{kind}_id": id_}
    return _BY_KIND[kind](**named)
