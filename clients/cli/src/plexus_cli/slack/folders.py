"""Names of files and folders in archives, and the folder of each channel.

Archives from Windows have names in its code page and backslashes, those from macOS decomposed
letters; tools that unpack them may misread the names. A channel's folder is found by any spelling.
"""

import os
import unicodedata
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from plexus_cli.slack.problems import ExportBroken

MAX_PATH_PARTS = 8

_NAME_IS_UTF8 = 0x800
_CODE_PAGES = ("utf-8", "gb18030", "big5", "cp932", "euc-kr")
"""Encodings of names without a declared encoding, most likely first."""
_MISREADINGS = ("cp437", "latin-1")
"""Encodings in which tools read such names instead."""


def zip_name(info: zipfile.ZipInfo) -> str:
    """Return the path of a file in an archive, with slashes. Refused: EXPORT_BROKEN.

    Slack and macOS write UTF-8 names without the flag; zipfile reads them as cp437. A name in
    another code page stays as it was read: `match_folders` knows its spellings.
    """
    name = info.filename
    if not info.flag_bits & _NAME_IS_UTF8:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return checked_path(name)


def checked_path(name: str) -> str:
    """Return a relative path with slashes. Refused: EXPORT_BROKEN if it leads out of the export."""
    path = name.replace("\\", "/")
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or ":" in parts[0]:
        raise ExportBroken(file=shown_name(name), problem="leads out of the export")
    if len(parts) > MAX_PATH_PARTS:
        problem = f"lies deeper than {MAX_PATH_PARTS} folders"
        raise ExportBroken(file=shown_name(name), problem=problem)
    return "/".join(parts)


def is_clutter(name: str) -> bool:
    """Return whether a path is one of the files that macOS adds."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def shown_name(name: str) -> str:
    """Return a printable name: undecodable bytes become question marks."""
    return name.encode("utf-8", "replace").decode()


def match_folders(
    channels: Mapping[str, Sequence[str]], folders: Collection[str]
) -> dict[str, str]:
    """Return the folder of each channel that has one, by channel id; each folder once.

    Equal names win over equal spellings, and a channel's first name over its others.

    Args:
        channels: names of each channel, by id, the current one first.
        folders: names of all folders.
    """
    found: dict[str, str] = {}
    left = dict.fromkeys(folders)
    spelled: dict[str, list[str]] = {}
    for folder in folders:
        for spelling in spellings(folder):
            spelled.setdefault(spelling, []).append(folder)
    longest = max(map(len, channels.values()), default=0)
    for folded in (False, True):
        for place in range(longest):
            for key, names in channels.items():
                if key in found or place >= len(names):
                    continue
                name = names[place]
                options = spelled.get(_folded(name), []) if folded else [name]
                folder = next((option for option in options if option in left), "")
                if folder:
                    found[key] = folder
                    del left[folder]
    return found


def spellings(name: str) -> Iterator[str]:
    """Yield possible originals of a name, most likely first, case-folded and normalized."""
    yield _folded(name)
    for decoded in _decodings(name):
        yield _folded(decoded)


def _decodings(name: str) -> Iterator[str]:
    for raw in _raw(name):
        for encoding in _CODE_PAGES:
            try:
                yield raw.decode(encoding)
            except UnicodeDecodeError:
                continue


def _raw(name: str) -> Iterator[bytes]:
    """Yield the possible bytes of a name before it was misread."""
    if name.isascii():
        return
    if any("\udc80" <= character <= "\udcff" for character in name):
        yield os.fsencode(name)
        return
    for encoding in _MISREADINGS:
        try:
            yield name.encode(encoding)
        except UnicodeEncodeError:
            continue


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
