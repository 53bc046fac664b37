"""Reading of notifications: it clears the badge and drops waiting e-mails (NTF-7)."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from plexuskit.errors import InvalidArgument

from notify.domain.notifications import Notification, is_read_through
from notify.domain.notifications import read_on as marked_read
from notify.operations.amendments import amend
from notify.store import Cursor, Store
from notify.store.notifications import unread_at, unread_by_id, unread_of

MAX_IDS: Final = 500
# Places in one query: a clause each.
PLACES_TOGETHER: Final = 200

Through = dict[tuple[str, str, int], int]


async def mark_notifications_read(
    store: Store, *, person_id: str, notification_ids: Sequence[str], now: datetime
) -> int:
    """Mark a person's notifications as read, all of them without ids; return how many changed.

    Unknown ids and those of other people are ignored (GW-2). Refusals: InvalidArgument for over 500
    ids.
    """
    if len(notification_ids) > MAX_IDS:
        problem = f"has {len(notification_ids)} entries; send at most {MAX_IDS}, or none for all"
        raise InvalidArgument(field="notification_ids", problem=problem)
    selection = unread_of(person_id)
    if notification_ids:
        selection = unread_by_id(person_id, notification_ids)
    return await amend(store, selection, partial(marked_read, now=now), now=now)


async def advance_cursors(store: Store, *, cursors: Sequence[Cursor], now: datetime) -> None:
    """Store read positions, and mark covered notifications; repeats change nothing (MSG-7).

    The cursors are stored before anything is looked for: a notification that is being made at this
    moment is either found here, or finds the cursor (`operations.audiences`).
    """
    if not cursors:
        return
    await store.conversations.advance(cursors)
    await mark_covered(
        store,
        places={(each.conversation_id, each.person_id, each.root_seq) for each in cursors},
        read_on=True,
        now=now,
    )


async def mark_covered(
    store: Store, *, places: set[tuple[str, str, int]], read_on: bool, now: datetime
) -> None:
    """Mark as read what the cursors at places (conversation, person, root_seq) cover.

    With `read_on` the people there have read just now; else what an edit added stays unread.
    """
    through = await store.conversations.read_through(places)
    if not through:
        return

    def change(notification: Notification) -> Notification:
        counts = read_on or not notification.after_reading
        is_read = counts and covered(notification, through)
        return marked_read(notification, now=now) if is_read else notification

    pairs = sorted({(conversation, person) for conversation, person, _ in through})
    for first in range(0, len(pairs), PLACES_TOGETHER):
        selection = unread_at(pairs[first : first + PLACES_TOGETHER])
        await amend(store, selection, change, now=now)


def covered(notification: Notification, through: Through) -> bool:
    """Return whether cursors at (conversation, person, root_seq) cover a notification's message."""
    source, person = notification.source, notification.person_id
    return is_read_through(
        source,
        conversation=through.get((source.conversation_id, person, 0), 0),
        thread=through.get((source.conversation_id, person, source.root_seq), 0),
    )
