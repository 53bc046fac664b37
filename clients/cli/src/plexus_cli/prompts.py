"""Questions at a terminal; without one, none is asked."""

import getpass
import sys

from plexus_sdk import Refused

from plexus_cli.language import tr
from plexus_cli.texts import read_line


def password(*, from_stdin: bool, twice: bool = False, what: str = "Password") -> str:
    """Read a password from standard input, or from the terminal without echo.

    Args:
        from_stdin: whether to read the first line of standard input.
        twice: whether it is a new one, which is typed twice.
        what: text of the question.

    Raises:
        Refused: there is no terminal, or the two entries differ.
    """
    if from_stdin:
        return read_line()
    if not sys.stdin.isatty():
        raise Refused(tr("Give the password on standard input with --password-stdin."))
    typed = getpass.getpass(f"{tr(what)}: ", stream=sys.stderr)
    if twice and getpass.getpass(f"{tr('Again')}: ", stream=sys.stderr) != typed:
        raise Refused(tr("The two passwords differ."))
    return typed


def answer(question: str) -> str:
    """Ask a question on standard error and return the answer."""
    sys.stderr.write(f"{tr(question)}: ")
    sys.stderr.flush()
    return read_line()
