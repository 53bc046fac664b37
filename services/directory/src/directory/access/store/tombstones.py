"""What is removed stays for a while, so that snapshots tell of it to whoever missed the fact."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Index

from directory.shared.store.documents import Document

REMOVED_FOR: Final = timedelta(days=90)


def marked(document: Document, *, now: datetime) -> Document:
    """Note on a removed document when it was, from which its time runs."""
    return document | {"removed_at": now} if document["removed"] else document


def expiry() -> Index:
    """Return the index that forgets removed documents in the end."""
    return Index(keys=[("removed_at", ASCENDING)], expire_after=REMOVED_FOR, name="expiry")
