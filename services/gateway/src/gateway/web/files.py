"""The build of the web client, held in memory: files added after loading are not served."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from plexuskit.watched import ReloadingFile

INDEX: Final = "index.html"
MAX_BUILD_BYTES: Final = 64 * 1024 * 1024
# Vite writes a hash of the content into the names of files here.
_HASHED: Final = re.compile(r"assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+")
_ENCODINGS: Final = {".br": "br", ".gz": "gzip"}
_TYPES: Final = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".webp": "image/webp",
        ".ico": "image/x-icon",
        ".woff2": "font/woff2",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
        ".txt": "text/plain; charset=utf-8",
    }
)


class ClientMissing(Exception):  # noqa: N818 - names the fact, like a refusal
    """The folder does not contain a servable build of the web client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the build, in each encoding that the build has.

    Attributes:
        content_type: Value of `Content-Type`.
        etag: Quoted hash of the content.
        immutable: Whether its name changes with its content.
        bodies: Content by encoding; `""` is the plain one.
    """

    content_type: str
    etag: str
    immutable: bool
    bodies: Mapping[str, bytes]


class Files:
    """The files of a build by path; loaded again when `index.html` has changed."""

    def __init__(self, folder: Path) -> None:
        """Load a build. Raises ClientMissing."""
        self._watched = ReloadingFile(
            [folder / INDEX], lambda: _load(folder), unusable=ClientMissing, name="web client"
        )

    def get(self, path: str) -> File | None:
        """Return a file by its path below the folder, without a leading slash."""
        return self._watched.look().get(path)

    @property
    def index(self) -> File:
        """The page that starts the client."""
        return self._watched.look()[INDEX]


def _load(folder: Path) -> Mapping[str, File]:
    """Read every regular file of a build; symbolic links out of it are left out."""
    root = folder.resolve()
    bodies: dict[str, dict[str, bytes]] = {}
    total = 0
    try:
        for path in sorted(root.rglob("*")):
            if not path.is_file() or not path.resolve().is_relative_to(root):
                continue
            encoding = _ENCODINGS.get(path.suffix, "")
            plain = path.with_suffix("") if encoding else path
            if plain.suffix not in _TYPES:
                continue
            content = path.read_bytes()
            total += len(content)
            if total > MAX_BUILD_BYTES:
                raise ClientMissing(f"{folder} holds more than {MAX_BUILD_BYTES} bytes")
            bodies.setdefault(plain.relative_to(root).as_posix(), {})[encoding] = content
    except OSError as error:
        raise ClientMissing(f"{folder}: {error}") from error
    if "" not in bodies.get(INDEX, {}):
        raise ClientMissing(f"{folder} holds no {INDEX}; build the client with `make web`")
    return MappingProxyType(
        {name: _file(name, content) for name, content in bodies.items() if "" in content}
    )


def _file(name: str, bodies: Mapping[str, bytes]) -> File:
    return File(
        content_type=_TYPES[Path(name).suffix],
        etag=f'"{hashlib.sha256(bodies[""]).hexdigest()[:32]}"',
        immutable=_HASHED.fullmatch(name) is not None,
        bodies=MappingProxyType(dict(bodies)),
    )
