"""Why a command ends without having done its work."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Told on stderr; the command exits 1."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason
