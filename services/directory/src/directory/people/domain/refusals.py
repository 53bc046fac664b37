"""The named reasons why tenants, people, departments and groups are not changed as asked."""

from plexuskit.errors import Kind, Refusal


class EmployeeNumberTaken(Refusal):
    """Another person of the tenant has the employee number already."""

    kind = Kind.ALREADY_EXISTS
    text = "The employee number {employee_number} is taken. Check it."


class GroupNameTaken(Refusal):
    """A group of the tenant has the name already."""

    kind = Kind.ALREADY_EXISTS
    text = "There is a group of the name {name} already. Choose another one."


class GroupByRule(Refusal):
    """The group's members follow its rule, so people cannot be added or removed by name."""

    kind = Kind.FAILED_PRECONDITION
    text = "The members of this group follow its rule. Change the rule instead."


class GroupByName(Refusal):
    """The group's members are given by name, so it cannot take a rule."""

    kind = Kind.FAILED_PRECONDITION
    text = "The members of this group are given by name. Make a group by rule instead."


class GroupTooLarge(Refusal):
    """More people would belong to the group than a group may hold."""

    kind = Kind.FAILED_PRECONDITION
    text = "The group {group_id} would have more than {most} members. Narrow it or make two."


class DepartmentCycle(Refusal):
    """The department would be below itself."""

    kind = Kind.FAILED_PRECONDITION
    text = "The department cannot go to itself or below itself. Choose another one."


class DepartmentTooLarge(Refusal):
    """More people belong to the department than one change may move."""

    kind = Kind.FAILED_PRECONDITION
    text = "More than {most} people belong to the department. Split it first."


class ReportingCycle(Refusal):
    """The person would report to themselves, directly or through others."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MANAGER_CYCLE"
    text = "That manager reports to this person. Choose another one."


class SuperiorUnavailable(Refusal):
    """The person's manager would be deactivated or a guest."""

    kind = Kind.FAILED_PRECONDITION
    reason = "MANAGER_UNAVAILABLE"
    text = "That manager is deactivated or a guest. Choose another one."


class DeputyUnavailable(Refusal):
    """The deputy is deactivated, a guest, or away at that time."""

    kind = Kind.FAILED_PRECONDITION
    text = "That deputy is deactivated, a guest, or away at that time. Choose another one."


class GuestExpired(Refusal):
    """The guest's access has expired, so they cannot be reactivated before it is extended."""

    kind = Kind.FAILED_PRECONDITION
    text = "The time of this guest is over. Set a later guest_expires_at first."


class HandleReserved(Refusal):
    """MSG-13: the word mentions everyone in a conversation."""

    kind = Kind.INVALID
    text = "{handle} mentions everyone in a conversation. Choose another handle."


class HandleTaken(Refusal):
    """Another person of the tenant has the handle already."""

    kind = Kind.ALREADY_EXISTS
    text = "The handle {handle} is taken. Choose another one."


class PersonDeactivated(Refusal):
    """The person can no longer sign in, so nothing about their sign-in can be set."""

    kind = Kind.FAILED_PRECONDITION
    text = "This person is deactivated and cannot sign in."


class LastAdministrator(Refusal):
    """The change would leave the tenant without an active administrator for good."""

    kind = Kind.FAILED_PRECONDITION
    text = "This is the last active administrator. Make another one first."


class TenantExists(Refusal):
    """This deployment has its tenant already."""

    kind = Kind.ALREADY_EXISTS
    text = "This installation has been set up already. Sign in instead."


class BootstrapRefused(Refusal):
    """The bootstrap secret is wrong, or the deployment has none and cannot be set up."""

    kind = Kind.PERMISSION_DENIED
    text = "The bootstrap secret is not the one of this installation."


class ReasonRequired(Refusal):
    """A change that gives access to another person's account is recorded with a reason (GW-11)."""

    kind = Kind.INVALID
    text = "Give a reason; it is recorded with the change."
