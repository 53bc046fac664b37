"""Separate Python environment of a peer, whose requirements may conflict with the workspace's."""

import sys
from collections.abc import Sequence
from pathlib import Path

from plexus_local.servers import ToolMissing
from plexus_local.servers.home import locked, tools

from plexus_bench.peers.commands import CommandFailed, output_of


async def ensure(name: str, *, packages: Sequence[str]) -> Path:
    """Create the environment `name` with these packages unless it exists; return its Python.

    Raises:
        ToolMissing: A package cannot be installed.
    """
    folder = tools() / f"{name}-venv"
    python, done = folder / "bin" / "python", folder / "complete"
    with locked(folder.with_suffix(".lock")):
        if not done.is_file():
            print(f"installing with pip into {folder}: {', '.join(packages)}", flush=True)
            await output_of([sys.executable, "-m", "venv", "--clear", str(folder)])
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            try:
                await output_of([*pip, *packages])
            except CommandFailed as problem:
                raise ToolMissing(
                    what=f"{name} could not be installed: {problem}",
                    remedy="see that pip reaches its index, or leave this peer out with PEERS=",
                ) from problem
            done.write_text("\n".join(packages))
    return python


async def version(python: Path, package: str) -> str:
    """Return the version of a package of an environment."""
    told = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return (await output_of([str(python), "-c", told])).strip()
