"""Generator of the index of all commands: `python -m plexus_cli.describe`."""

import enum
import json
import types
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from plexus_cli.index import FILE
from plexus_cli.options import Argument, Group, Option, annotations_of
from plexus_cli.tree import COMMANDS, GROUPS

_KINDS: Final = {bool: "flag", int: "int", Path: "path", str: "text"}


def described() -> dict[str, Any]:
    """Return the index as the declarations define it."""
    groups: dict[str, str] = {}
    commands: dict[str, Any] = {}
    for words, module in GROUPS.items():
        group: Group = import_module(f"plexus_cli.commands.{module}").app
        groups[words] = group.help
        for name, function in group.commands.items():
            text = group.helps.get(name, "")
            commands[f"{words} {name}"] = _command(module, function, text=text)
    for words, (module, name) in COMMANDS.items():
        commands[words] = _command(module, _member(module, name))
    return {"groups": dict(sorted(groups.items())), "commands": dict(sorted(commands.items()))}


def _member(module: str, name: str) -> Callable[..., None]:
    function: Callable[..., None] = getattr(import_module(f"plexus_cli.commands.{module}"), name)
    return function


def _command(module: str, function: Callable[..., None], *, text: str = "") -> dict[str, Any]:
    defaults = function.__defaults__ or ()
    annotations = annotations_of(function)
    first_default = len(annotations) - len(defaults)
    parameters = []
    for position, (name, annotation) in enumerate(annotations.items()):
        optional = position >= first_default
        default = defaults[position - first_default] if optional else None
        parameters.append(_parameter(name, annotation, optional=optional, default=default))
    paragraphs = (text or function.__doc__ or "").strip().split("\n\n")
    return {
        # A group may include a function of another module.
        "module": function.__module__.removeprefix("plexus_cli.commands.") or module,
        "function": function.__name__,
        "help": " ".join(paragraphs[0].split()),
        "more": [_unfolded(each) for each in paragraphs[1:]],
        "parameters": parameters,
    }


def _unfolded(paragraph: str) -> str:
    """Return a paragraph as one line; a list keeps one line per entry."""
    lines = [line.strip() for line in paragraph.splitlines()]
    return ("\n" if lines[0].startswith("- ") else " ").join(lines)


def _parameter(name: str, annotation: Any, *, optional: bool, default: Any) -> dict[str, Any]:
    declared: Argument | Option | None = None
    if hasattr(annotation, "__metadata__"):
        declared = next(
            each for each in annotation.__metadata__ if isinstance(each, Argument | Option)
        )
        annotation = annotation.__origin__
    kind, many, choices = _kind(annotation)
    if declared is None:
        declared = Option() if optional else Argument()
    shown: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "help": declared.help,
        "metavar": declared.metavar or _metavar(name, kind, declared),
        "required": not optional,
    }
    if many:
        shown["many"] = True
    if optional and default not in (None, "", False, 0) and kind != "flag":
        shown["default"] = str(default)
    if kind == "path":
        shown |= {"exists": declared.exists, "dir_okay": declared.dir_okay}
    bounds = {
        "min": declared.min,
        "max": declared.max,
        "choices": choices or list(declared.choices),
    }
    shown |= {key: value for key, value in bounds.items() if value not in (None, [])}
    if isinstance(declared, Option):
        shown |= _names(name, kind, declared, default=default)
    return shown


def _kind(annotation: Any) -> tuple[str, bool, list[str]]:
    """Return the type of a value, whether several are allowed, and its choices."""
    if get_origin(annotation) in {Union, types.UnionType}:
        (annotation,) = (each for each in get_args(annotation) if each is not types.NoneType)
    if get_origin(annotation) is list:
        kind, _, choices = _kind(get_args(annotation)[0])
        return kind, True, choices
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return "text", False, [str(each.value) for each in annotation]
    return _KINDS[annotation], False, []


def _metavar(name: str, kind: str, declared: Argument | Option) -> str:
    if isinstance(declared, Argument):
        return name.rstrip("_").upper().replace("_", "-")
    return {"int": "N", "path": "FILE", "flag": ""}.get(kind, "TEXT")


def _names(name: str, kind: str, option: Option, *, default: Any) -> dict[str, list[str]]:
    """Return the names of an option, and those that switch it off."""
    word = name.rstrip("_").replace("_", "-")
    names = option.names or ((f"--{word}/--no-{word}",) if kind == "flag" else (f"--{word}",))
    on = [each.partition("/")[0] for each in names]
    off = [each.partition("/")[2] for each in names if "/" in each]
    if default is False and not option.names:
        off = []
    return {"flags": on} | ({"off": off} if off else {})


def written() -> str:
    """Return the index in the format of its file."""
    return json.dumps(described(), ensure_ascii=False, indent=1, sort_keys=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
