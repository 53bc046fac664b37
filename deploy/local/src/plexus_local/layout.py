"""Folders and files of the local run, all under `.plexus/` of the checkout."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Layout:
    """The folders and files of one local run."""

    root: Path

    @property
    def data(self) -> Path:
        """Data of the servers."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """State of the run: pid file, lock, state, remembered ports."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        """The services' private keys."""
        return self.root / "keys"

    @property
    def tls(self) -> Path:
        """The services' certificates, one folder each; empty without TLS."""
        return self.root / "tls"

    @property
    def authority(self) -> Path:
        """The certificate with which clients verify the gateway."""
        return self.tls / "ca.crt"

    @property
    def secrets(self) -> Path:
        """Secrets that an operator would distribute."""
        return self.root / "secrets"

    @property
    def mail(self) -> Path:
        """Sent mails, as files."""
        return self.root / "mail"

    @property
    def credentials(self) -> Path:
        """Profiles of the demo, which the `plexus` command finds from folders below this one."""
        return self.root / "credentials.json"

    @property
    def pid_file(self) -> Path:
        """The supervisor's pid and start mark."""
        return self.run / "supervisor.json"

    @property
    def lock(self) -> Path:
        """Lock held by the supervisor for its lifetime."""
        return self.run / "supervisor.lock"

    @property
    def state(self) -> Path:
        """State of the supervisor and its processes."""
        return self.run / "state.json"

    @property
    def ports(self) -> Path:
        """The ports of the last run, reused by the next."""
        return self.run / "ports.json"

    @property
    def bootstrap_secret(self) -> Path:
        """The secret that authorizes the creation of the first tenant."""
        return self.secrets / "bootstrap"

    def make(self) -> None:
        """Create the folders with access for their owner only; restrict existing ones too.

        Data, mails and logs contain messages or their subjects: whatever the files' own permissions
        are, no other user of the machine can reach them.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.data, self.logs, self.run, self.mail, self.keys, self.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    def passwords(self, server: str) -> Path:
        """Return the folder with the passwords of a server's users, one file each."""
        return self.secrets / server

    def log(self, name: str) -> Path:
        """Return the log of a process."""
        return self.logs / f"{name}.log"


def write_whole(path: Path, content: str, *, mode: int = 0o600) -> None:
    """Replace a file atomically, so that a reader never sees a partial one."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; return an empty one if it is missing or incomplete."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
