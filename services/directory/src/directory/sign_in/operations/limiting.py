"""What a session may do whose person still owes a second factor."""

from datetime import datetime

from plexuskit.mongo import Transaction

from directory.accounts.domain.authentication import LIMITED, has_second
from directory.people.domain.people import Person
from directory.store import Store


async def limits_of(
    store: Store, person: Person, *, methods: tuple[str, ...], now: datetime, tx: Transaction
) -> frozenset[str]:
    """Limit a session by what was proved in it; out: its only permissions, empty for no limit."""
    if has_second(methods) or not await owes_second_factor(store, person, now=now, tx=tx):
        return frozenset()
    return LIMITED


async def owes_second_factor(
    store: Store, person: Person, *, now: datetime, tx: Transaction
) -> bool:
    """Tell whether a role that somebody holds, wherever it is bound, asks for a second factor."""
    policy = await store.sign_in_policies.get(person.tenant_id, tx=tx)
    if not policy.second_factor_role_ids:
        return False
    roles = await store.grants.role_ids(person.id, tenant_id=person.tenant_id, now=now, tx=tx)
    return policy.needs_second_factor(roles)
