"""Fault points: the environment of a test stops a process at an exact place.

`PLEXUS_FAULT="send.after_insert:kill@3"` kills this process (SIGKILL) at the third passing of the
point; `relay.after_publish:pause@1:2.5` pauses all of it for 2.5 s at the first. Several faults are
separated by commas. If unset, as in every deployment, a point is an empty function.
"""

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "PLEXUS_FAULT"

Point = Callable[[str], None]

_SPEC: Final = re.compile(
    r"(?P<name>[a-z_]+(?:\.[a-z_]+)+):"
    r"(?:(?P<kill>kill)@(?P<killed_at>[1-9]\d*)"
    r"|pause@(?P<paused_at>[1-9]\d*):(?P<seconds>\d+(?:\.\d+)?))"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Fault at a point.

    Attributes:
        name: name of the point.
        passing: passing at which it strikes, from 1; others have no effect.
        seconds: duration of the pause of the whole process; None kills it.
    """

    name: str
    passing: int
    seconds: float | None

    def strike(self) -> None:
        """Strike, after reporting it on stderr."""
        what = "killed" if self.seconds is None else f"paused for {self.seconds} s"
        sys.stderr.write(f"fault: {what} at {self.name}, passing {self.passing}\n")
        sys.stderr.flush()
        if self.seconds is None:
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            time.sleep(self.seconds)


def parse(text: str) -> tuple[Fault, ...]:
    """Read faults as the environment variable has them.

    Raises ValueError for anything else: a fault that never strikes would prove nothing.
    """
    faults = []
    for spec in text.split(","):
        found = _SPEC.fullmatch(spec.strip())
        if found is None:
            problem = f"{spec!r} is neither `point:kill@n` nor `point:pause@n:seconds`"
            raise ValueError(f"{VARIABLE}: {problem}")
        passing = int(found["killed_at"] or found["paused_at"])
        seconds = None if found["kill"] else float(found["seconds"])
        faults.append(Fault(found["name"], passing, seconds))
    return tuple(faults)


def armed(faults: tuple[Fault, ...]) -> Point:
    """Return a point that counts its passings by name and lets the faults strike."""
    passings: Counter[str] = Counter()
    by_place = {(fault.name, fault.passing): fault for fault in faults}

    def passed(name: str) -> None:
        passings[name] += 1
        fault = by_place.get((name, passings[name]))
        if fault is not None:
            fault.strike()

    return passed


def unarmed(name: str) -> None:
    """Do nothing."""


def bound(text: str) -> Point:
    """Return the point for this value of the variable; one without effect if empty."""
    return armed(parse(text)) if text else unarmed


point: Final[Point] = bound(os.environ.get(VARIABLE, ""))
"""Pass the place of this name: `fault.point("send.after_insert")`."""
