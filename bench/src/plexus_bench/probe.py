"""Resource usage of server processes: CPU time and memory, from /proc; Linux only."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB = 1024.0
_UTIME, _STIME, _CUTIME, _CSTIME = 11, 12, 13, 14
_PARENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of a process and its descendants, MiB."""

    peak: float
    after: float


class Probe:
    """Measures processes by name, each together with its descendants, between two moments."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = dict(processes)
        self._before: dict[str, float] = {}
        self._driver_before = 0.0
        self._began = 0.0
        self.cpu: dict[str, float] = {}
        self.driver_cpu = 0.0
        self.seconds = 0.0

    def begin(self) -> None:
        """Start the measurement and reset the peaks of memory."""
        for pids in self._families().values():
            for pid in pids:
                _reset_peak(pid)
        self._before = self._cpu()
        self._driver_before = _own_cpu()
        self._began = perf_counter()

    def end(self) -> None:
        """Record the CPU seconds since `begin`, of each process and of this one."""
        self.seconds = perf_counter() - self._began
        self.driver_cpu = _own_cpu() - self._driver_before
        self.cpu = {
            name: max(0.0, seconds - self._before.get(name, 0.0))
            for name, seconds in self._cpu().items()
        }

    def memory(self) -> dict[str, Memory]:
        """Return the memory of each process: current, and its peak since `begin`."""
        return {
            name: Memory(
                peak=sum(_status(pid, "VmHWM") for pid in pids) / KIB_PER_MIB,
                after=sum(_status(pid, "VmRSS") for pid in pids) / KIB_PER_MIB,
            )
            for name, pids in self._families().items()
        }

    def _cpu(self) -> dict[str, float]:
        return {name: sum(_cpu_of(pid) for pid in pids) for name, pids in self._families().items()}

    def _families(self) -> dict[str, list[int]]:
        """Return each process with its current descendants."""
        children: dict[int, list[int]] = {}
        for entry in PROC.iterdir():
            if entry.name.isdecimal():
                fields = _stat(int(entry.name))
                if fields:
                    children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
        families = {}
        for name, root in self._processes.items():
            family = [root]
            for pid in family:
                family.extend(children.get(pid, []))
            families[name] = family
        return families


def resident(pid: int) -> float:
    """Return the resident memory of one process in MiB; 0 if it does not run."""
    return _status(pid, "VmRSS") / KIB_PER_MIB


def load_average() -> float:
    """Return the machine's load of the last minute."""
    return os.getloadavg()[0]


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and of its ended children."""
    fields = _stat(pid)
    used = (_UTIME, _STIME, _CUTIME, _CSTIME)
    return sum(int(fields[at]) for at in used) / TICK if fields else 0.0


def _stat(pid: int) -> list[str]:
    """Return the fields after the name, beginning with the state; empty if it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _status(pid: int, key: str) -> float:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{key}:")), 0.0)


def _reset_peak(pid: int) -> None:
    """Reset the kernel's peak of memory where that is permitted."""
    try:
        (PROC / str(pid) / "clear_refs").write_text("5")
    except OSError as problem:
        raise RuntimeError(f"the peak of process {pid} cannot be reset: {problem}") from problem
