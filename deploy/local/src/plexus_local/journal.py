"""State that the supervisor records for other commands and for its successor."""

import json
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from plexus_local.layout import Layout, read_json, write_whole


class Phase(StrEnum):
    """State of the whole run."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Status(StrEnum):
    """State of one process or job."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class Journal:
    """State file of one run; every change is on disk when the call returns."""

    def __init__(self, layout: Layout, *, supervisor: Mapping[str, Any]) -> None:
        self._path = layout.state
        self._content: dict[str, Any] = {
            "phase": Phase.STARTING,
            "supervisor": dict(supervisor),
            "since": time.time(),
            "addresses": {},
            "notes": [],
            "failure": "",
            "parts": {},
        }

    def phase(self, phase: Phase, *, failure: str = "") -> None:
        """Record the phase of the run."""
        self._content |= {"phase": phase, "since": time.time(), "failure": failure}
        self._write()

    def planned(
        self, parts: Mapping[str, str], *, addresses: Mapping[str, str], notes: list[str]
    ) -> None:
        """Record the parts to start: the kind (job, process) by name, in order."""
        waiting = {"status": Status.WAITING, "restarts": 0, "pid": None}
        self._content["parts"] = {name: {"kind": kind, **waiting} for name, kind in parts.items()}
        self._content |= {"addresses": dict(addresses), "notes": notes}
        self._write()

    def part(self, name: str, **changes: Any) -> None:
        """Record changes of one job or process."""
        if "status" in changes:
            changes["since"] = time.time()
        self._content["parts"][name] |= changes
        self._write()

    def _write(self) -> None:
        write_whole(self._path, json.dumps(self._content, indent=1))


def recorded(layout: Layout) -> dict[str, Any]:
    """Return the state that the last supervisor wrote; empty if there is none."""
    return read_json(layout.state)
