"""The folder of a channel is found in every spelling; a missing one is reported."""

import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plexus_cli.slack import OddityKind
from plexus_cli.slack.folders import match_folders

Read = Callable[..., Any]
NAME = "采购-公告"
SAID = '[{"type": "message", "user": "U1", "text": "hi", "ts": "1700000001.000000"}]'
USERS = '[{"id": "U1", "name": "ann"}]'


def channels(*names: str) -> str:
    listed = (
        f'{{"id": "C{n}", "name": "{name}", "members": ["U1"]}}' for n, name in enumerate(names)
    )
    return f"[{', '.join(listed)}]"


def misread(name: str, encoding: str) -> str:
    return name.encode(encoding).decode("cp437")


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (NAME, NAME),
        ("café-lunch", unicodedata.normalize("NFD", "café-lunch")),
        ("3dビュー", "3dﾋﾞｭｰ"),
        ("３d", "3d"),
        ("General", "general"),
        (NAME, misread(NAME, "gbk")),
        (NAME, misread(NAME, "utf-8")),
        (NAME, NAME.encode("gbk").decode("latin-1")),
        (NAME, NAME.encode("gbk").decode("utf-8", "surrogateescape")),
        ("採購", misread("採購", "big5")),
        ("設計", misread("設計", "cp932")),
    ],
)
def test_a_folder_is_found_by_any_spelling(name: str, folder: str) -> None:
    assert match_folders({"C1": [name, "C1"]}, [folder, "other"]) == {"C1": folder}


def test_equal_names_win_over_equal_spellings_and_a_folder_is_given_once() -> None:
    names = {"C1": ["ｔeam", "C1"], "C2": ["team", "C2"], "C3": ["new", "C3", "old"], "D1": ["D1"]}

    assert match_folders(names, ["team", "ｔeam", "old", "D1"]) == {
        "C1": "ｔeam",
        "C2": "team",
        "C3": "old",
        "D1": "D1",
    }
    assert match_folders({"C1": ["team"], "C2": ["TEAM"]}, ["team"]) == {"C1": "team"}


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Write a zip with these bytes as names, without the UTF-8 flag."""

    def write(folder: bytes, *names: str, separator: bytes = b"/") -> Path:
        path, stand_in = tmp_path / "export.zip", "x" * len(folder)
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("users.json", USERS)
            made.writestr("channels.json", channels(*names))
            made.writestr(f"{stand_in}/2023-11-14.json", SAID)
        content = path.read_bytes().replace(stand_in.encode() + b"/", folder + separator)
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("separator", [b"/", b"\\"])
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_zip_of_windows_is_read(
    archive: Callable[..., Path], read: Read, encoding: str, separator: bytes
) -> None:
    reading = read(archive(NAME.encode(encoding), NAME, separator=separator))

    assert [message.text for message in reading.messages("C0")] == ["hi"]
    assert not reading.problems.counts


def test_a_folder_whose_names_hold_backslashes_is_read(tmp_path: Path, read: Read) -> None:
    (tmp_path / "users.json").write_text(USERS)
    (tmp_path / "channels.json").write_text(channels("general"))
    (tmp_path / "general\\2023-11-14.json").write_text(SAID)

    assert [message.text for message in read(tmp_path).messages("C0")] == ["hi"]


def test_a_channel_that_may_have_lost_its_folder_is_named(
    archive: Callable[..., Path], read: Read
) -> None:
    reading = read(archive(b"nobody-knows", NAME, "empty"))

    assert reading.messages("C0") == []
    assert reading.problems.counts == {OddityKind.FOLDER_UNLISTED: 1, OddityKind.FOLDER_MISSING: 2}
    named = [str(oddity) for oddity in reading.problems.examples]
    assert named[0].startswith("nobody-knows")
    assert f"C0 {NAME!r} has no folder of messages" in named[1]


def test_a_channel_without_messages_is_nothing_odd(
    archive: Callable[..., Path], read: Read
) -> None:
    assert not read(archive(b"general", "general", "empty")).problems.counts
