"""Preferences of a person."""

from notify.domain.preferences import Preferences
from notify.store import Store


async def get_preferences(store: Store, *, person_id: str) -> Preferences:
    """Return a person's preferences, the defaults if nothing was chosen."""
    return await store.preferences.get(person_id)
