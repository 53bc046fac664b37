"""Programs of the machine, run under the required account, and readiness of servers."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from plexus_local.servers import Child, ServerNotStarted

POLL_SECONDS: Final = 0.1
DATA_ROOT: Final = Path("/var/tmp")  # noqa: S108 - a fresh folder in it, on disk unlike some /tmp


class CommandFailed(Exception):  # noqa: N818 - names the fact, like a refusal
    """A program failed; the text contains its name and ends with its output."""

    def __init__(self, *, command: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}\n{said[-2000:]}")


def as_account(account: str, command: Sequence[str]) -> list[str]:
    """Return the command wrapped such that root runs it as `account`; others keep their own.

    A change of the account clears the kernel's parent death signal, so the wrapper sets it again.
    """
    if os.geteuid() != 0:
        return list(command)
    return [
        "setpriv",
        *("--reuid", account),
        *("--regid", account),
        "--init-groups",
        *("--pdeathsig", "KILL"),
        *command,
    ]


def new_folder(name: str) -> Path:
    """Create a folder for one server's data, accessible to every account."""
    folder = Path(tempfile.mkdtemp(prefix=f"plexus-peers-{name}-", dir=DATA_ROOT))
    folder.chmod(0o755)
    return folder


def owned_folder(folder: Path, *, account: str) -> Path:
    """Create a folder that belongs to `account`, or to the current user if that is not root."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(folder, user=account, group=account)
    return folder


async def output_of(
    command: Sequence[str], *, said: str = "", env: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end with `said` as its input, and return its output.

    Raises:
        CommandFailed: Its exit code is not 0.
    """
    ended = await asyncio.to_thread(
        subprocess.run,
        command,
        input=said.encode(),
        capture_output=True,
        env=None if env is None else dict(env),
        cwd="/",
        check=False,
    )
    if ended.returncode != 0:
        complaint = (ended.stderr or ended.stdout).decode(errors="replace")
        raise CommandFailed(command=command, code=ended.returncode, said=complaint)
    return ended.stdout.decode()


async def until_ready(
    ready: Callable[[], Awaitable[bool]], *, name: str, child: Child, within: float
) -> None:
    """Call `ready` until it returns true.

    Raises:
        ServerNotStarted: The child ended, or `within` seconds have passed.
    """
    deadline = time.monotonic() + within
    while not await ready():
        if child.exit_code is not None:
            reason = f"it ended with {child.exit_code}"
        elif time.monotonic() > deadline:
            reason = f"it was not ready within {within:.0f} s"
        else:
            await asyncio.sleep(POLL_SECONDS)
            continue
        raise ServerNotStarted(name=name, reason=reason, log=child.log)
