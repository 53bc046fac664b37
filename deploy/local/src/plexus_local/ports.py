"""Ports of a run, reused from the last run where they are still free."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from plexus_local.layout import read_json, write_whole
from plexus_local.servers.ports import free_ports, is_free

PREFERRED = {"gateway.http": 8080}


class Ports:
    """The ports of this run by name, remembered in a file."""

    def __init__(self, file: Path, *, preferred: Mapping[str, int] = PREFERRED) -> None:
        self._file = file
        self._preferred = preferred
        self._remembered: dict[str, int] = dict(read_json(file))
        self._chosen: dict[str, int] = {}
        self.moved: list[str] = []

    def choose(self, names: Iterable[str]) -> dict[str, int]:
        """Return a port for each name: the last one, else the preferred, else one from the system.

        A name whose last port is used by another program is listed in `moved`.
        """
        missing = []
        for name in names:
            last = self._remembered.get(name)
            wanted = last or self._preferred.get(name)
            if wanted and wanted not in self._chosen.values() and is_free(wanted):
                self._chosen[name] = wanted
            else:
                missing.append(name)
                self.moved += [name] if last else []
        # More ports are requested than are missing, so that chosen ones can be skipped.
        fresh = (
            port
            for port in free_ports(len(missing) + len(self._chosen))
            if port not in self._chosen.values()
        )
        self._chosen |= dict(zip(missing, list(fresh), strict=False))
        self._write()
        return self._chosen

    def remember(self, name: str, port: int) -> None:
        """Record a port that was chosen elsewhere."""
        self._chosen[name] = port
        self._write()

    def last(self, name: str) -> int:
        """Return the port of the last run, 0 for none."""
        return self._remembered.get(name, 0)

    def _write(self) -> None:
        write_whole(self._file, json.dumps(self._remembered | self._chosen, indent=1))
