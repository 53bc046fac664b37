"""Message policy of each tenant."""

from datetime import timedelta

from plexuskit.errors import VersionConflict
from plexuskit.mongo import Database, DuplicateKey

from messaging.messages.domain.policies import DEFAULT, Policy, Receipts

SCHEMA_VERSION = 1
_WINDOWS = ("edit_window", "recall_window", "admin_recall_window")


class PolicyStore:
    """The collection `policies`; a tenant that has set nothing has no document."""

    def __init__(self, db: Database) -> None:
        self._policies = db.collection("policies", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the collection; it is found by tenant id alone."""
        await self._policies.ensure_indexes([])

    async def get(self, tenant_id: str) -> Policy:
        """Read a tenant's policy, or the default."""
        document = await self._policies.find_one({"_id": tenant_id})
        if document is None:
            return DEFAULT
        windows = {name: timedelta(seconds=document[name]) for name in _WINDOWS}
        return Policy(
            **windows,
            receipts=Receipts(document["receipts"]),
            receipt_names_limit=document["receipt_names_limit"],
            version=document["version"],
        )

    async def save(self, tenant_id: str, policy: Policy) -> None:
        """Write a policy over the previous version.

        Raises:
            VersionConflict: it was changed meanwhile.
        """
        fields = {name: int(getattr(policy, name).total_seconds()) for name in _WINDOWS}
        document = {
            **fields,
            "_id": tenant_id,
            "receipts": policy.receipts.value,
            "receipt_names_limit": policy.receipt_names_limit,
            "version": policy.version,
        }
        previous = policy.version - 1
        try:
            if previous == 0:
                await self._policies.insert(document)
                return
            matched = await self._policies.replace(
                {"_id": tenant_id, "version": previous}, document
            )
        except DuplicateKey:
            matched = 0
        if not matched:
            current = (await self.get(tenant_id)).version
            raise VersionConflict(expected_version=previous, current_version=current)
