"""GW-7: the writer of the ledger has no operation that changes it."""

import ast
from pathlib import Path

from audit.store import ledger as module

WORDS = {"replace", "update", "update_many", "find_and_update", "delete", "delete_many", "bulk"}


def test_gw_07_the_store_of_the_ledger_neither_updates_nor_deletes() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert not called & WORDS
    assert not {name for name in imported if name.endswith(("One", "Many"))}
