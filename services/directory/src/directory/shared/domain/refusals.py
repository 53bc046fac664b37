"""Refusals that several subjects raise."""

from plexuskit.errors import Kind, Refusal


class PersonNotFound(Refusal):
    """No person of that id or handle is visible; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such person. Check the id or the handle."


class DepartmentNotFound(Refusal):
    """No department of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such department. Choose one of the department list."


class GroupNotFound(Refusal):
    """No group of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such group. Choose one of the group list."


class PermissionMissing(Refusal):
    """None of the caller's roles holds the permission."""

    kind = Kind.PERMISSION_DENIED
    text = "You need the permission {permission}. Ask an administrator."
