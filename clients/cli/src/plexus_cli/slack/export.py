"""A Slack export, zip or folder, whose JSON lists are read one file at a time.

The zip is not unpacked. Names that lead out of the export, encrypted entries and files beyond the
limits are refused.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from plexus_cli.slack.folders import checked_path, is_clutter, zip_name
from plexus_cli.slack.lists import Numbered, read_list
from plexus_cli.slack.problems import ExportBroken, OddityKind, Problems

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Maximum size of a file; a day of a busy channel has a few megabytes."""
MAX_FILES = 2_000_000
USERS = "users.json"
ORGANISATION_USERS = "org_users.json"
"""People of all workspaces of an Enterprise Grid."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json", re.ASCII)
_LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
_ENCRYPTED = 0x1


class Source(Protocol):
    """Storage of the files."""

    def names(self) -> Sequence[str]:
        """Return every file as a relative path with slashes."""
        ...

    def read(self, name: str) -> bytes:
        """Return the content of one file. Refused: EXPORT_BROKEN."""
        ...


class Export:
    """The files of one export, read on demand."""

    def __init__(self, source: Source) -> None:
        """Find the folder of the lists. Refused: EXPORT_BROKEN if there is none."""
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
        """Return whether the export contains the file `name` at its top level."""
        return name in self._top

    def folders(self) -> Sequence[str]:
        """Return every folder with files, sorted by name."""
        return sorted(self._folders)

    def days(self, folder: str) -> Sequence[str]:
        """Return the day files of a folder (`FOLDER/YYYY-MM-DD.json`), oldest first."""
        return sorted(name for name in self._folders.get(folder, ()) if _is_day(name))

    def others(self, folder: str) -> Sequence[str]:
        """Return the files of a folder that are not day files."""
        return sorted(name for name in self._folders.get(folder, ()) if not _is_day(name))

    def entries(self, name: str, *, problems: Problems) -> Iterator[Numbered]:
        """Yield the objects of the JSON list in file `name` with their indexes, in order.

        Unreadable entries are skipped and recorded. Refused: EXPORT_BROKEN for a list of people or
        channels that cannot be read at all, EXPORT_UNTIDY when strict.
        """
        try:
            data = self._source.read(self._root + name)
        except ExportBroken as broken:
            if name in self._top:
                raise
            detail = f"{broken.problem}; it is left out"
            problems.note(OddityKind.FILE_DAMAGED, file=name, detail=detail)
            return
        yield from read_list(name, data, problems=problems)


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
        self._infos = {zip_name(info): info for info in infos if not is_clutter(info.filename)}

    def names(self) -> Sequence[str]:
        return list(self._infos)

    def read(self, name: str) -> bytes:
        info = self._infos[name]
        if info.flag_bits & _ENCRYPTED:
            raise ExportBroken(file=name, problem="is encrypted")
        try:
            # The size in the header is only a claim; the extracted bytes count.
            with self._archive.open(info) as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError) as error:
            raise ExportBroken(file=name, problem=f"cannot be unpacked ({error})") from error
        return _bounded(name, data)


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        found = [
            path.relative_to(self._root).as_posix()
            for path in sorted(self._root.rglob("*"))
            if path.is_file()
        ]
        # Tools that do not treat a backslash as a separator leave it in the name.
        self._paths = {checked_path(name): name for name in found if not is_clutter(name)}
        _check_count(len(self._paths))

    def names(self) -> Sequence[str]:
        return list(self._paths)

    def read(self, name: str) -> bytes:
        path = (self._root / self._paths[name]).resolve()
        if not path.is_relative_to(self._root):
            raise ExportBroken(file=name, problem="leads out of the export")
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ExportBroken(file=name, problem=f"cannot be read ({error.strerror})") from error
        return _bounded(name, data)


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
    """Return the folder of the lists, with a slash; the shallowest if there are several."""
    found = [name for name in names if name.rpartition("/")[2] in {USERS, ORGANISATION_USERS}]
    if not found:
        problem = f"is missing, and so is {ORGANISATION_USERS}, so this is no Slack export"
        raise ExportBroken(file=USERS, problem=problem)
    shallowest = min(found, key=lambda name: (name.count("/"), name))
    return shallowest.removesuffix(shallowest.rpartition("/")[2])
