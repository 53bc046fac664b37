"""The named reasons why roles, bindings, policies and modules stay as they are."""

from plexuskit.errors import Kind, Refusal


class RoleNotFound(Refusal):
    """No role of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such role. Choose one of the list of roles."


class RoleNameTaken(Refusal):
    """A role of the tenant has the name already."""

    kind = Kind.ALREADY_EXISTS
    text = "There is a role {name} already. Choose another name."


class RoleBuiltIn(Refusal):
    """The role is part of the product, the same in every tenant."""

    kind = Kind.FAILED_PRECONDITION
    text = "The role {role_id} is built in and stays as it is. Make a role of your own."


class PermissionUnknown(Refusal):
    """No contract names the permission."""

    kind = Kind.INVALID
    text = "There is no permission {permission}. See `plexus roles list`."


class GrantExceedsOwn(Refusal):
    """A person would receive, or could take over, grants that the caller does not hold there."""

    kind = Kind.PERMISSION_DENIED
    text = "You do not hold {permission} there yourself, so it is not yours to give."


class PersonExceedsOwn(GrantExceedsOwn):
    """The same for one person among many who are written together."""

    reason = "GRANT_EXCEEDS_OWN"
    text = (
        "This concerns {person}: you do not hold {permission} there yourself, so it is not yours "
        "to give or to take over. Leave that person out, or ask an administrator."
    )


class GuestHoldsGuest(Refusal):
    """A guest has the role `guest` and no other, by a binding neither (GW-5)."""

    kind = Kind.FAILED_PRECONDITION
    text = "A guest holds the role guest and no other. Make the person a member of the tenant."


class RoleBindingNotFound(Refusal):
    """No binding of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such role binding. Choose one of the list of bindings."


class SubjectNotFound(Refusal):
    """The role's subject does not exist here; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is nobody of that name. Give a person, a department or a group."


class GroupSelfChosen(Refusal):
    """People join the group by editing their own profile, so it can hold no role."""

    kind = Kind.FAILED_PRECONDITION
    text = "Anybody can join this group by their skills or language. Give the role to others."


class ScopeNotFound(Refusal):
    """The role's scope does not exist, or the caller may not bind roles there (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such scope. Give a department or group in which you bind roles."


class PolicyInvalid(Refusal):
    """The text is not a valid policy; with line and problem."""

    kind = Kind.INVALID
    text = "Line {line}: {problem}."


class PolicyNotFound(Refusal):
    """The tenant has no policy of that name."""

    kind = Kind.NOT_FOUND
    text = "There is no such policy. See `plexus policies list`."


class ModuleUnknown(Refusal):
    """The product has no module of that name."""

    kind = Kind.INVALID
    text = "There is no module {name}. There are {modules}."
