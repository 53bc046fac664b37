"""Cost of starting a command: the modules that it loads, because times depend on the machine."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import plexus_cli
import pytest
from plexus_cli.describe import written
from plexus_cli.index import FILE, load

SOURCES = Path(plexus_cli.__file__).parent
SLOW = ("google", "grpc", "opentelemetry", "plexus", "plexus_sdk", "plexuskit", "pydantic", "rich")
NEVER = ("aiokafka", "click", "faststream", "opentelemetry", "pydantic", "pymongo", "rich", "typer")


def loaded_by(script: str) -> set[str]:
    """Run a script and return the modules that it loaded."""
    asked = f"import io, json, sys\n{script}\nsys.stderr.write(json.dumps(list(sys.modules)))"
    ran = subprocess.run(  # noqa: S603 - asks this interpreter
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True
    )
    return set(json.loads(ran.stderr.splitlines()[-1]))


def of(packages: tuple[str, ...], modules: set[str]) -> set[str]:
    return {each for each in modules if each.partition(".")[0] in packages}


def test_the_index_is_what_the_commands_declare() -> None:
    assert FILE.read_text(encoding="utf-8") == written(), "run `make commands`"


def test_help_and_wrong_usage_of_any_command_load_no_command() -> None:
    typed = [[*name.split(), "--help"] for name in (*load()["commands"], *load()["groups"])]
    typed += [["--help"], ["send"], ["send", "room"], ["send", "room", "hi", "--nope"], ["shout"]]
    modules = loaded_by(
        "from plexus_cli.running import run\n"
        "out, err, sys.stdout, sys.stderr = sys.stdout, sys.stderr, io.StringIO(), io.StringIO()\n"
        f"codes = [run(words) for words in {typed!r}]\n"
        "sys.stdout, sys.stderr = out, err\n"
        "assert set(codes) == {0, 2}, codes\n"
    )
    assert of(SLOW, modules) == set()
    assert {each for each in modules if each.startswith("plexus_cli.commands.")} == set()


@pytest.mark.parametrize("module", ["messages", "tasks", "people", "status", "tailing", "roles"])
def test_a_call_loads_neither_what_draws_nor_what_serves(module: str) -> None:
    modules = loaded_by(f"import plexus_cli.commands.{module}")
    assert of(NEVER, modules) == set()


def commands_imported_by(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    prefix = "plexus_cli.commands."
    return {name.removeprefix(prefix).partition(".")[0] for name in names if prefix in name}


OWN_PARTS = {
    "importing": {"import_batches"},
    "messages": {"availability"},
    "verifying": {"anchors"},
}


def test_no_command_loads_the_commands_of_another_group() -> None:
    found = {
        path.stem: imported
        for path in sorted((SOURCES / "commands").glob("*.py"))
        if (imported := commands_imported_by(path))
    }
    shared = {
        path.name: imported
        for path in sorted(SOURCES.rglob("*.py"))
        if path.parent.name != "commands" and (imported := commands_imported_by(path))
    }
    assert found == OWN_PARTS
    assert shared == {}
