"""Installation of a peer's Debian packages, without their running services."""

import os
import re
import shutil
from collections.abc import Sequence
from typing import Final

from plexus_local.servers import ToolMissing

from plexus_bench.peers.commands import CommandFailed, output_of

SERVICES: Final = ("ejabberd", "postgresql")
QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive"}


async def ensure(packages: Sequence[str]) -> None:
    """Install missing packages with apt-get.

    Services that they start automatically are stopped: the benchmark runs its own.

    Raises:
        ToolMissing: Some are missing, and the user is not root or the system is not Debian.
        CommandFailed: apt-get could not install them.
    """
    missing = [package for package in packages if await version(package) is None]
    if not missing:
        return

    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ToolMissing(
            what=f"These Debian packages are not installed: {', '.join(missing)}.",
            remedy=f"run `apt-get install --no-install-recommends {' '.join(missing)}` as root on "
            "Debian 12 or newer, or leave this peer out with PEERS=",
        )
    print(f"installing with apt-get: {', '.join(missing)}", flush=True)
    env = {**os.environ, **QUIET}
    await output_of(["apt-get", "update", "--quiet"], env=env)
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    await output_of(install, env=env)
    for service in SERVICES:
        if service in missing:
            await output_of(["service", service, "stop"])


async def version(package: str) -> str | None:
    """Return the upstream version of a package; None if it is not installed."""
    if shutil.which("dpkg-query") is None:
        return None
    asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", package]
    try:
        status, _, number = (await output_of(asked)).partition(" ")
    except CommandFailed:  # raised for an unknown package
        return None
    # [epoch:]upstream[-revision]
    return re.sub(r"^\d+:|[-+][^-]*$", "", number) if status == "installed" else None
