"""The OpenID providers as people know them: ids that external ids begin with, domains, links."""

from collections.abc import Sequence
from typing import Any

from plexuskit.mongo import ASCENDING, Database, Transaction

from directory.people.domain.people import Kind, Person
from directory.shared.domain.ids import PersonId, TenantId


class ProviderIds:
    """Reads of providers and links; the sign-in store writes them."""

    def __init__(self, db: Database) -> None:
        self._providers = db.collection("openid_providers", schema_version=0)
        self._links = db.collection("openid_links", schema_version=0)

    async def list_of(
        self, tenant_id: TenantId, *, tx: Transaction | None = None
    ) -> frozenset[str]:
        """List the ids of a tenant's providers."""
        return frozenset(each["provider_id"] for each in await self._all(tenant_id, tx=tx))

    async def linking(
        self, people: Sequence[Person], *, tenant_id: TenantId, tx: Transaction
    ) -> frozenset[PersonId]:
        """Find the people as whom a provider would sign in the holder of their address.

        That is so where it links by addresses of that domain and does not know the person yet.
        """
        providers = await self._all(tenant_id, tx=tx)
        domains = {domain for each in providers for domain in each["email_domains"]}
        addressed = [
            person
            for person in people
            if _domain(person) in domains and person.kind in {Kind.HUMAN, Kind.GUEST}
        ]
        known = await self._known(addressed, providers, tenant_id=tenant_id, tx=tx)
        return frozenset(
            person.id
            for person in addressed
            if any(
                _domain(person) in each["email_domains"]
                and (person.id, each["provider_id"]) not in known
                for each in providers
            )
        )

    async def knowing(
        self, people: Sequence[Person], *, tenant_id: TenantId, tx: Transaction
    ) -> frozenset[PersonId]:
        """Find the people whom a provider signs in, whatever their address is."""
        providers = await self._all(tenant_id, tx=tx)
        known = await self._known(people, providers, tenant_id=tenant_id, tx=tx)
        return frozenset(person_id for person_id, _ in known)

    async def _all(self, tenant_id: TenantId, *, tx: Transaction | None) -> list[dict[str, Any]]:
        return await self._providers.find_all(
            {"tenant_id": tenant_id}, sort=[("provider_id", ASCENDING)], tx=tx
        )

    async def _known(
        self,
        people: Sequence[Person],
        providers: Sequence[dict[str, Any]],
        *,
        tenant_id: TenantId,
        tx: Transaction,
    ) -> set[tuple[PersonId, str]]:
        """Find who signs in by which provider: by a link, or by an external id of it."""
        ids = [each["provider_id"] for each in providers]
        if not ids or not people:
            return set()
        known = {
            (person.id, provider_id)
            for person in people
            if (provider_id := person.external_id.partition(":")[0]) in ids
        }
        linked = await self._links.find_all(
            {
                "tenant_id": tenant_id,
                "provider_id": {"$in": ids},
                "person_id": {"$in": [person.id for person in people]},
            },
            tx=tx,
        )
        return known | {(PersonId(each["person_id"]), each["provider_id"]) for each in linked}


def _domain(person: Person) -> str:
    return person.email.rpartition("@")[2].lower()
