"""Shared helpers: a provider of single sign-on, and people who are linked with it."""

from typing import Any

from directory.people.domain.people import Person
from directory.sign_in.domain.openid import Link, Provider, ProviderId


async def provide(company: Any, id_: str = "acme") -> None:
    """Let people sign in with a provider that links by addresses of acme.example."""
    provider = Provider(
        id=ProviderId(id_),
        tenant_id=company.tenant.id,
        name="Acme",
        issuer="https://id.acme.example",
        client_id="plexus",
        redirect_uris=("https://plexus.example/signed-in",),
        subject_claim="",
        email_domains=("acme.example",),
    )

    async def work(tx: Any) -> None:
        await company.store.providers.save(provider, tx=tx)

    await company.store.transact(work)


async def link(company: Any, person: Person) -> None:
    made = Link(
        id=f"{company.tenant.id}:acme:subject of {person.handle}",
        tenant_id=company.tenant.id,
        provider_id=ProviderId("acme"),
        person_id=person.id,
        linked_at=company.now,
    )

    async def work(tx: Any) -> None:
        await company.store.providers.link(made, tx=tx)

    await company.store.transact(work)
