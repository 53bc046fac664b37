"""Child process in its own group, with its output in a file, that dies with its parent."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TETHER = Path(__file__).with_name("tether.py")


class Child:
    """A running program; its pid is also the id of its process group.

    Start it from a thread that lives as long as the child should: Linux sends the death signal when
    the *thread* that started the child ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.started = process_started(self.pid)

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait for its end."""
        signal_group(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, *, within: float = 20) -> int:
        """Request its end, kill its group after `within` seconds, and return the exit code."""
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=within)
            except subprocess.TimeoutExpired:
                signal_group(self.pid, signal.SIGKILL)
        code = self._process.wait()
        signal_group(self.pid, signal.SIGKILL)  # remaining processes of the program
        return code


def tethered(command: Sequence[str]) -> list[str]:
    """Return the command wrapped such that it dies with this process (see `tether.py`)."""
    return [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command]


def signal_group(group: int, number: signal.Signals) -> bool:
    """Send a signal to a process group; return whether the group exists."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # raised by macOS for a group that contains only zombies
        return False
    return True


def freeze(pid: int, *, within: float = 30) -> None:
    """Pause a process (SIGSTOP), and return when none of its threads runs.

    The signal alone is not enough: a running thread continues for a moment and may still answer the
    next request.

    Raises:
        TimeoutError: a thread is still running.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + within
    while not _stands_still(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} still runs {within} s after SIGSTOP")
        time.sleep(0.01)


def _stands_still(pid: int) -> bool:
    if BOOT_ID.exists():
        try:
            threads = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/stat")]
        except OSError:  # a thread has just ended
            return False
        return all(stat.rpartition(")")[2].split()[0] in "TtZX" for stat in threads)
    return _read_with_ps(pid, "stat=").startswith("T")


def process_started(pid: int) -> str | None:
    """Return a mark of the start of `pid`, or None if it does not run (or is a zombie).

    The same pid with another mark is another process, so a recorded pair is safe to signal.
    """
    if BOOT_ID.exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        # The time is relative to the boot, so the mark includes the boot.
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"

    listed = _read_with_ps(pid, "stat=,lstart=").split(maxsplit=1)
    return listed[1].strip() if len(listed) > 1 and not listed[0].startswith("Z") else None


def _read_with_ps(pid: int, columns: str) -> str:
    ps = shutil.which("ps") or "/bin/ps"
    return subprocess.run(
        [ps, "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def _boot() -> str:
    return BOOT_ID.read_text().strip()


def stop_recorded(*, pid: int, started: str, within: float = 10) -> bool:
    """Stop a process of another parent, with its group; return whether it was running.

    No signal is sent if `pid` now belongs to another process.
    """
    found = process_started(pid)
    if found is None and BOOT_ID.exists() and started.startswith(_boot()):
        # The group's number is not reused while a member is alive.
        return signal_group(pid, signal.SIGKILL)
    if found != started:
        return False

    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + within
    while process_started(pid) == started and time.monotonic() < deadline:
        time.sleep(0.05)
    if process_started(pid) == started:
        os.kill(pid, signal.SIGKILL)
        while process_started(pid) == started:
            time.sleep(0.02)
    signal_group(pid, signal.SIGKILL)
    return True
