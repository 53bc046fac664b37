"""Opens a Slack export, a zip or a folder, and reads its JSON lists one file at a time.

Nothing is unpacked. Names that lead out of the export, encrypted entries and files beyond the
limits are refused.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from plexus_cli.slack.fields import Entry
from plexus_cli.slack.problems import ExportBroken

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Largest file that is read; a busy channel's day is some megabytes."""
MAX_FILES = 2_000_000
MAX_PATH_PARTS = 8

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json", re.ASCII)
_STAMP = re.compile(r'"ts"\s*:\s*"([^"]{1,40})"')
_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
_ENCRYPTED = 0x1
_NAME_IS_UTF8 = 0x800


class Source(Protocol):
    """Where the files lie."""

    def names(self) -> Sequence[str]:
        """Answer every file as a relative path with slashes."""
        ...

    def read(self, name: str) -> bytes:
        """Answer the content of one file. Refused: EXPORT_BROKEN."""
        ...


class Export:
    """The files of one export, read when asked for."""

    def __init__(self, source: Source) -> None:
        """Find the folder that holds `users.json`. Refused: EXPORT_BROKEN when there is none."""
        self._source = source
        names = source.names()
        self._root = _root_of(names)
        inside = [name.removeprefix(self._root) for name in names if name.startswith(self._root)]
        self._top = frozenset(name for name in inside if "/" not in name)
        if not self._top.intersection(_LISTS):
            others = ", ".join(_LISTS[1:])
            raise ExportBroken(file=_LISTS[0], problem=f"is missing, and so are {others}")

        self._folders: dict[str, list[str]] = {}
        for name in inside:
            folder, slash, rest = name.partition("/")
            if slash and "/" not in rest and not rest.startswith("."):
                self._folders.setdefault(folder, []).append(name)

    def has(self, name: str) -> bool:
        """Answer whether the file `name` lies at the top of the export."""
        return name in self._top

    def folders(self) -> Sequence[str]:
        """Answer every folder with files, in order of name."""
        return sorted(self._folders)

    def days(self, folder: str) -> Sequence[str]:
        """Answer the day files of a folder (`FOLDER/YYYY-MM-DD.json`), oldest first."""
        return sorted(name for name in self._folders.get(folder, ()) if _is_day(name))

    def others(self, folder: str) -> Sequence[str]:
        """Answer the files of a folder that are no day files."""
        return sorted(name for name in self._folders.get(folder, ()) if not _is_day(name))

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield the objects of the JSON list in file `name`, in order.

        Of a damaged file the good beginning is yielded, then it is refused: EXPORT_BROKEN with the
        index of the first entry that cannot be read and its ts where it can still be seen.
        """
        text, problem = _decoded(self._source.read(self._root + name))
        if not problem:
            try:
                values = json.loads(text)
            except (ValueError, RecursionError):
                values = None
            if isinstance(values, list):
                yield from _objects(name, values)
                return
        yield from _salvaged(name, text, problem)


@contextmanager
def open_export(path: Path) -> Iterator[Export]:
    """Open the export at `path`: a zip file or a folder. Refused: EXPORT_BROKEN."""
    if path.is_dir():
        yield Export(_Folder(path))
        return
    if not path.is_file():
        raise ExportBroken(file=str(path), problem="does not exist")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        problem = f"is no zip file and no folder ({error})"
        raise ExportBroken(file=str(path), problem=problem) from error
    with archive:
        yield Export(_Zip(archive))


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        infos = [info for info in archive.infolist() if not info.is_dir()]
        _check_count(len(infos))
        self._infos = {_zip_name(info): info for info in infos if not _is_clutter(info.filename)}

    def names(self) -> Sequence[str]:
        return list(self._infos)

    def read(self, name: str) -> bytes:
        info = self._infos[name]
        if info.flag_bits & _ENCRYPTED:
            raise ExportBroken(file=name, problem="is encrypted")
        try:
            # The size in the header is a claim: what counts is what comes out.
            with self._archive.open(info) as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise ExportBroken(file=name, problem=f"cannot be unpacked ({error})") from error
        return _bounded(name, data)


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._names = [
            path.relative_to(self._root).as_posix()
            for path in sorted(self._root.rglob("*"))
            if path.is_file() and not _is_clutter(path.relative_to(self._root).as_posix())
        ]
        _check_count(len(self._names))

    def names(self) -> Sequence[str]:
        return self._names

    def read(self, name: str) -> bytes:
        path = (self._root / _checked(name)).resolve()
        if not path.is_relative_to(self._root):
            raise ExportBroken(file=name, problem="leads out of the export")
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ExportBroken(file=name, problem=f"cannot be read ({error.strerror})") from error
        return _bounded(name, data)


def _zip_name(info: zipfile.ZipInfo) -> str:
    # Slack and macOS write UTF-8 names without saying so; zipfile then reads them as cp437.
    name = info.filename
    if not info.flag_bits & _NAME_IS_UTF8:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return _checked(name)


def _checked(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts or ":" in parts[0]:
        raise ExportBroken(file=name, problem="leads out of the export")
    if len(parts) > MAX_PATH_PARTS:
        raise ExportBroken(file=name, problem=f"lies deeper than {MAX_PATH_PARTS} folders")
    return "/".join(parts)


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _is_day(name: str) -> bool:
    return _DAY.fullmatch(name.rpartition("/")[2]) is not None


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        raise ExportBroken(file=".", problem=f"holds {count} files, more than {MAX_FILES}")


def _bounded(name: str, data: bytes) -> bytes:
    if len(data) > MAX_FILE_BYTES:
        raise ExportBroken(file=name, problem=f"is larger than {MAX_FILE_BYTES} bytes")
    return data


def _root_of(names: Sequence[str]) -> str:
    found = [name for name in names if name.rpartition("/")[2] == "users.json"]
    if not found:
        raise ExportBroken(file="users.json", problem="is missing, so this is no Slack export")
    shallowest = min(found, key=lambda name: (name.count("/"), name))
    return shallowest.removesuffix("users.json")


def _decoded(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", "ignore")
        return good, f"is not UTF-8 at byte {error.start}"


def _objects(name: str, values: Sequence[object], start: int = 0) -> Iterator[Entry]:
    for index, value in enumerate(values, start):
        if not isinstance(value, dict):
            raise ExportBroken(file=name, index=index, problem="is not an object")
        yield value


def _salvaged(name: str, text: str, problem: str) -> Iterator[Entry]:
    """Yield the entries before the damage, then refuse with its place."""
    decoder = json.JSONDecoder()
    position = _skip_space(text, 0)
    if not text.startswith("[", position):
        raise ExportBroken(file=name, problem=problem or "is not a JSON list")

    position = _skip_space(text, position + 1)
    index = 0
    while True:
        start = position
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise _broken_at(name, text[start:], index, problem or _reason(error)) from error
        yield from _objects(name, [value], index)
        index += 1
        position = _skip_space(text, position)
        if not text.startswith(",", position):
            raise _broken_at(name, "", index, problem or "is not the clean end of the list")
        position = _skip_space(text, position + 1)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON ({error.msg}, line {error.lineno}, column {error.colno})"
    return "is not JSON that can be read (nested too deeply, or a number too long)"


def _broken_at(name: str, rest: str, index: int, problem: str) -> ExportBroken:
    stamp = _STAMP.search(rest, 0, 20_000)
    return ExportBroken(file=name, index=index, ts=stamp[1] if stamp else "", problem=problem)


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
