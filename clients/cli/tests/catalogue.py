"""Every text of the command that users see, collected from the sources."""

import ast
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import plexus_cli
from plexus_cli.index import load

SOURCES = Path(plexus_cli.__file__).parent
TRANSLATED = {"tr": 1, "counted": 3, "heading": 1, "answer": 1, "_changed": 2, "_complain": 1}
"""Functions with texts, and the number of arguments that are texts."""
REFUSING = {"Refused", "BadParameter", "say", "warn", "caution", "mention_aside"}
"""Functions that show a text, which must have passed through one of those above."""


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
    """Return the texts of `tr` and the like, columns of tables, and constants `*SHOWN_WORDS`."""
    texts: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                texts.update(_of_call(node))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                texts.update(_of_assignment(targets, node.value))
    return texts - {""}


def _of_call(node: ast.Call) -> Iterator[str]:
    name = called(node)
    arguments: list[ast.expr] = node.args[: TRANSLATED.get(name, 0)]
    if name == "print_table" and len(node.args) > 1 and isinstance(node.args[1], ast.List):
        arguments = node.args[1].elts
    for each in arguments:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _of_assignment(targets: list[ast.expr], value: ast.expr) -> Iterator[str]:
    names = {each.id for each in targets if isinstance(each, ast.Name)}
    if names == {"columns"} and isinstance(value, ast.List):
        yield from (each.value for each in value.elts if isinstance(each, ast.Constant))
    if any(name.endswith("SHOWN_WORDS") for name in names):
        for each in value.values if isinstance(value, ast.Dict) else [value]:
            yield from literals(each)


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
    """Return the places that show an English text without translation."""
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if called(node) in REFUSING or called(node) == "print_table":
                words = "".join(untranslated(node.args[0]))
                if sum(each.isalpha() for each in words) > 1:
                    found.append(f"{path.name}:{node.lineno}")
    return found


def untranslated(node: ast.AST) -> Iterator[str]:
    """Yield the constants of an expression outside translating calls."""
    if called(node) or isinstance(node, ast.Call | ast.Subscript | ast.Compare):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for each in ast.iter_child_nodes(node):
        yield from untranslated(each)
