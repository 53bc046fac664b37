"""Failed attempts to sign in: noted at once, stated as facts when their minute is over (GW-7)."""

from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import Transaction

from directory.accounts import events
from directory.accounts.domain.sign_in_attempts import FailedSignIns
from directory.accounts.store import Store
from directory.shared.domain.ids import PersonId, TenantId

_MINUTE: Final = timedelta(minutes=1)
_AT_ONCE: Final = 200


async def note_failed_sign_in(
    store: Store,
    *,
    tenant_id: TenantId,
    person_id: PersonId,
    network: str,
    second_factor: bool = False,
    now: datetime,
) -> None:
    """Add a failed attempt to the others of its minute.

    Failures at unknown handles are added up per network, without the handle: people type passwords
    there. The write is the same for both, so that its cost reveals nothing (GW-2).
    """
    failed = FailedSignIns(
        tenant_id=tenant_id,
        person_id=person_id,
        network=network,
        minute=now.replace(second=0, microsecond=0),
        second_factor=second_factor,
    )
    await store.failed_sign_ins.add(failed)


async def state_failed_sign_ins(store: Store, *, now: datetime) -> int:
    """Publish the failed attempts of past minutes; out: the number of facts."""
    total = 0
    while stated := await _state_some(store, now=now):
        total += stated
        if stated < _AT_ONCE:
            break
    return total


async def _state_some(store: Store, *, now: datetime) -> int:
    async def work(tx: Transaction) -> int:
        taken = await store.failed_sign_ins.take(before=now - _MINUTE, maximum=_AT_ONCE, tx=tx)
        if taken:
            facts = [events.sign_in_failed(each, now=now) for each in taken]
            await store.outbox.add(*facts, tx=tx)
        return len(taken)

    return await store.transact(work)
