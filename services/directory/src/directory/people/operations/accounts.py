"""Accounts in use: neither an import nor the feed makes another's account its own (GW-11)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from plexuskit.mongo import Transaction
from plexuskit.outbox import Fact

from directory.people import events
from directory.people.domain.people import Person
from directory.people.store import Store
from directory.shared.domain.ids import PersonId, TenantId

IN_USE: Final = (
    "belongs to a person who can sign in already: an administrator sets it, with a reason"
)


async def in_use(
    store: Store, people: Sequence[Person], *, tenant_id: TenantId, tx: Transaction
) -> frozenset[PersonId]:
    """Find the people who can sign in already, with a password or by a provider."""
    ids = [person.id for person in people]
    known = await store.provider_ids.knowing(people, tenant_id=tenant_id, tx=tx)
    return known | await store.credentials.holders(ids, tx=tx)


async def check_addresses(
    store: Store,
    changed: Sequence[tuple[Person, Person]],
    *,
    tenant_id: TenantId,
    origin: str,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> tuple[list[Fact], frozenset[PersonId]]:
    """Check changed addresses, by which a provider may sign their holder in as the person.

    In: people before and after; the origin of the addresses, which stands in the ledger.

    Returns: the facts to store, and who must keep their address because their account is in use.
    """
    readdressed = [after for previous, after in changed if after.email != previous.email]
    if not readdressed:
        return [], frozenset()
    linking = await store.provider_ids.linking(readdressed, tenant_id=tenant_id, tx=tx)
    opened = [person for person in readdressed if person.id in linking]
    if not opened:
        return [], frozenset()
    kept = await in_use(store, opened, tenant_id=tenant_id, tx=tx)
    facts = [
        events.sign_in_email_set(person, reason=origin, actor_id=actor_id, now=now)
        for person in opened
    ]
    return facts, kept
