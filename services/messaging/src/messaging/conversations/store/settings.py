"""Personal settings of conversations."""

from collections.abc import Iterable, Sequence
from typing import Final

from plexuskit.mongo import (
    Database,
    Document,
    Documents,
    DuplicateKey,
    ReplaceOne,
    Retry,
    Transaction,
)

from messaging.conversations.domain.settings import ConversationSettings

SCHEMA_VERSION = 1

SETTINGS: Final = Documents(ConversationSettings)


class SettingsStore:
    """The collection `conversation_settings`; `_id` is `<conversation>:<person>`."""

    def __init__(self, db: Database) -> None:
        self._settings = db.collection("conversation_settings", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is read by `_id` only."""
        await self._settings.ensure_indexes([])

    async def get(
        self, conversation_id: str, person_id: str, *, tx: Transaction | None = None
    ) -> ConversationSettings:
        """Find one person's settings of a conversation, those of version 0 if nothing was set."""
        nothing = ConversationSettings(conversation_id=conversation_id, person_id=person_id)
        document = await self._settings.find_one({"_id": nothing.id}, tx=tx)
        return nothing if document is None else SETTINGS.from_document(document)

    async def find(
        self, person_id: str, conversation_ids: Iterable[str]
    ) -> dict[str, ConversationSettings]:
        """Find a person's settings of these conversations, by conversation."""
        ids = [f"{conversation_id}:{person_id}" for conversation_id in conversation_ids]
        found = await self._settings.find_all({"_id": {"$in": ids}}) if ids else []
        return {document["conversation_id"]: SETTINGS.from_document(document) for document in found}

    async def marked(self, places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the (conversation, person) pairs with a mark that reading clears."""
        ids = [f"{conversation_id}:{person_id}" for conversation_id, person_id in places]
        if not ids:
            return []
        found = await self._settings.find_all(
            {
                "_id": {"$in": ids},
                "$or": [{"marked_unread": True}, {"mention_seqs.0": {"$exists": True}}],
            },
            projection=["conversation_id", "person_id"],
        )
        return [(document["conversation_id"], document["person_id"]) for document in found]

    async def find_places(
        self, places: Iterable[tuple[str, str]], *, tx: Transaction
    ) -> list[ConversationSettings]:
        """Find the settings that there are at these (conversation, person)."""
        ids = [f"{conversation_id}:{person_id}" for conversation_id, person_id in places]
        found = await self._settings.find_all({"_id": {"$in": ids}}, tx=tx)
        return [SETTINGS.from_document(document) for document in found]

    async def save_many(
        self, changed: Sequence[tuple[ConversationSettings, str]], *, tx: Transaction
    ) -> None:
        """Write the next version of settings, each with its tenant.

        Raises:
            Retry: another one of them was written meanwhile.
        """
        first = [
            settings_document(settings, tenant_id=tenant_id)
            for settings, tenant_id in changed
            if settings.version == 1
        ]
        if first:
            try:
                await self._settings.insert_many(first, tx=tx)
            except DuplicateKey as other:
                raise Retry from other
        later = [
            ReplaceOne(
                {"_id": settings.id, "version": settings.version - 1},
                settings_document(settings, tenant_id=tenant_id),
            )
            for settings, tenant_id in changed
            if settings.version > 1
        ]
        if not later:
            return
        outcome = await self._settings.bulk(later, tx=tx)
        if outcome.matched != len(later):
            raise Retry

    async def save(
        self, settings: ConversationSettings, *, tenant_id: str, tx: Transaction
    ) -> None:
        """Write the next version.

        Raises:
            Retry: another one was written meanwhile.
        """
        await self.save_many([(settings, tenant_id)], tx=tx)


def settings_document(settings: ConversationSettings, *, tenant_id: str) -> Document:
    """Return settings as they are stored."""
    return {"_id": settings.id, "tenant_id": tenant_id, **SETTINGS.to_document(settings)}
