"""The Markdown pages of the repository, and the parts of one that tests look at."""

import re
from collections.abc import Iterator
from pathlib import Path

from plexus_local.servers.home import home

ROOT = home()
# Third-party files, or files that are not part of the repository.
SKIPPED = {".git", ".venv", ".plexus", ".pytest_cache", "node_modules"}
GENERATED = ROOT / "docs/rules.md"

FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[(?P<text>[^\]\n]*)\]\((?P<target>[^)\s]+)\)")
TARGET = re.compile(r"^(?P<name>[a-z][a-z-]*):", re.MULTILINE)


def pages_in(root: Path) -> Iterator[Path]:
    """Yield the hand-written pages, sorted by path."""
    for path in sorted(root.rglob("*.md")):
        if path != GENERATED and not SKIPPED & set(path.relative_to(root).parts):
            yield path
