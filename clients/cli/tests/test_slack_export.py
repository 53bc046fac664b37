"""Exports: zip or folder, bounded, and confined to their own folder."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from plexus_cli.slack import Export, ExportBroken, OddityKind, Problems, open_export
from plexus_cli.slack import export as export_module

SAID = {"type": "message", "user": "U1", "text": "hi", "ts": "1700000000.000100"}


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def entries(export: Export, name: str) -> list[object]:
    return [entry for _, entry in export.entries(name, problems=Problems())]


def refusal(path: Path, name: str = "users.json") -> ExportBroken:
    with pytest.raises(ExportBroken) as caught, open_export(path) as export:
        entries(export, name)
    return caught.value


def test_a_zip_and_its_folder_read_the_same(
    write_export: Callable[..., Path], zipped: Callable[[Path], Path]
) -> None:
    root = write_export({"general/2023-11-14": [SAID], "general/2023-11-15": [SAID]})

    with open_export(root) as folder, open_export(zipped(root)) as packed:
        assert folder.days("general") == packed.days("general")
        assert len(folder.days("general")) == 2
        for name in folder.days("general"):
            assert entries(folder, name) == entries(packed, name) == [SAID]


def test_an_export_may_lie_in_a_folder_of_its_archive(tmp_path: Path) -> None:
    files = {"acme/users.json": "[]", "acme/dms.json": "[]", "__MACOSX/acme/users.json": "x"}

    with open_export(archive(tmp_path / "a.zip", files)) as export:
        assert entries(export, "users.json") == []


def test_names_in_utf8_are_read_even_when_the_zip_does_not_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    folder = "销售"
    stand_in = "x" * len(folder.encode())
    archive(path, {"users.json": "[]", "dms.json": "[]", f"{stand_in}/2024-01-02.json": "[]"})
    path.write_bytes(path.read_bytes().replace(stand_in.encode(), folder.encode()))

    with open_export(path) as export:
        assert export.days(folder) == ["销售/2024-01-02.json"]


@pytest.mark.parametrize(
    "name", ["../users.json", "/etc/users.json", "a/../../x", "C:/x", "C:\\x", "a\\..\\..\\x"]
)
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", {"users.json": "[]", "dms.json": "[]", name: "[]"})

    assert refusal(path).problem == "leads out of the export"


def test_a_link_that_leads_out_of_a_folder_is_not_read(
    write_export: Callable[..., Path], tmp_path: Path
) -> None:
    root = write_export({})
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps([SAID]))
    (root / "general").mkdir()
    (root / "general" / "2024-01-02.json").symlink_to(secret)
    problems = Problems()

    with open_export(root) as export:
        assert list(export.entries("general/2024-01-02.json", problems=problems)) == []
    (oddity,) = problems.examples
    assert oddity.kind is OddityKind.FILE_DAMAGED
    assert "leads out of the export" in oddity.detail


def test_a_file_beyond_the_limit_is_refused_by_what_comes_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(export_module, "MAX_FILE_BYTES", 1_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("users.json", "[" + " " * 100_000 + "]")
        made.writestr("dms.json", "[]")

    assert refusal(path).problem == "is larger than 1000 bytes"


@pytest.mark.parametrize("missing", ["users.json", "channels.json"])
def test_what_is_no_export_is_refused(tmp_path: Path, missing: str) -> None:
    files = {"users.json": "[]", "channels.json": "[]"}
    del files[missing]

    assert refusal(archive(tmp_path / "a.zip", files)).file == missing


def test_a_path_without_an_export_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.zip"
    text.write_text("hello")

    assert "no zip file" in refusal(text).problem
    assert refusal(tmp_path / "nowhere").problem == "does not exist"
