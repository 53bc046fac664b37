"""The ids of the OpenID providers, with which external ids of people may begin."""

from plexuskit.mongo import ASCENDING, Database

from directory.shared.domain.ids import TenantId


class ProviderIds:
    """Reads ids of providers; the sign-in store writes them."""

    def __init__(self, db: Database) -> None:
        self._providers = db.collection("openid_providers", schema_version=0)

    async def list_of(self, tenant_id: TenantId) -> frozenset[str]:
        """List the ids of a tenant's providers."""
        found = await self._providers.find_all(
            {"tenant_id": tenant_id}, sort=[("provider_id", ASCENDING)]
        )
        return frozenset(document["provider_id"] for document in found)
