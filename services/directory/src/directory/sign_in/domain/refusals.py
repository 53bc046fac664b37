"""The named reasons why sign-in is refused, or its factors and tokens are not changed as asked."""

from plexuskit.errors import Kind, Refusal


class ApiTokenOfAnother(Refusal):
    """A token for a human is made by that human only."""

    kind = Kind.PERMISSION_DENIED
    text = (
        "Only the person themselves makes a token that acts as them. Create a service account and"
        " make the token for it."
    )


class StepUpRequired(Refusal):
    """The action needs a recent proof of the caller's identity, and there was none."""

    kind = Kind.PERMISSION_DENIED
    text = "Give your password with this; if you have a second factor, sign in with it first."


class SecondFactorExists(Refusal):
    """The person has a second factor of this kind, and one is enough."""

    kind = Kind.ALREADY_EXISTS
    text = "You use one-time codes already. Remove them before you set them up anew."


class SecondFactorNotFound(Refusal):
    """No second factor of that id is visible; the same for absent and another person's (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such second factor."


class SecondFactorNeeded(Refusal):
    """A role of the person asks for a second factor, and this is the last one."""

    kind = Kind.FAILED_PRECONDITION
    text = "A role of yours needs a second factor. Set up another one first."


class TooManySecondFactors(Refusal):
    """The person has the maximum number of second factors."""

    kind = Kind.FAILED_PRECONDITION
    text = "You have {limit} second factors already. Remove one first."


class CodeRefused(Refusal):
    """The code that should prove the app is wrong, or no setting up has begun."""

    kind = Kind.PERMISSION_DENIED
    text = "The code is wrong or too old, or there were too many attempts."


class PasskeyRefused(Refusal):
    """The passkey's answer does not fit the question, or the question is over."""

    kind = Kind.PERMISSION_DENIED
    text = "The passkey was not accepted. Begin again."


class PasskeysNotSetUp(Refusal):
    """This installation has no relying party, so nothing can bind a passkey to it."""

    kind = Kind.FAILED_PRECONDITION
    text = "Passkeys are not set up in this installation."


class SessionNotFound(Refusal):
    """No session or API token of that id can be seen; the same for absent and hidden (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no such session."


class ApiTokenInvalid(Refusal):
    """The token is unknown, revoked or expired, or its person is not active."""

    kind = Kind.UNAUTHENTICATED
    text = "The API token is not valid here."


class LockedOut(Refusal):
    """No administrator could sign in any more."""

    kind = Kind.FAILED_PRECONDITION
    text = "No administrator could sign in any more. Link one with the provider first."


class NoWorkingProvider(Refusal):
    """People without a local account could not sign in any more."""

    kind = Kind.FAILED_PRECONDITION
    text = (
        "No OpenID provider answers, so that people without a local account could not sign in any "
        "more. Configure one that works first, or keep local accounts."
    )


class ProviderInvalid(Refusal):
    """The provider's discovery document cannot be read, or is not its own."""

    kind = Kind.FAILED_PRECONDITION
    text = "The provider's discovery document cannot be used: {problem}."


class ProviderNotFound(Refusal):
    """The company has no such provider."""

    kind = Kind.NOT_FOUND
    text = "There is no such provider. See the ways to sign in."


class ProviderUnavailable(Refusal):
    """The provider did not answer as it should; that is no verdict on the person."""

    kind = Kind.UNAVAILABLE
    text = "The company's sign-in cannot be reached now. Try again in a moment."


class RedirectNotAllowed(Refusal):
    """The address is not registered for the provider's redirects."""

    kind = Kind.INVALID
    text = "The redirect address is not one of the provider's."


class SignInRefused(Refusal):
    """Signing in failed; the same for every cause, so that nothing can be enumerated (GW-2)."""

    kind = Kind.UNAUTHENTICATED
    text = "Handle or password is wrong, or there were too many attempts."


class OldPasswordWrong(Refusal):
    """The old password given with the new one does not match."""

    kind = Kind.PERMISSION_DENIED
    text = "The old password is wrong, or there were too many attempts."
