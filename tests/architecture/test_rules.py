"""Rules named by tests: each exists, and every rule of a finished capability has a test."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = "tests/architecture/rules.py"
# Rules of capabilities that do not exist yet. Remove a rule here with its first test.
NOT_BUILT = {
    *(f"ANN-{number}" for number in range(1, 8)),
    "APR-1",
    "CAL-1",
    *(f"CMP-{number}" for number in range(1, 6)),
    "FEED-1",
    "FILE-1",
    "GLO-1",
    "KB-1",
    *(f"MET-{number}" for number in range(1, 7)),
    "NTF-5",
    "NTF-6",
    "RPT-1",
    "SRC-9",
    "TSK-4",
    "TSK-5",
    "TSK-7",
    "TSK-9",
    "TSK-10",
}


@pytest.fixture(scope="module")
def script(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("rules", root / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_that_a_test_names_exists(script: ModuleType, root: Path) -> None:
    proofs = script.collect(root)
    assert proofs
    assert set(proofs) <= set(script.RULES)


def test_a_rule_without_a_test_belongs_to_a_capability_that_does_not_exist(
    script: ModuleType, root: Path
) -> None:
    """A rule without a test is listed as not built, and a listed rule has no test."""
    assert set(script.RULES) - set(script.collect(root)) == NOT_BUILT


def test_the_page_lists_every_rule_once_with_files_and_tests_that_exist(
    script: ModuleType, root: Path, tmp_path: Path
) -> None:
    written = tmp_path / "rules.md"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / SCRIPT, "--output", written],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = written.read_text(encoding="utf-8")
    listed = re.findall(r"^(?:## |- )([A-Z]+-\d+)\b", text, re.MULTILINE)
    assert sorted(listed) == sorted(script.RULES)
    files = re.findall(r"\]\(\.\./([^)]+)\)", text)
    assert files
    assert [file for file in files if not (root / file).is_file()] == []


def test_the_page_is_a_build_artefact(root: Path) -> None:
    ignored = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "docs/rules.md" in ignored
    if not (root / ".git").exists():
        pytest.skip("this copy has no git history")
    tracked = subprocess.run(
        ["git", "ls-files", "docs/rules.md"],  # noqa: S607 - git of the developer
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert tracked.stdout == ""


def test_names_and_markers_both_count(script: ModuleType, tmp_path: Path) -> None:
    tests = tmp_path / "services/x/tests"
    tests.mkdir(parents=True)
    tests.joinpath("test_x.py").write_text(
        '@pytest.mark.rule("GW-2")\n'
        "async def test_msg_03_once_is_enough(): ...\n"
        "def test_tsk_10(): ...\n"
        "def test_msg_everything(): ...\n"
    )
    proofs = script.collect(tmp_path)
    assert proofs == {
        "GW-2": ["services/x/tests/test_x.py::test_msg_03_once_is_enough"],
        "MSG-3": ["services/x/tests/test_x.py::test_msg_03_once_is_enough"],
        "TSK-10": ["services/x/tests/test_x.py::test_tsk_10"],
    }
    text = script.page(proofs)
    assert "## MSG-3" in text
    assert "  - once is enough" in text
    assert re.search(r"without a test so far.*MSG-1:", text, flags=re.IGNORECASE | re.DOTALL)
