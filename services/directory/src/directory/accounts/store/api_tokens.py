"""The API tokens collection: its indexes and every query on it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Database, Index, ReplaceOne, Transaction
from plexuskit.turns import converted

from directory.accounts.domain.api_tokens import USED_TO_THE, ApiToken
from directory.accounts.store.documents import API_TOKENS
from directory.shared.domain.ids import ApiTokenId, PersonId, TenantId

SCHEMA_VERSION: Final = 1
# Revoked and expired tokens stay readable for a while; one that is gone counts as ended.
KEPT_AFTER_EXPIRY: Final = timedelta(days=7)


class ApiTokens:
    """API tokens of all people."""

    def __init__(self, db: Database) -> None:
        self._tokens = db.collection("api_tokens", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._tokens.ensure_indexes(
            [
                Index(keys=[("token_hash", ASCENDING)], unique=True, name="token"),
                Index(
                    keys=[("person_id", ASCENDING), ("ended_at", ASCENDING)], name="person_ended"
                ),
                Index(
                    keys=[("made_with", ASCENDING), ("ended_at", ASCENDING)], name="made_with_ended"
                ),
                Index(
                    keys=[("expires_at", ASCENDING)], expire_after=KEPT_AFTER_EXPIRY, name="expiry"
                ),
            ]
        )

    async def add(self, token: ApiToken, *, tx: Transaction) -> None:
        """Store a new token."""
        await self._tokens.insert(API_TOKENS.to_document(token), tx=tx)

    async def save_many(
        self, changed: Sequence[tuple[ApiToken, ApiToken]], *, tx: Transaction
    ) -> None:
        """Store changes as (before, after); a concurrent change is a write conflict."""
        writes = [
            ReplaceOne(
                {"_id": previous.id, "version": previous.version}, API_TOKENS.to_document(after)
            )
            for previous, after in changed
        ]
        await self._tokens.bulk(writes, tx=tx)

    async def find(
        self, token_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> ApiToken | None:
        """Load a token; None when the tenant has none of that id (any more)."""
        found = await self._tokens.find_one({"_id": token_id, "tenant_id": tenant_id}, tx=tx)
        return API_TOKENS.from_document(found) if found else None

    async def find_by_hash(self, token_hash: bytes) -> ApiToken | None:
        """Load a token by SHA-256 of it; None when it was never made or is gone."""
        found = await self._tokens.find_one({"token_hash": token_hash})
        return API_TOKENS.from_document(found) if found else None

    async def list_open(self, person_ids: Sequence[PersonId], *, tx: Transaction) -> list[ApiToken]:
        """List the tokens of people that have not been revoked."""
        found = await self._tokens.find_all(
            {"person_id": {"$in": list(person_ids)}, "ended_at": None}, tx=tx
        )
        return await converted(found, API_TOKENS.from_document)

    async def list_made_with(
        self, token_ids: Sequence[ApiTokenId], *, tx: Transaction
    ) -> list[ApiToken]:
        """List the tokens that these made, and those made, that have not been revoked."""
        found = await self._tokens.find_all(
            {"made_with": {"$in": list(token_ids)}, "ended_at": None}, tx=tx
        )
        return await converted(found, API_TOKENS.from_document)

    async def touch(self, token_id: ApiTokenId, *, tx: Transaction) -> None:
        """Make this transaction conflict with any that revokes the token at the same time."""
        await self._tokens.update({"_id": token_id}, {"$inc": {"touches": 1}}, tx=tx)

    async def list_alive(
        self,
        person_id: str,
        *,
        tenant_id: TenantId,
        now: datetime,
        tx: Transaction | None = None,
    ) -> list[ApiToken]:
        """List the tokens of a person that an app can act with, the newest first."""
        found = await self._tokens.find_all(
            {
                "person_id": person_id,
                "tenant_id": tenant_id,
                "ended_at": None,
                "expires_at": {"$gt": now},
            },
            tx=tx,
        )
        return sorted(
            map(API_TOKENS.from_document, found), key=lambda token: token.id, reverse=True
        )

    async def find_alive(self, token_ids: Sequence[str], *, now: datetime) -> frozenset[str]:
        """Find the ids of live tokens."""
        found = await self._tokens.find_all(
            {"_id": {"$in": list(token_ids)}, "ended_at": None, "expires_at": {"$gt": now}},
            projection={"_id": 1},
        )
        return frozenset(document["_id"] for document in found)

    async def note_use(self, token: ApiToken, *, at: datetime) -> None:
        """Record the minute in which a token was used; of many uses in a minute one writes."""
        if token.last_used_at is not None and at - token.last_used_at < USED_TO_THE:
            return
        # The version stays: a use is no change that another one must not overtake.
        await self._tokens.update(
            {"_id": token.id, "last_used_at": token.last_used_at}, {"$set": {"last_used_at": at}}
        )
