"""Execution of a command line: help from the index, or one command with only its module loaded."""

import gc
import sys
from importlib import import_module
from typing import Any

from plexus_cli.arguments import read
from plexus_cli.asked import asked
from plexus_cli.index import Found, below, completed, find
from plexus_cli.language import tr
from plexus_cli.options import BadParameter
from plexus_cli.synopsis import help_of, usage
from plexus_cli.tree import LISTING

HELP = ("-h", "--help")
COMPLETE = "__complete"
REFUSED, WRONG_USAGE = 1, 2


def run(words: list[str]) -> int:
    """Run a command or show help; return the exit code.

    Args:
        words: the command line, with the common options in front.
    """
    _prepare_streams()
    found = Found((), None, words)
    try:
        _check_text(words)
        words = _take_common(words)
        if words[:1] == [COMPLETE]:
            sys.stdout.writelines(f"{word}\n" for word in completed(words[1:]))
            return 0
        if words == ["--version"]:
            _show_version()
            return 0
        end = words.index("--") if "--" in words else len(words)
        asks = [word for word in words[:end] if word not in HELP]
        found = find(_listing([*asks, *words[end:]]))
        return _run(found, is_help=len(asks) < end)
    except BadParameter as wrong:
        return _wrong(found, str(wrong))


def _run(found: Found, *, is_help: bool) -> int:
    if is_help:
        return _show_help(found)
    if found.command is None:
        return _show_group(found)
    if not found.rest and any(each["required"] for each in found.command["parameters"]):
        sys.stderr.write(help_of(found) + "\n")
        return WRONG_USAGE
    return _call(found, read(found.command, found.rest))


def _prepare_streams() -> None:
    """Show characters that the terminal's encoding lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _check_text(words: list[str]) -> None:
    """Refuse words that are not valid in the encoding of the locale."""
    for place, word in enumerate(words, start=1):
        try:
            word.encode()
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding().upper()
            raise BadParameter(
                tr("Word {place} is not {encoding} text", place=place, encoding=encoding)
            ) from None


def _take_common(words: list[str]) -> list[str]:
    """Consume `--url` and `--as` at the front; return the rest."""
    while words:
        name, equals, value = words[0].partition("=")
        if name not in ("--url", "--as"):
            break
        words = words[1:]
        if not equals:
            if not words:
                raise BadParameter(tr("{name} needs a value", name=name))
            value, words = words[0], words[1:]
        if name == "--url":
            asked.url = value
        else:
            asked.profile = value
        if not words:
            raise BadParameter(tr("Missing: {names}", names=tr("COMMAND …")))
    return words


def _listing(words: list[str]) -> list[str]:
    """Insert `list` after a group whose next word is not a command: `plexus people lin`."""
    if len(words) > 1 and words[0] in LISTING:
        found = find(words)
        if found.command is None and found.path == (words[0],):
            return [words[0], "list", *words[1:]]
    return words


def _show_version() -> None:
    from importlib.metadata import version  # noqa: PLC0415 - slow, and only here

    sys.stdout.write(f"plexus {version('plexus-cli')}\n")


def _show_help(found: Found) -> int:
    if found.command is None and found.rest:
        return _show_group(found)
    sys.stdout.write(help_of(found) + "\n")
    return 0


def _show_group(found: Found) -> int:
    """Show the help of a group, which has no effect; report a word that is not a command."""
    if not found.rest:
        sys.stdout.write(help_of(found) + "\n")
        return 0
    word = found.rest[0]
    if word.startswith("-"):
        return _wrong(found, tr("There is no option {name}.", name=word))
    # Loaded only to report a mistake.
    from difflib import get_close_matches  # noqa: PLC0415

    near = get_close_matches(word, list(below(found.path)), n=1)
    hint = tr(" Did you mean {name}?", name=near[0]) if near else ""
    return _wrong(found, tr("There is no command {name}.", name=word) + hint)


def _wrong(found: Found, problem: str) -> int:
    shown = " ".join(("plexus", *found.path))
    sys.stderr.write(usage(found) + "\n")
    sys.stderr.write(tr("Try `{command} --help`.", command=shown) + "\n\n")
    ends = (".", "?", "\u3002", "\uff1f")
    end = "" if problem.endswith(ends) else tr(".")
    sys.stderr.write(problem + end + "\n")
    return WRONG_USAGE


def _call(found: Found, values: dict[str, Any]) -> int:
    """Import the command's module and call its function; return 1 if it is refused."""
    command = found.command or {}
    # Importing creates many objects but no garbage.
    gc.disable()
    module = import_module(f"plexus_cli.commands.{command['module']}")
    gc.enable()
    try:
        getattr(module, command["function"])(**values)
    except Exception as error:  # noqa: BLE001 - other exceptions are raised again
        return _ended(error)
    return 0


def _ended(error: Exception) -> int:
    """Report a refusal; re-raise any other exception."""
    # The SDK is already loaded if the command makes calls.
    from plexus_sdk.errors import Refused  # noqa: PLC0415

    if not isinstance(error, Refused):
        raise error
    from plexus_cli.output import warn  # noqa: PLC0415
    from plexus_cli.refusals import shown  # noqa: PLC0415

    warn(shown(error), reason=error.reason)
    return REFUSED
