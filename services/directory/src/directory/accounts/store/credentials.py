"""Password hashes, apart from people so that nothing can show them; and failed attempts."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Transaction

from directory.accounts.domain.passwords import FORGOTTEN_AFTER, Attempts
from directory.accounts.domain.sign_in_attempts import FailedSignIns
from directory.accounts.domain.spread import Spread
from directory.accounts.store.documents import attempts_from, spread_from
from directory.shared.domain.ids import PersonId, TenantId
from directory.shared.store.documents import Document

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """The local account of a person: an argon2id hash, with its salt and cost in it."""

    person_id: PersonId
    tenant_id: TenantId
    password_hash: str = field(repr=False)

    @property
    def stamp(self) -> bytes:
        """Stamp that distinguishes this password from the next one without revealing it."""
        return hashlib.sha256(self.password_hash.encode()).digest()


class Credentials:
    """The local accounts, one per person at most."""

    def __init__(self, db: Database) -> None:
        self._credentials = db.collection("credentials", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; it is read by its key only."""
        await self._credentials.ensure_indexes([])

    async def find(
        self, person_id: PersonId, *, tx: Transaction | None = None
    ) -> Credential | None:
        """Load a person's account; None for a person without one."""
        found = await self._credentials.find_one({"_id": person_id}, tx=tx)
        if found is None:
            return None
        return Credential(
            person_id=PersonId(found["_id"]),
            tenant_id=TenantId(found["tenant_id"]),
            password_hash=found["password_hash"],
        )

    async def set(self, credential: Credential, *, now: datetime, tx: Transaction) -> None:
        """Store a person's password hash over any earlier one."""
        await self._credentials.replace(
            {"_id": credential.person_id}, _document(credential, now=now), upsert=True, tx=tx
        )

    async def add_many(
        self, credentials: Iterable[Credential], *, now: datetime, tx: Transaction
    ) -> None:
        """Store the accounts of people that were just made."""
        documents = [_document(credential, now=now) for credential in credentials]
        await self._credentials.insert_many(documents, tx=tx)


class AttemptLog:
    """Attempts at handles that have not succeeded, whether or not the handle exists."""

    def __init__(self, db: Database) -> None:
        self._attempts = db.collection("sign_in_attempts", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; attempts are forgotten 24 hours after the last one."""
        await self._attempts.ensure_indexes(
            [Index(keys=[("counted_at", ASCENDING)], expire_after=FORGOTTEN_AFTER)]
        )

    async def find(self, key: str) -> Attempts | None:
        """Load the attempts of a key; None when there were none recently."""
        found = await self._attempts.find_one({"_id": key})
        return attempts_from(found) if found else None

    async def swap(
        self, key: str, *, previous: Attempts | None, after: Attempts, now: datetime
    ) -> bool:
        """Store `after` if `previous` is still stored; return whether it was."""
        counted = {
            "failures": after.failures,
            "locked_until": after.locked_until,
            "counted_at": now,
        }
        if previous is not None:
            unchanged = {"_id": key, "failures": previous.failures}
            return await self._attempts.update(unchanged, {"$set": counted}) == 1
        try:
            await self._attempts.insert({"_id": key, **counted})
        except DuplicateKey:
            return False
        return True

    async def forget(self, key: str) -> None:
        """Forget the attempts of a key after a success."""
        await self._attempts.delete({"_id": key})


class SpreadLog:
    """Failures at handles over all networks, beside the attempts of each network."""

    def __init__(self, db: Database) -> None:
        self._attempts = db.collection("sign_in_attempts", schema_version=SCHEMA_VERSION)

    async def find(self, key: str) -> Spread | None:
        """Load the failures at a handle; None when there were none recently."""
        found = await self._attempts.find_one({"_id": key})
        return spread_from(found) if found else None

    async def swap(
        self, key: str, *, previous: Spread | None, after: Spread, now: datetime
    ) -> bool:
        """Store `after` if `previous` is still stored; return whether it was."""
        content = {
            "networks": sorted(after.networks),
            "failures": after.together.failures if after.together else 0,
            "locked_until": after.together.locked_until if after.together else None,
            "counted": after.counted,
            "counted_at": now,
        }
        if previous is not None:
            unchanged = {"_id": key, "counted": previous.counted}
            return await self._attempts.update(unchanged, {"$set": content}) == 1
        try:
            await self._attempts.insert({"_id": key, **content})
        except DuplicateKey:
            return False
        return True

    async def forgive(self, key: str, *, network: str) -> None:
        """Remove a network from those that failed, after a success from there."""
        await self._attempts.update(
            {"_id": key}, {"$pull": {"networks": network}, "$inc": {"counted": 1}}
        )


class FailedSignInLog:
    """Failed attempts to sign in, added up until their minute is over and they become facts."""

    def __init__(self, db: Database) -> None:
        self._failed = db.collection("failed_sign_ins", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; it is read by minute."""
        await self._failed.ensure_indexes([Index(keys=[("minute", ASCENDING)])])

    async def add(self, failed: FailedSignIns) -> None:
        """Add to the attempts of the same person, network and minute."""
        await self._failed.update(
            {"_id": failed.key},
            {
                "$inc": {"attempts": failed.attempts},
                "$setOnInsert": {
                    "tenant_id": failed.tenant_id,
                    "person_id": failed.person_id,
                    "network": failed.network,
                    "minute": failed.minute,
                    "second_factor": failed.second_factor,
                },
            },
            upsert=True,
        )

    async def take(
        self, *, before: datetime, maximum: int, tx: Transaction
    ) -> tuple[FailedSignIns, ...]:
        """Remove and return attempts of minutes before an instant, the oldest first."""
        found = await self._failed.find_all(
            {"minute": {"$lt": before}}, sort=[("minute", ASCENDING)], limit=maximum, tx=tx
        )
        await self._failed.delete_many({"_id": {"$in": [each["_id"] for each in found]}}, tx=tx)
        return tuple(
            FailedSignIns(
                tenant_id=TenantId(each["tenant_id"]),
                person_id=PersonId(each["person_id"]),
                network=each["network"],
                minute=each["minute"],
                second_factor=each["second_factor"],
                attempts=each["attempts"],
            )
            for each in found
        )


def _document(credential: Credential, *, now: datetime) -> Document:
    return {
        "_id": credential.person_id,
        "tenant_id": credential.tenant_id,
        "password_hash": credential.password_hash,
        "set_at": now,
    }
