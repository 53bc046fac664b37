"""Preferences of a person: stored choices of channels and quiet hours."""

from plexuskit.mongo import Transaction

from notify.domain.preferences import Channels, Preferences, chosen
from notify.domain.quiet_hours import QuietHours
from notify.store import Store


async def set_preferences(
    store: Store,
    *,
    tenant_id: str,
    person_id: str,
    channels: Channels,
    hours: QuietHours,
    expected_version: int,
) -> Preferences:
    """Replace a person's preferences; they apply to decisions from now on (NTF-3).

    Refusals: QuietHoursInvalid, VersionConflict, InvalidArgument.
    """

    async def work(tx: Transaction) -> Preferences:
        current = await store.preferences.get(person_id, tx=tx)
        following = chosen(
            current,
            channels=channels,
            hours=hours,
            kinds=store.kinds,
            expected_version=expected_version,
        )
        await store.preferences.put(following, tenant_id=tenant_id, tx=tx)
        return following

    return await store.transact(work)
