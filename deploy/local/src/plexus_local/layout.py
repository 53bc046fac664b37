"""Where the local run keeps its files: everything under `.plexus/` of the checkout."""

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
        """What the servers store."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What is running: pid file, lock, state, remembered ports."""
        return self.root / "run"

    @property
    def keys(self) -> Path:
        """The services' private keys."""
        return self.root / "keys"

    @property
    def tls(self) -> Path:
        """The services' certificates, one folder each; empty in plain text."""
        return self.root / "tls"

    @property
    def authority(self) -> Path:
        """The certificate by which clients know the gateway."""
        return self.tls / "ca.crt"

    @property
    def secrets(self) -> Path:
        """Secrets that an operator would hand out."""
        return self.root / "secrets"

    @property
    def mail(self) -> Path:
        """Mails that were sent, as files."""
        return self.root / "mail"

    @property
    def credentials(self) -> Path:
        """The profiles of the demo, which the `plexus` command finds from below this folder."""
        return self.root / "credentials.json"

    @property
    def pid_file(self) -> Path:
        """The supervisor's pid and start mark."""
        return self.run / "supervisor.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.run / "supervisor.lock"

    @property
    def state(self) -> Path:
        """What the supervisor says about itself and its processes."""
        return self.run / "state.json"

    @property
    def ports(self) -> Path:
        """The ports of the last run, used again by the next."""
        return self.run / "ports.json"

    @property
    def bootstrap_secret(self) -> Path:
        """The secret that lets the first tenant be made."""
        return self.secrets / "bootstrap"

    def make(self) -> None:
        """Create the folders, for their owner alone, those of an earlier version too.

        Messages are in the data, in mails and, by their subjects, in logs: whatever the files'
        own permissions are, no other user of the machine comes as far as them.
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
    """Replace a file at once, so that a reader never sees half of it."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(content)
    fresh.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty when there is none or when it is not whole."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
