"""Documents as the index keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from search.domain.documents import Document
from search.domain.lag import Progress

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """Return an instant as milliseconds since the epoch."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def instant(value: int) -> datetime:
    """Return the instant of milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=value)


def source(document: Document, *, now: datetime) -> dict[str, Any]:
    """Return the stored form of a document; of a tombstone only that it is one."""
    kept: dict[str, Any] = {
        "type": document.type.name,
        "id": document.id,
        "tenant_id": document.tenant_id,
        "version": document.version,
        "gone": document.gone,
        "indexed_at": milliseconds(now),
    }
    if document.gone:
        return kept
    if document.at is not None:
        kept["at"] = milliseconds(document.at)
    return kept | {
        "containers": document.containers,
        "silent": document.silent,
        "author_id": document.author_id,
        "title": document.title,
        "text": document.text,
        "names": document.names,
        "keys": document.keys,
        **document.details,
        **({"labels": document.labels} if document.type.merged else {}),
    }


def progress_source(progress: Progress) -> dict[str, Any]:
    """Return the stored form of an indexer's progress."""
    return {
        "group": progress.group,
        "instance": progress.instance,
        "written_at": milliseconds(progress.written_at),
        "lag_seconds": progress.lag_seconds,
        "dead_letters": progress.dead_letters,
    }


def progress_of(source: dict[str, Any]) -> Progress:
    """Return the progress that `progress_source` stored."""
    return Progress(
        group=source["group"],
        instance=source["instance"],
        written_at=instant(source["written_at"]),
        lag_seconds=source["lag_seconds"],
        dead_letters=source["dead_letters"],
    )
