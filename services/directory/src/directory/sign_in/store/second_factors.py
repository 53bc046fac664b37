"""Second factors, recovery codes, and the questions about them that are open."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction

from directory.shared.domain.ids import PersonId, TenantId
from directory.sign_in.domain.challenges import MAX_ATTEMPTS, SignInChallenge
from directory.sign_in.domain.openid import Attempt
from directory.sign_in.domain.refusals import PasskeyRefused
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.store.documents import ATTEMPTS, CHALLENGES, FACTORS

SCHEMA_VERSION: Final = 1
_SIGN_IN: Final = "sign_in"
_PASSKEY: Final = "passkey"
_OPENID: Final = "openid"


class SecondFactors:
    """Second factors of all people, those being set up included."""

    def __init__(self, db: Database) -> None:
        self._factors = db.collection("second_factors", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._factors.ensure_indexes(
            [
                Index(keys=[("person_id", ASCENDING)], name="person"),
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
        found = await self._factors.find_all({"person_id": person_id}, tx=tx)
        # Few, so their order costs less here than in an index. Ids are made in order of time.
        return tuple(sorted(map(FACTORS.from_document, found), key=lambda factor: factor.id))

    async def add(self, factor: Factor, *, tx: Transaction) -> None:
        """Store a new factor.

        Raises:
            PasskeyRefused: that very credential is registered already.
        """
        try:
            await self._factors.insert(FACTORS.to_document(factor), tx=tx)
        except DuplicateKey as duplicate:
            raise PasskeyRefused from duplicate

    async def save(self, previous: Factor, after: Factor, *, tx: Transaction) -> None:
        """Store a changed factor.

        Raises:
            Retry: it was changed meanwhile; the transaction decides again.
        """
        written = await self._factors.replace(
            {"_id": previous.id, "version": previous.version}, FACTORS.to_document(after), tx=tx
        )
        if not written:
            raise Retry

    async def delete(self, factors: tuple[Factor, ...], *, tx: Transaction) -> None:
        """Delete factors."""
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
        """Delete a person's codes."""
        await self._codes.delete({"_id": person_id}, tx=tx)


class Challenges:
    """Pending challenges: second factors, new passkeys, browsers sent to a provider."""

    def __init__(self, db: Database) -> None:
        self._challenges = db.collection("sign_in_challenges", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; unanswered challenges expire."""
        await self._challenges.ensure_indexes(
            [Index(keys=[("expires_at", ASCENDING)], expire_after=timedelta(0))]
        )

    async def add(self, challenge: SignInChallenge) -> None:
        """Store a new challenge."""
        await self._challenges.insert(CHALLENGES.to_document(challenge) | {"kind": _SIGN_IN})

    async def count_attempt(self, key: bytes, *, now: datetime) -> SignInChallenge | None:
        """Count an answer before it is checked; None for a challenge that accepts none."""
        found = await self._challenges.find_and_update(
            {
                "_id": key,
                "kind": _SIGN_IN,
                "expires_at": {"$gt": now},
                "attempts": {"$lt": MAX_ATTEMPTS},
            },
            {"$inc": {"attempts": 1}},
        )
        return CHALLENGES.from_document(found) if found else None

    async def spend(self, key: bytes, *, tx: Transaction) -> bool:
        """Spend a challenge; whether it was still there."""
        return await self._challenges.delete({"_id": key, "kind": _SIGN_IN}, tx=tx) == 1

    async def begin_passkey(
        self, person_id: PersonId, *, challenge: bytes, expires_at: datetime
    ) -> None:
        """Store the challenge for a new passkey, replacing any earlier question."""
        document = {
            "_id": f"{_PASSKEY}:{person_id}",
            "kind": _PASSKEY,
            "challenge": challenge,
            "expires_at": expires_at,
        }
        await self._challenges.replace({"_id": document["_id"]}, document, upsert=True)

    async def take_passkey(self, person_id: PersonId, *, now: datetime) -> bytes | None:
        """Spend the challenge for a new passkey; None when there is no open question."""
        key = f"{_PASSKEY}:{person_id}"
        found = await self._challenges.find_one({"_id": key, "expires_at": {"$gt": now}})
        if found is None:
            return None
        challenge = bytes(found["challenge"])
        spent = await self._challenges.delete({"_id": key, "challenge": challenge})
        return challenge if spent else None

    async def begin_single_sign_on(self, attempt: Attempt) -> None:
        """Store that a browser is on its way to a provider."""
        await self._challenges.insert(ATTEMPTS.to_document(attempt) | {"kind": _OPENID})

    async def take_single_sign_on(self, key: bytes, *, now: datetime) -> Attempt | None:
        """Spend an attempt by the hash of its state; None when it is unknown, spent or too old."""
        wanted = {"_id": key, "kind": _OPENID, "expires_at": {"$gt": now}}
        found = await self._challenges.find_one(wanted)
        if found is None or not await self._challenges.delete(wanted):
            return None
        return ATTEMPTS.from_document(found)
