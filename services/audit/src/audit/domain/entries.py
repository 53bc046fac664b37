"""The lines of a tenant's ledger, and the bytes that their hashes are taken of (GW-7)."""

import enum
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

GENESIS: Final = bytes(32)
"""Hash that precedes the first entry."""

_NUMBER_WIDTH: Final = 12
HIGHEST: Final = 10**_NUMBER_WIDTH - 1


class Decision(enum.Enum):
    """Decision of an entry; none if the entry is about a fact."""

    NONE = ""
    ALLOWED = "ALLOWED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Event before it has a place in the ledger.

    `details` has names of changed fields, and old and new ids; never a text, a password or a token.

    Attributes:
        departments: ids of the departments that contained the object at that time, those above
            included; None for an entry of a version that did not record them.
        about: objects by which to look them up, if not the entry's own; not recorded.
    """

    tenant_id: str
    occurred_at: datetime
    event_id: str
    action: str
    actor_id: str
    object: str
    api_token_id: str = ""
    session_id: str = ""
    decision: Decision = Decision.NONE
    outcome: str = ""
    rule: str = ""
    access_version: int = 0
    reason: str = ""
    version_before: int = 0
    version_after: int = 0
    trace_id: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    departments: tuple[str, ...] | None = None
    about: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: an occurrence with its number, dense from 1, and the previous hash."""

    no: int
    recorded_at: datetime
    what: Occurrence
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The end of a ledger: the last number, 0 for none, and its hash."""

    no: int
    hash: bytes


EMPTY: Final = LedgerHead(0, GENESIS)


def entry_id(tenant_id: str, no: int) -> str:
    """Name an entry: unique per number, so that writing it is the fence; sorts by number."""
    return f"{tenant_id}:{no:0{_NUMBER_WIDTH}d}"


def number_of(id_: str) -> int:
    """Return the number in an entry's name."""
    return int(id_.rpartition(":")[2])


def append(head: LedgerHead, what: Occurrence, *, now: datetime) -> Entry:
    """Make the entry that follows a tail; `now` is when it is written down."""
    no = head.no + 1
    return Entry(
        no=no,
        recorded_at=now,
        what=what,
        previous=head.hash,
        hash=_digest(_fields(no=no, recorded_at=now, what=what, previous=head.hash)),
    )


def hash_of(entry: Entry) -> bytes:
    """Compute the hash that an entry must have: SHA-256 over its canonical bytes without it."""
    return _digest(
        _fields(
            no=entry.no, recorded_at=entry.recorded_at, what=entry.what, previous=entry.previous
        )
    )


def line(entry: Entry) -> bytes:
    """Write an entry as it is exported: canonical JSON with its hash, and a newline."""
    fields = _fields(
        no=entry.no, recorded_at=entry.recorded_at, what=entry.what, previous=entry.previous
    )
    return canonical({**fields, "hash": entry.hash.hex()}) + b"\n"


def hidden_line(entry: Entry) -> bytes:
    """Return the line of an entry hidden from the reader: its links alone, and a newline.

    Other lines are verified against it as against the whole entry; its content is not verified.
    """
    return (
        canonical(
            {
                "tenant_id": entry.what.tenant_id,
                "no": entry.no,
                "hidden": True,
                "previous": entry.previous.hex(),
                "hash": entry.hash.hex(),
            }
        )
        + b"\n"
    )


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Write JSON in its one form: UTF-8, keys in order, no space, nothing escaped needlessly."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _fields(
    *, no: int, recorded_at: datetime, what: Occurrence, previous: bytes
) -> dict[str, object]:
    # Older entries have no such field, and their hashes cover the fields that they have.
    departments = {} if what.departments is None else {"departments": list(what.departments)}
    return {
        **departments,
        "tenant_id": what.tenant_id,
        "no": no,
        "occurred_at": _instant(what.occurred_at),
        "recorded_at": _instant(recorded_at),
        "event_id": what.event_id,
        "action": what.action,
        "actor_id": what.actor_id,
        "api_token_id": what.api_token_id,
        "session_id": what.session_id,
        "object": what.object,
        "decision": what.decision.value,
        "outcome": what.outcome,
        "rule": what.rule,
        "access_version": what.access_version,
        "reason": what.reason,
        "version_before": what.version_before,
        "version_after": what.version_after,
        "trace_id": what.trace_id,
        "details": dict(what.details),
        "previous": previous.hex(),
    }


def _digest(fields: Mapping[str, object]) -> bytes:
    return hashlib.sha256(canonical(fields)).digest()


def _instant(at: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
