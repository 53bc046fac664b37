"""Sign-in policies, providers, and links between people and provider subjects."""

from collections.abc import Sequence
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction

from directory.shared.domain.ids import PersonId, ProviderId, TenantId
from directory.sign_in.domain.openid import Link, Provider
from directory.sign_in.domain.refusals import ProviderNotFound
from directory.sign_in.domain.sign_in_policies import SignInPolicy
from directory.sign_in.store.documents import LINKS, PROVIDERS, SIGN_IN_POLICIES

SCHEMA_VERSION: Final = 1


class SignInPolicies:
    """One policy per tenant; the default one if none was set."""

    def __init__(self, db: Database) -> None:
        self._policies = db.collection("sign_in_policies", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; it is read by its key only."""
        await self._policies.ensure_indexes([])

    async def get(self, tenant_id: TenantId, *, tx: Transaction | None = None) -> SignInPolicy:
        """Load the policy of a tenant."""
        found = await self._policies.find_one({"_id": tenant_id}, tx=tx)
        return SIGN_IN_POLICIES.from_document(found) if found else SignInPolicy(tenant_id=tenant_id)

    async def save(self, policy: SignInPolicy, *, tx: Transaction) -> None:
        """Store a policy over the one that this transaction has read."""
        await self._policies.replace(
            {"_id": policy.tenant_id}, SIGN_IN_POLICIES.to_document(policy), upsert=True, tx=tx
        )


class Providers:
    """The OpenID providers of the company, and their linked subjects."""

    def __init__(self, db: Database) -> None:
        self._providers = db.collection("openid_providers", schema_version=SCHEMA_VERSION)
        self._links = db.collection("openid_links", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collections and their indexes."""
        await self._providers.ensure_indexes(
            [
                Index(
                    keys=[("tenant_id", ASCENDING), ("provider_id", ASCENDING)],
                    unique=True,
                    name="tenant_provider",
                )
            ]
        )
        await self._links.ensure_indexes(
            [
                Index(
                    keys=[
                        ("tenant_id", ASCENDING),
                        ("provider_id", ASCENDING),
                        ("person_id", ASCENDING),
                    ],
                    unique=True,
                    name="tenant_provider_person",
                )
            ]
        )

    async def list_of(
        self, tenant_id: TenantId, *, tx: Transaction | None = None
    ) -> list[Provider]:
        """List the providers of a tenant in order of their ids."""
        found = await self._providers.find_all(
            {"tenant_id": tenant_id}, sort=[("provider_id", ASCENDING)], tx=tx
        )
        return [PROVIDERS.from_document(document) for document in found]

    async def find(
        self, provider_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Provider | None:
        """Load a provider; None when the tenant has none of that id."""
        found = await self._providers.find_one({"_id": f"{tenant_id}:{provider_id}"}, tx=tx)
        return PROVIDERS.from_document(found) if found else None

    async def get(
        self, provider_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Provider:
        """Load a provider.

        Raises:
            ProviderNotFound: the tenant has none of that id.
        """
        provider = await self.find(provider_id, tenant_id=tenant_id, tx=tx)
        if provider is None:
            raise ProviderNotFound
        return provider

    async def save(self, provider: Provider, *, tx: Transaction) -> None:
        """Store a provider over the one that this transaction has read."""
        document = PROVIDERS.to_document(provider)
        await self._providers.replace({"_id": document["_id"]}, document, upsert=True, tx=tx)

    async def delete(self, provider: Provider, *, tx: Transaction) -> None:
        """Delete a provider; links stay, should it come back."""
        await self._providers.delete({"_id": f"{provider.tenant_id}:{provider.id}"}, tx=tx)

    async def linked(self, link_id: str, *, tx: Transaction | None = None) -> PersonId | None:
        """Find the person linked with a subject; None without a link."""
        found = await self._links.find_one({"_id": link_id}, tx=tx)
        return PersonId(found["person_id"]) if found else None

    async def is_linked(
        self,
        person_ids: Sequence[PersonId],
        *,
        tenant_id: TenantId,
        provider_ids: Sequence[ProviderId],
        tx: Transaction,
    ) -> bool:
        """Return whether one of the people is linked with a subject of one of the providers."""
        found = await self._links.count(
            {
                "tenant_id": tenant_id,
                "provider_id": {"$in": list(provider_ids)},
                "person_id": {"$in": list(person_ids)},
            },
            limit=1,
            tx=tx,
        )
        return found > 0

    async def link(self, link: Link, *, tx: Transaction) -> None:
        """Store a link.

        Raises:
            Retry: the subject or the person was linked meanwhile.
        """
        try:
            await self._links.insert(LINKS.to_document(link), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate
