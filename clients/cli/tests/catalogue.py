"""Every text of the command that a user reads, as the sources have it."""

import ast
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import plexus_cli
from plexus_cli.index import load

SOURCES = Path(plexus_cli.__file__).parent
TRANSLATED = {"tr": 1, "counted": 3, "heading": 1, "answer": 1, "_changed": 2, "_complain": 1}
"""Functions with texts, and up to which argument."""
REFUSING = {"Refused", "BadParameter", "say", "warn", "caution", "mention_aside"}
"""Functions that show a text, which must have gone through one of those above."""


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(SOURCES.rglob("*.py")):
        if not {"slack", "sample"} & set(path.relative_to(SOURCES).parts):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def literals(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def of_sources() -> set[str]:
    """Return the texts of `tr` and its like, columns of tables, and constants `*SHOWN_WORDS`."""
    texts: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            name = called(node)
            if isinstance(node, ast.Call) and name in TRANSLATED:
                for argument in node.args[: TRANSLATED[name]]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        texts.add(argument.value)
            elif isinstance(node, ast.Call) and name == "print_table":
                texts.update(
                    each.value
                    for argument in node.args[1:2]
                    if isinstance(argument, ast.List)
                    for each in argument.elts
                    if isinstance(each, ast.Constant)
                )
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = any(
                    isinstance(t, ast.Name) and t.id.endswith("SHOWN_WORDS") for t in targets
                )
                if named and node.value is not None:
                    texts.update(literals(node.value))
    return texts - {""}


def of_help() -> set[str]:
    """Return the texts of help."""
    index = load()
    texts = set(index["groups"].values())
    for command in index["commands"].values():
        texts |= {command["help"], *command["more"]}
        texts |= {parameter["help"] for parameter in command["parameters"]}
    return texts - {""}


def of_refusals() -> set[str]:
    """Return the keys of the services' refusals."""
    content = json.loads(files("plexus").joinpath("refusals.json").read_text(encoding="utf-8"))
    return {f"{service}.{reason}" for service, reasons in content.items() for reason in reasons}


def untranslatable() -> list[str]:
    """Return the places that show an English text without `tr`."""
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or called(node) not in REFUSING or not node.args:
                continue
            text = node.args[0]
            parts = [text] if isinstance(text, ast.Constant) else getattr(text, "values", [])
            words = "".join(str(each.value) for each in parts if isinstance(each, ast.Constant))
            if any(each.isalpha() for each in words):
                found.append(f"{path.name}:{node.lineno}")
    return found
