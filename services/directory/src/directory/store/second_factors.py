"""Second factors, recovery codes, and the questions about them that are open."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction

from directory.domain.challenges import MOST_ATTEMPTS, SignInChallenge
from directory.domain.ids import PersonId, TenantId
from directory.domain.second_factors import Factor
from directory.domain.sign_in_refusals import PasskeyRefused
from directory.store.sign_in_documents import (
    challenge_document,
    challenge_from,
    factor_document,
    factor_from,
)

SCHEMA_VERSION: Final = 1
_AT_ITS_TIME: Final = timedelta(0)


class SecondFactors:
    """Everybody's second factors, those that are being set up included."""

    def __init__(self, db: Database) -> None:
        self._factors = db.collection("second_factors", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._factors.ensure_indexes(
            [
                Index(
                    keys=[("person_id", ASCENDING), ("created_at", ASCENDING)],
                    name="person_created",
                ),
                Index(
                    keys=[("credential_id", ASCENDING)],
                    unique=True,
                    partial={"credential_id": {"$type": "binData"}},
                    name="credential",
                ),
            ]
        )

    async def list_of(
        self, person_id: PersonId, *, tx: Transaction | None = None
    ) -> tuple[Factor, ...]:
        """List a person's factors, the oldest first."""
        found = await self._factors.find_all(
            {"person_id": person_id}, sort=[("created_at", ASCENDING), ("_id", ASCENDING)], tx=tx
        )
        return tuple(factor_from(document) for document in found)

    async def add(self, factor: Factor, *, tx: Transaction) -> None:
        """Store a new factor.

        Raises:
            PasskeyRefused: somebody has that very credential.
        """
        try:
            await self._factors.insert(factor_document(factor), tx=tx)
        except DuplicateKey as duplicate:
            raise PasskeyRefused from duplicate

    async def save(self, before: Factor, after: Factor, *, tx: Transaction) -> None:
        """Store a changed factor.

        Raises:
            Retry: somebody changed it meanwhile; the transaction decides again.
        """
        written = await self._factors.replace(
            {"_id": before.id, "version": before.version}, factor_document(after), tx=tx
        )
        if not written:
            raise Retry

    async def delete(self, factors: tuple[Factor, ...], *, tx: Transaction) -> None:
        """Forget factors."""
        await self._factors.delete_many({"_id": {"$in": [factor.id for factor in factors]}}, tx=tx)


class RecoveryCodes:
    """Hashes of the recovery codes that are left, one document per person."""

    def __init__(self, db: Database) -> None:
        self._codes = db.collection("recovery_codes", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; it is read by its key only."""
        await self._codes.ensure_indexes([])

    async def left(
        self, person_id: PersonId, *, tx: Transaction | None = None
    ) -> tuple[bytes, ...]:
        """Load the hashes of the codes that a person has left."""
        found = await self._codes.find_one({"_id": person_id}, tx=tx)
        return tuple(map(bytes, found["codes"])) if found else ()

    async def set(
        self, person_id: PersonId, *, tenant_id: TenantId, codes: tuple[bytes, ...], tx: Transaction
    ) -> None:
        """Store the hashes of the codes that are left; of two that use one, one conflicts."""
        document = {"_id": person_id, "tenant_id": tenant_id, "codes": list(codes)}
        await self._codes.replace({"_id": person_id}, document, upsert=True, tx=tx)

    async def forget(self, person_id: PersonId, *, tx: Transaction) -> None:
        """Forget a person's codes."""
        await self._codes.delete({"_id": person_id}, tx=tx)


class Challenges:
    """Sign-ins that wait for their second factor, and passkeys that are being made."""

    def __init__(self, db: Database) -> None:
        self._sign_ins = db.collection("sign_in_challenges", schema_version=SCHEMA_VERSION)
        self._passkeys = db.collection("passkey_challenges", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collections; what is not answered is forgotten when its time is over."""
        expiry = Index(keys=[("expires_at", ASCENDING)], expire_after=_AT_ITS_TIME)
        await self._sign_ins.ensure_indexes([expiry])
        await self._passkeys.ensure_indexes([expiry])

    async def add(self, challenge: SignInChallenge) -> None:
        """Store a new challenge."""
        await self._sign_ins.insert(challenge_document(challenge))

    async def count_attempt(self, key: bytes, *, now: datetime) -> SignInChallenge | None:
        """Count an answer before it is looked at; None for a challenge that takes none."""
        found = await self._sign_ins.find_and_update(
            {"_id": key, "expires_at": {"$gt": now}, "attempts": {"$lt": MOST_ATTEMPTS}},
            {"$inc": {"attempts": 1}},
        )
        return challenge_from(found) if found else None

    async def spend(self, key: bytes, *, tx: Transaction) -> bool:
        """Spend a challenge; whether it was still there."""
        return await self._sign_ins.delete({"_id": key}, tx=tx) == 1

    async def begin_passkey(
        self, person_id: PersonId, *, challenge: bytes, expires_at: datetime
    ) -> None:
        """Store what a new passkey must sign, over any earlier question."""
        document = {"_id": person_id, "challenge": challenge, "expires_at": expires_at}
        await self._passkeys.replace({"_id": person_id}, document, upsert=True)

    async def take_passkey(self, person_id: PersonId, *, now: datetime) -> bytes | None:
        """Spend what a new passkey must sign; None when there is no open question."""
        found = await self._passkeys.find_one({"_id": person_id, "expires_at": {"$gt": now}})
        if found is None:
            return None
        challenge = bytes(found["challenge"])
        spent = await self._passkeys.delete({"_id": person_id, "challenge": challenge})
        return challenge if spent else None
