"""A tenant's ledger outside of Plexus: self-verifying exported lines, and a stored anchor.

Each line is canonical JSON (UTF-8, keys in order, no spaces). Its `hash` is SHA-256 over the same
JSON without `hash`; its `previous` is the hash of the line before. The verification uses no server.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plexus_sdk import Refused

from plexus_cli.language import tr

GENESIS = bytes(32).hex()

_LINKS = {"tenant_id", "no", "hidden", "previous", "hash"}

ALTERED = "ENTRY_ALTERED"
REMOVED = "ENTRY_REMOVED"
REORDERED = "ENTRY_REORDERED"
ANCHOR = "ANCHOR_BROKEN"


@dataclass(frozen=True)
class Anchor:
    """A number with its hash, stored outside of Plexus."""

    no: int
    hash: str


@dataclass(frozen=True)
class Finding:
    """The first number at which a ledger differs from the original."""

    no: int
    reason: str
    text: str


class Walk:
    """Verifier of exported lines in order, up to the first problem."""

    def __init__(self, kept: Anchor | None) -> None:
        """Start before the first line; `kept` is the anchor of an earlier verification."""
        self.verified = 0
        self.hidden = 0
        self.head: Anchor | None = None
        self._kept = kept

    def take(self, line: bytes) -> Finding | None:
        """Verify the next line, without its newline; return its problem, or None."""
        expected = self.head.no + 1 if self.head else 0
        fields = _fields(line)
        if fields is None:
            return Finding(expected or 1, ALTERED, "it is no line of an export")
        number = fields["no"]
        if expected and number != expected:
            reason, text = (
                (REMOVED, "it is not among the lines")
                if number > expected
                else (REORDERED, f"entry {number} stands in its place")
            )
            return Finding(expected, reason, text)
        finding = self._broken(number, fields)
        if finding is None:
            self.head = Anchor(number, fields["hash"])
            if fields.get("hidden") is True:
                self.hidden += 1
            else:
                self.verified += 1
        return finding

    def finish(self) -> Finding | None:
        """Verify that the lines reach the anchor."""
        last = self.head.no if self.head else 0
        if self._kept is not None and last < self._kept.no:
            return Finding(last + 1, REMOVED, f"the lines end before {self._kept.no}")
        return None

    def _broken(self, number: int, fields: Mapping[str, Any]) -> Finding | None:
        content = {name: value for name, value in fields.items() if name != "hash"}
        # A role for a part of the company exports only the links of hidden entries.
        links = fields.keys() == _LINKS and fields["hidden"] is True
        if not links and hashlib.sha256(canonical(content)).hexdigest() != fields["hash"]:
            return Finding(number, ALTERED, "its content has another hash than it says")
        previous = self.head.hash if self.head else GENESIS if number == 1 else fields["previous"]
        if fields["previous"] != previous:
            text = f"entry {number} was written after another content of it"
            return Finding(max(number - 1, 1), ALTERED, text)
        if self._kept and number == self._kept.no and fields["hash"] != self._kept.hash:
            return Finding(number, ANCHOR, "it has another hash than was kept of it")
        return None


def verify_lines(lines: Iterable[bytes], *, kept: Anchor | None) -> tuple[Walk, Finding | None]:
    """Verify an export to its end; return the verified part and the first problem, if any."""
    walk = Walk(kept)
    for line in lines:
        finding = walk.take(line.rstrip(b"\n"))
        if finding is not None:
            return walk, finding
    return walk, walk.finish()


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Serialize fields as canonical JSON."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _fields(line: bytes) -> dict[str, Any] | None:
    """Parse a canonical line with the fields of a chain; return None for any other."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict) or canonical(fields) != line:
        return None
    number = fields.get("no")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return None
    if not all(isinstance(fields.get(name), str) for name in ("hash", "previous", "tenant_id")):
        return None
    return fields


def read_anchor(path: Path | None) -> Anchor | None:
    """Read an anchor; return None if there is no file.

    Raises:
        Refused: the file has another format.
    """
    if path is None or not path.exists():
        return None
    try:
        kept = json.loads(path.read_text())
        return Anchor(no=int(kept["no"]), hash=bytes.fromhex(kept["hash"]).hex())
    except (ValueError, KeyError, TypeError) as problem:
        raise Refused(
            tr("{path} holds no anchor: {problem}; name another file.", path=path, problem=problem)
        ) from problem


def keep_anchor(path: Path | None, head: Anchor | None) -> None:
    """Store the last verified entry if a file was named."""
    if path is not None and head is not None:
        path.write_text(json.dumps({"no": head.no, "hash": head.hash}) + "\n")


def last_number(path: Path) -> int:
    """Return the number of the last line of an export; 0 for an empty file or none.

    Raises:
        Refused: the file has another format, or ends inside a line.
    """
    if not path.exists() or not path.stat().st_size:
        return 0
    with path.open("rb") as lines:
        for last in lines:  # noqa: B007 - the last one is wanted
            pass
    fields = _fields(last.rstrip(b"\n")) if last.endswith(b"\n") else None
    if fields is None:
        raise Refused(
            tr("{path} does not end with a line of an export; name another file.", path=path)
        )
    return int(fields["no"])
