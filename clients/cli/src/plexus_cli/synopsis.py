"""Help of commands and groups, generated from the index only."""

import os
import sys
from typing import Any

from plexus_cli.index import Command, Found, below, load
from plexus_cli.language import tr
from plexus_cli.widths import padded, width, wrapped

_MARGIN = 2
_MAX_NAMES = 34
_ABOUT_SHOWN_WORDS = "Talk, decide and follow up from the command line."
_ENDINGS_SHOWN_WORDS = (
    "Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage, 3 the output "
    "cannot be written, 130 interrupted, 141 the reader of the output has gone."
)


def help_of(found: Found) -> str:
    """Return the help of a command or group."""
    lines = [usage(found), ""]
    if found.command is None:
        return "\n".join([*lines, *_group(found.path)])
    return "\n".join([*lines, *_command(found.command)])


def usage(found: Found) -> str:
    """Return the usage line of a command."""
    words = [tr("Usage: ") + "plexus", *found.path]
    if found.command is None:
        return " ".join([*words, tr("COMMAND …")])
    for parameter in found.command["parameters"]:
        if "flags" in parameter:
            if parameter["required"]:
                words.append(f"{parameter['flags'][0]} {parameter['metavar']}")
            continue
        name = parameter["metavar"].strip("[]") + ("…" if parameter.get("many") else "")
        words.append(name if parameter["required"] else f"[{name}]")
    return " ".join([*words, tr("[OPTIONS]")])


def columns() -> int:
    """Return the width of help: that of the terminal, between 80 and 120 columns."""
    try:
        return max(60, min(int(os.environ["COLUMNS"]), 120))
    except (KeyError, ValueError):
        pass
    if not sys.stdout.isatty():
        return 100
    return max(60, min(os.get_terminal_size(sys.stdout.fileno()).columns, 120))


def _group(path: tuple[str, ...]) -> list[str]:
    about = load()["groups"].get(" ".join(path), _ABOUT_SHOWN_WORDS)
    rows = [(name, tr(text)) for name, text in below(path).items()]
    lines = [*wrapped(tr(about), columns()), "", tr("Commands:"), *_table(rows), ""]
    if not path:
        lines += [tr("Options:"), *_table(_common()), ""]
        lines += wrapped(tr(_ENDINGS_SHOWN_WORDS), columns())
    lines += wrapped(tr("`plexus COMMAND --help` shows the help of a command."), columns())
    return lines


def _command(command: Command) -> list[str]:
    lines = wrapped(tr(command["help"]), columns())
    for paragraph in command["more"]:
        lines += [
            "",
            *(line for each in tr(paragraph).split("\n") for line in wrapped(each, columns())),
        ]
    places = [each for each in command["parameters"] if "flags" not in each]
    options = [each for each in command["parameters"] if "flags" in each]
    if places:
        rows = [(each["metavar"].strip("[]"), _about(each)) for each in places]
        lines += ["", tr("Arguments:"), *_table(rows)]
    lines += ["", tr("Options:")]
    return [*lines, *_table([*((_names(each), _about(each)) for each in options), *_common()])]


def _names(parameter: dict[str, Any]) -> str:
    names = "/".join([*parameter["flags"], *parameter.get("off", ())])
    return f"{names} {parameter['metavar']}".strip()


def _about(parameter: dict[str, Any]) -> str:
    words = [tr(parameter["help"])] if parameter["help"] else []
    if "choices" in parameter:
        words.append(tr("One of: {choices}.", choices=", ".join(parameter["choices"])))
    if "default" in parameter:
        words.append(tr("Default: {value}.", value=parameter["default"]))
    if parameter.get("many") and "flags" in parameter:
        words.append(tr("Can be repeated."))
    return tr(" ").join(words)


def _common() -> list[tuple[str, str]]:
    """Return the options of every command."""
    return [
        ("--url HOST:PORT", tr("Address of the gateway; that of the profile by default.")),
        ("--as PROFILE", tr("Profile to act as; see `plexus profiles`.")),
        ("-h --help", tr("Show this help.")),
        ("--version", tr("Show the version.")),
    ]


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """Return names with their texts beside them, or below a long name."""
    beside = min(max((width(name) for name, _ in rows), default=0), _MAX_NAMES) + _MARGIN
    indent = " " * (_MARGIN + beside)
    lines: list[str] = []
    for name, text in rows:
        parts = wrapped(text, columns() - len(indent)) if text else [""]
        if width(name) + _MARGIN > beside:
            lines += [f"  {name}", *(indent + part for part in parts if part)]
        else:
            lines += [f"  {padded(name, beside)}{parts[0]}".rstrip()]
            lines += [indent + part for part in parts[1:]]
    return lines
