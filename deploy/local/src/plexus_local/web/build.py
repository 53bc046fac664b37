"""Build of the client, repeated only when its sources have changed."""

import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from plexus_local.layout import write_whole
from plexus_local.web.node import Node

_NOT_SOURCES: Final = frozenset({"dist", "node_modules", "tests", "README.md"})
_NOTE: Final = ".digest"
# The quick-start guide, which the client shows.
_GUIDES: Final = ("docs/quick-start*.md", "docs/assets/*.png")


def client_folder(checkout: Path) -> Path:
    """Return the folder of the client's sources."""
    return checkout / "clients/web"


def built(checkout: Path) -> Path | None:
    """Return the folder of the last build; None if there is none."""
    folder = client_folder(checkout) / "dist"
    return folder if (folder / "index.html").is_file() else None


def build(checkout: Path) -> bool:
    """Build the client if its sources differ from those of the last build.

    Returns:
        Whether it was built.

    Raises NodeMissing, CalledProcessError.
    """
    client = client_folder(checkout)
    current = digest(client, guides(checkout))
    note = client / "dist" / _NOTE
    if note.is_file() and note.read_text() == current:
        return False
    node = Node(client=client, tools=checkout / ".plexus/tools/node")
    node.install()
    node.run("build")
    write_whole(note, current)
    return True


def check(checkout: Path) -> None:
    """Check types and style and run the unit tests. Raises NodeMissing, CalledProcessError."""
    client = client_folder(checkout)
    node = Node(client=client, tools=checkout / ".plexus/tools/node")
    node.install()
    for script in ("types", "lint", "test"):
        node.run(script)


def generate(checkout: Path, *, buf: Path) -> None:
    """Generate the client's code from `proto/`. Raises NodeMissing, CalledProcessError."""
    client = client_folder(checkout)
    Node(client=client, tools=checkout / ".plexus/tools/node").install()
    subprocess.run(
        [str(buf), "generate", "--template", "buf.gen.yaml"], cwd=client, check=True, timeout=300
    )


def guides(checkout: Path) -> list[Path]:
    """Return the pages and pictures outside the client's folder that are part of its build."""
    return [path for pattern in _GUIDES for path in checkout.glob(pattern)]


def digest(client: Path, others: Iterable[Path] = ()) -> str:
    """Return the digest of the client's sources and of the other files in its build."""
    found = hashlib.sha256()
    for path in sorted([*_sources(client), *others]):
        name = path.relative_to(client) if path.is_relative_to(client) else path.name
        found.update(f"{name}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _sources(client: Path) -> Iterator[Path]:
    for entry in client.iterdir():
        if entry.name in _NOT_SOURCES:
            continue
        if entry.is_file():
            yield entry
        else:
            yield from (path for path in entry.rglob("*") if path.is_file())
