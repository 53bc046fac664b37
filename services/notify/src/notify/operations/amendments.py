"""Changes of existing notifications, many in one transaction, each with its fact (MSG-4)."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from plexuskit.mongo import Transaction

from notify import events
from notify.domain.notifications import Notification
from notify.store import Store
from notify.store.notifications import Selection

PART: Final = 250


async def amend(
    store: Store,
    selection: Selection,
    change: Callable[[Notification], Notification],
    *,
    now: datetime,
) -> int:
    """Change the notifications of a selection; return how many changed.

    Repeating it changes nothing more: `change` returns a notification at its next version
    unchanged.

    Args:
        store: the service's database.
        selection: which notifications.
        change: pure; returns the next version, or the same one for no change.
        now: when.
    """
    count, last = 0, ""
    while ids := await store.notifications.ids(selection, after=last, limit=PART):
        count += await _amend_part(store, ids, change, now=now)
        last = ids[-1]
    return count


async def _amend_part(
    store: Store,
    ids: list[str],
    change: Callable[[Notification], Notification],
    *,
    now: datetime,
) -> int:
    async def work(tx: Transaction) -> int:
        changed, shown = [], []
        for current in await store.notifications.load(ids, tx=tx):
            following = change(current)
            if following.version == current.version:
                continue
            changed.append(following)
            # Clients learn of one that leaves the inbox, too.
            if following.in_inbox or current.in_inbox:
                shown.append(events.changed(following, now=now))
        await store.notifications.save(changed, tx=tx)
        await store.outbox.add(*shown, tx=tx)
        return len(changed)

    return await store.transact(work)
