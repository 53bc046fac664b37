"""The OpenID providers as people know them: ids that external ids begin with, domains, links."""

from plexuskit.mongo import ASCENDING, Database, Transaction

from directory.shared.domain.ids import PersonId, TenantId


class ProviderIds:
    """Reads of providers and links; the sign-in store writes them."""

    def __init__(self, db: Database) -> None:
        self._providers = db.collection("openid_providers", schema_version=0)
        self._links = db.collection("openid_links", schema_version=0)

    async def list_of(self, tenant_id: TenantId) -> frozenset[str]:
        """List the ids of a tenant's providers."""
        found = await self._providers.find_all(
            {"tenant_id": tenant_id}, sort=[("provider_id", ASCENDING)]
        )
        return frozenset(document["provider_id"] for document in found)

    async def linking(
        self, email: str, *, person_id: PersonId, tenant_id: TenantId, tx: Transaction
    ) -> bool:
        """Return whether a provider would sign the holder of an address in as a person.

        It would if it links by addresses of that domain and has not linked the person yet.
        """
        domain = email.rpartition("@")[2].lower()
        found = await self._providers.find_all(
            {"tenant_id": tenant_id}, sort=[("provider_id", ASCENDING)], tx=tx
        )
        ids = [each["provider_id"] for each in found if domain in each["email_domains"]]
        if not domain or not ids:
            return False
        linked = await self._links.find_all(
            {
                "tenant_id": tenant_id,
                "provider_id": {"$in": ids},
                "person_id": {"$in": [person_id]},
            },
            tx=tx,
        )
        return len({each["provider_id"] for each in linked}) < len(ids)
