"""Preferences of people; a person without choices has no document."""

from collections.abc import Iterable
from datetime import time
from types import MappingProxyType
from typing import Any, Final

from plexuskit.mongo import Database, DuplicateKey, Retry, Transaction

from notify.domain.definitions import Kinds
from notify.domain.kinds import Channel
from notify.domain.preferences import Preferences
from notify.domain.quiet_hours import QuietHours

SCHEMA_VERSION: Final = 1


class PreferenceStore:
    """The collection `preferences`; `_id` is the person's id."""

    def __init__(self, db: Database, kinds: Kinds) -> None:
        self._kinds = kinds
        self._preferences = db.collection("preferences", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection."""
        await self._preferences.ensure_indexes([])

    async def get(self, person_id: str, *, tx: Transaction | None = None) -> Preferences:
        """Return a person's preferences, the defaults if nothing was chosen."""
        document = await self._preferences.find_one({"_id": person_id}, tx=tx)
        return self._preferences_of(document) if document else Preferences(person_id=person_id)

    async def find(self, person_ids: Iterable[str]) -> dict[str, Preferences]:
        """Return the preferences of all the people, by person."""
        wanted = sorted(set(person_ids))
        found = await self._preferences.find_all({"_id": {"$in": wanted}}) if wanted else []
        chosen = {document["_id"]: self._preferences_of(document) for document in found}
        return {person: chosen.get(person) or Preferences(person_id=person) for person in wanted}

    async def put(self, preferences: Preferences, *, tenant_id: str, tx: Transaction) -> None:
        """Store the next version.

        Raises:
            Retry: another one was stored meanwhile.
        """
        document = _document(preferences, tenant_id=tenant_id)
        if preferences.version == 1:
            try:
                await self._preferences.insert(document, tx=tx)
            except DuplicateKey as other:
                raise Retry from other
            return
        current = {"_id": preferences.person_id, "version": preferences.version - 1}
        if not await self._preferences.replace(current, document, tx=tx):
            raise Retry

    def _preferences_of(self, document: dict[str, Any]) -> Preferences:
        hours = document["quiet_hours"]
        return Preferences(
            person_id=document["_id"],
            channels=MappingProxyType(
                {
                    self._kinds.named(kind): frozenset(Channel(channel) for channel in channels)
                    for kind, channels in document["channels"].items()
                }
            ),
            quiet_hours=QuietHours(
                enabled=hours["enabled"],
                start=time.fromisoformat(hours["start"]),
                end=time.fromisoformat(hours["end"]),
                weekdays=frozenset(hours["weekdays"]),
                time_zone=hours["time_zone"],
            ),
            version=document["version"],
        )


def _document(preferences: Preferences, *, tenant_id: str) -> dict[str, Any]:
    hours = preferences.quiet_hours
    return {
        "_id": preferences.person_id,
        "tenant_id": tenant_id,
        "channels": {
            kind.name: sorted(channel.value for channel in channels)
            for kind, channels in preferences.channels.items()
        },
        "quiet_hours": {
            "enabled": hours.enabled,
            "start": hours.start.isoformat(timespec="minutes"),
            "end": hours.end.isoformat(timespec="minutes"),
            "weekdays": sorted(hours.weekdays),
            "time_zone": hours.time_zone,
        },
        "version": preferences.version,
    }
