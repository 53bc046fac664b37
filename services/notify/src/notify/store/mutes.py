"""Muted conversations per person, from messaging's facts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import Database, unless_newer

from notify.domain.mutes import Mute

SCHEMA_VERSION: Final = 1


class MuteStore:
    """The collection `mutes`; `_id` is `<conversation>:<person>`.

    After unmuting the document stays, so that an older fact cannot mute the conversation again.
    """

    def __init__(self, db: Database) -> None:
        self._mutes = db.collection("mutes", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is read by `_id` only."""
        await self._mutes.ensure_indexes([])

    async def put(self, mutes: Sequence[Mute]) -> None:
        """Store a mute unless a newer version is there."""
        await self._mutes.bulk([unless_newer(_document(mute)) for mute in mutes], ordered=True)

    async def muted(
        self, places: Iterable[tuple[str, str]], *, now: datetime
    ) -> set[tuple[str, str]]:
        """Return those of the (conversation, person) that are muted at this moment."""
        ids = sorted({f"{conversation}:{person}" for conversation, person in places})
        if not ids:
            return set()
        found = await self._mutes.find_all(
            {"_id": {"$in": ids}, "until": {"$gt": now}},
            projection=["conversation_id", "person_id"],
        )
        return {(document["conversation_id"], document["person_id"]) for document in found}


def _document(mute: Mute) -> dict[str, Any]:
    return {
        "_id": f"{mute.conversation_id}:{mute.person_id}",
        "conversation_id": mute.conversation_id,
        "person_id": mute.person_id,
        "until": mute.until,
        "version": mute.version,
    }
