"""The index of all commands: `index.json`, made by `python -m plexus_cli.describe`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from plexus_cli.tree import ALIASES

FILE: Final = Path(__file__).with_name("index.json")

Command = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The part of the index that was typed.

    Attributes:
        path: words of the command or group, in their current names.
        command: its description; None for a group.
        rest: words after it.
    """

    path: tuple[str, ...]
    command: Command | None
    rest: list[str]


@cache
def load() -> dict[str, Any]:
    """Return the index: `groups` {words: help} and `commands` {words: description}."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def find(words: list[str]) -> Found:
    """Find the command or group that words begin with; the root for a word of none."""
    index, path = load(), tuple[str, ...]()
    for position, word in enumerate(words):
        name = " ".join((*path, word))
        name = ALIASES.get(name, name)
        if name in index["commands"]:
            rest = words[position + 1 :]
            return Found(tuple(name.split(" ")), index["commands"][name], rest)
        if name not in index["groups"]:
            return Found(path, None, words[position:])
        path = tuple(name.split(" "))
    return Found(path, None, [])


def below(path: tuple[str, ...]) -> dict[str, str]:
    """Return the commands and groups directly below a group, with their help, by name."""
    index, prefix = load(), "".join(f"{word} " for word in path)
    helps = {name: entry["help"] for name, entry in index["commands"].items()} | index["groups"]
    return {
        name.removeprefix(prefix): text
        for name, text in sorted(helps.items())
        if name and name.startswith(prefix) and " " not in name.removeprefix(prefix)
    }


def completed(words: list[str]) -> list[str]:
    """Return the words that may stand in place of the last one, which is typed in part."""
    before, begun = words[:-1], words[-1] if words else ""
    found = find(before)
    if found.command is None:
        choices = [] if found.rest else list(below(found.path))
    else:
        choices = [name for each in found.command["parameters"] for name in each.get("flags", ())]
    return [each for each in choices if each.startswith(begun)]
