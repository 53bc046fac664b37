"""Files of keys: made once with mode 0600, read whole, replaced whole, shared by all replicas."""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class UnusableKeys(Exception):  # noqa: N818 - names the fact, like a refusal
    """Invalid key file; names the file, never its content."""


def ensure(path: Path, make: Callable[[], Entry]) -> None:
    """Make the file with one new key if it is absent.

    Several processes may start at once: the file appears whole under its name, and only once.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = _write_beside(path, [make()])
    try:
        os.link(made, path)
    except FileExistsError:
        # Another process was first; its keys are the ones.
        return
    finally:
        made.unlink()


def read(path: Path) -> list[Entry]:
    """Read the entries, oldest first.

    Raises:
        UnusableKeys: the file cannot be read, or holds none.
    """
    try:
        entries: list[Entry] = json.loads(path.read_bytes())["keys"]
        entries.sort(key=lambda entry: int(entry["made_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        # The chained error could show a private key.
        raise UnusableKeys(f"{path}: not a file of keys") from None
    if not entries:
        raise UnusableKeys(f"{path}: holds no key")
    return entries


def replace(path: Path, entries: Sequence[Entry]) -> None:
    """Replace the current file atomically; readers see the old or the new one."""
    _write_beside(path, entries).replace(path)


def _write_beside(path: Path, entries: Sequence[Entry]) -> Path:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"keys": list(entries)}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    return beside
