"""The rules page says what the tests say, and tests name rules that exist."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = "tests/architecture/rules.py"


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


def test_the_page_is_what_the_tests_say(root: Path) -> None:
    checked = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / SCRIPT, "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


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
