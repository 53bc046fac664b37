"""Declarations of commands: groups, and the arguments and options of functions.

A command is a function whose parameters are annotated with `Argument` or `Option`. The index
(`index.json`) is generated from these declarations, so that help and wrong usage load no command.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])


class BadParameter(Exception):  # noqa: N818 - wrong usage, not a fault
    """An invalid value of a parameter; ends with exit code 2."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional value.

    Attributes:
        help: one sentence.
        metavar: its name in the synopsis; default: the name of the parameter.
        exists: whether a path must exist.
        dir_okay: whether a path may be a folder.
        min: smallest number.
        max: largest number.
        choices: the allowed words.
    """

    help: str = ""
    metavar: str = ""
    exists: bool = False
    dir_okay: bool = True
    min: int | None = None
    max: int | None = None
    choices: tuple[str, ...] = ()


class Option:
    """A named value: `--name VALUE`, or a switch for a parameter of type bool."""

    def __init__(
        self,
        *names: str,
        help: str = "",  # noqa: A002 - as in Argument
        metavar: str = "",
        min: int | None = None,  # noqa: A002 - reads best
        max: int | None = None,  # noqa: A002 - reads best
        exists: bool = False,
        dir_okay: bool = True,
        choices: tuple[str, ...] = (),
    ) -> None:
        """Declare an option.

        Args:
            names: `--name`, or `--name/--no-name`; default: derived from the parameter's name.
            help: one sentence.
            metavar: name of the value.
            min: smallest number.
            max: largest number.
            exists: whether a path must exist.
            dir_okay: whether a path may be a folder.
            choices: the allowed words.
        """
        self.names = names
        self.help = help
        self.metavar = metavar
        self.min = min
        self.max = max
        self.exists = exists
        self.dir_okay = dir_okay
        self.choices = choices


class Group:
    """Commands of one subject.

    Attributes:
        help: one sentence.
        commands: functions by their command word.
        helps: help texts that replace docstrings.
    """

    def __init__(self, help: str = "") -> None:  # noqa: A002 - as in Argument
        self.help = help
        self.commands: dict[str, Callable[..., None]] = {}
        self.helps: dict[str, str] = {}

    def command(self, name: str = "", *, help: str = "") -> Callable[[FunctionT], FunctionT]:  # noqa: A002
        """Declare a command; its name defaults to the function's."""

        def declare(function: FunctionT) -> FunctionT:
            word = name or function.__name__.rstrip("_").replace("_", "-")
            self.commands[word] = function
            if help:
                self.helps[word] = help
            return function

        return declare


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotated parameters of a command."""
    return {name: kind for name, kind in function.__annotations__.items() if name != "return"}


Json = Annotated[bool, Option("--json", help="Print JSON, with ids.")]
Where = Annotated[str, Argument(help="Id, name of a group, or @person.")]
