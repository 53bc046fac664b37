"""Data of the API reference: equal to the current contracts and services."""

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 300
WRITE = """
import sys
from pathlib import Path
sys.path.insert(0, "libs/protos")
from generate import PROTO, owners
from reference import write_comments, write_refusals
folder = Path(sys.argv[1])
write_comments(PROTO, folder / "comments.json")
write_refusals(owners(), folder / "refusals.json")
"""


@pytest.fixture(scope="module")
def written(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output of `make proto`, made in a separate process that imports all services."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", WRITE, folder], cwd=root, timeout=SECONDS, check=True
    )
    return folder


@pytest.mark.parametrize("name", ["comments.json", "refusals.json"])
def test_the_data_of_the_api_reference_is_current(root: Path, written: Path, name: str) -> None:
    committed = (root / "libs/protos/src/plexus" / name).read_text(encoding="utf-8")
    assert (written / name).read_text(encoding="utf-8") == committed, "run `make proto`"
