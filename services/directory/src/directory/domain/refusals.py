"""The named reasons why the directory does not carry out a request."""

from plexuskit.errors import Kind, Refusal


class PersonNotFound(Refusal):
    """Nobody of that id or handle can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such person. Check the id or the handle."


class DepartmentNotFound(Refusal):
    """No department of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such department. Choose one of the department list."


class HandleTaken(Refusal):
    """Someone in the tenant has the handle already."""

    kind = Kind.ALREADY_EXISTS
    text = "The handle {handle} is taken. Choose another one."


class PersonDeactivated(Refusal):
    """The person can no longer sign in, so nothing about their sign-in can be set."""

    kind = Kind.FAILED_PRECONDITION
    text = "This person is deactivated and cannot sign in."


class LastAdministrator(Refusal):
    """The change would leave the tenant without an active administrator, for ever."""

    kind = Kind.FAILED_PRECONDITION
    text = "This is the last active administrator. Make another one first."


class PermissionMissing(Refusal):
    """None of the caller's roles holds the permission."""

    kind = Kind.PERMISSION_DENIED
    text = "You need the permission {permission}. Ask an administrator."


class TenantExists(Refusal):
    """This deployment has its tenant already."""

    kind = Kind.ALREADY_EXISTS
    text = "This installation has been set up already. Sign in instead."


class BootstrapRefused(Refusal):
    """The bootstrap secret is wrong, or the deployment has none and cannot be set up."""

    kind = Kind.PERMISSION_DENIED
    text = "The bootstrap secret is not the one of this installation."


class SignInRefused(Refusal):
    """Signing in failed; the same for every cause, so that nothing can be enumerated (GW-2)."""

    kind = Kind.UNAUTHENTICATED
    text = "Handle or password is wrong, or there were too many attempts."


class OldPasswordWrong(Refusal):
    """The old password given with the new one does not match."""

    kind = Kind.PERMISSION_DENIED
    text = "The old password is wrong, or there were too many attempts."


class PasswordChecksBusy(Refusal):
    """More password checks wait than the service accepts; says nothing about any account."""

    kind = Kind.EXHAUSTED
    text = "Too many people are signing in at once. Try again in a moment."


class RefreshRefused(Refusal):
    """The refresh token is unknown, expired, or of a session that has ended."""

    kind = Kind.UNAUTHENTICATED
    text = "The session is over. Sign in again."


class RefreshReused(Refusal):
    """A spent refresh token was presented again: someone else may hold it, so the session ended."""

    kind = Kind.UNAUTHENTICATED
    text = "The session was ended because its token was used twice. Sign in again."


class RequestIdReused(Refusal):
    """The request id belongs to an earlier request with other content."""

    kind = Kind.ALREADY_EXISTS
    text = "The request id {request_id} was used for something else. Make a new one."
