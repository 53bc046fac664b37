"""What was proved at a sign-in, in the words of RFC 8176, and what a session may do by it."""

from typing import Final

PASSWORD: Final = "pwd"  # noqa: S105 -- names a method, is no password
CODE: Final = "otp"
HARDWARE_KEY: Final = "hwk"
# Not of RFC 8176, which has no word for it: the company's provider vouches.
FEDERATED: Final = "fed"
SECOND_FACTOR: Final = "mfa"

# What somebody may do who must set up a second factor first.
LIMITED: Final = frozenset({"sessions.set_second_factor", "sessions.end"})


def with_second(methods: tuple[str, ...], *, method: str) -> tuple[str, ...]:
    """Add a second factor to what was proved; saying it again changes nothing."""
    return tuple(dict.fromkeys((*methods, method, SECOND_FACTOR)))


def has_second(methods: tuple[str, ...]) -> bool:
    """Tell whether a second factor was given."""
    return SECOND_FACTOR in methods
