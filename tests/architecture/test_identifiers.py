"""Identifiers that the naming rules refuse: bounds are `MAX_X`, values now are `current`."""

import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PARTS: Final = ("bench", "clients", "deploy", "libs", "services", "tests")
GENERATED: Final = "libs/protos/src/"
REFUSED: Final = re.compile(
    r"_?(?:MOST|LONGEST)(?:_\w+)?|\w+_(?:MOST|LONGEST)|_?(?:most|longest)_\w+|present"
)
WORDS: Final = re.compile(rf"\b(?:{REFUSED.pattern})\b")

_SESSION: Final = "`SessionInfo.present` is a field of the contract"
EXCEPTIONS: Final[Mapping[str, str]] = {
    "clients/cli/src/plexus_cli/commands/open_sessions.py": _SESSION,
    "clients/cli/tests/test_cli_signing_in.py": _SESSION,
    "services/directory/src/directory/sign_in/api/translation.py": _SESSION,
    "services/directory/tests/sign_in/test_directory_sign_in_api.py": _SESSION,
}
"""Files that may use `present`, each with the reason; nothing else is excepted."""


def refused(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and the name of each identifier that the rules refuse."""
    # Tokenizing is slow, and few files contain any of these words.
    if not WORDS.search(path.read_text(encoding="utf-8")):
        return
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.NAME and REFUSED.fullmatch(token.string):
                yield token.start[0], token.string


def found() -> dict[str, list[tuple[int, str]]]:
    """Return the refused names of every Python file of the repository."""
    listed = sorted(
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        if not {".venv", "node_modules"}.intersection(path.parts)
    )
    names = {path: list(refused(ROOT / path)) for path in listed if not path.startswith(GENERATED)}
    return {path: each for path, each in names.items() if each}


def test_identifiers_follow_the_naming_rules() -> None:
    every = found()
    wrong = {
        path: [each for each in names if each[1] != "present" or path not in EXCEPTIONS]
        for path, names in every.items()
    }
    assert {path: names for path, names in wrong.items() if names} == {}


def test_every_exception_is_still_needed() -> None:
    assert EXCEPTIONS.keys() - found().keys() == set()


def test_the_pattern_refuses_the_old_forms_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "names.py"
    source.write_text("MOST_X = PEOPLE_MOST = most_x = LONGEST = present = 1\nMAX_X = almost = 2\n")
    assert [name for _, name in refused(source)] == [
        "MOST_X",
        "PEOPLE_MOST",
        "most_x",
        "LONGEST",
        "present",
    ]
