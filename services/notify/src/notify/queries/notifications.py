"""Notifications of a person: the inbox."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import Listing, PageBudget

from notify.domain.kinds import MESSAGE
from notify.domain.notifications import Notification
from notify.store import Store

PAGE_DEFAULT: Final = 50
PAGE_LIMIT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """Page of a person's notifications; `unread` counts all of them, not only the page's."""

    notifications: tuple[Notification, ...]
    next_page_token: str
    unread: int


async def list_notifications(
    store: Store,
    *,
    person_id: str,
    unread_only: bool,
    page_size: int,
    page_token: str,
    shown: Callable[[Notification], Notification],
) -> Inbox:
    """Return a person's inbox, newest first.

    If the person may no longer read a message, its notification stays without the text; `shown`
    reduces each to the parts that roles, policies and columns allow.

    Refusals: InvalidArgument, InvalidPageToken.
    """
    if page_size < 0:
        raise InvalidArgument(field="page_size", problem="is negative; leave it out or raise it")
    size = min(page_size or PAGE_DEFAULT, PAGE_LIMIT)
    listing = Listing(name="notifications", filters=(person_id, str(unread_only)))
    before = listing.last_id(page_token)
    (found, more), unread = await asyncio.gather(
        store.notifications.page(
            person_id, unread_only=unread_only, before=before, budget=PageBudget(items=size)
        ),
        store.notifications.count_unread(person_id),
    )
    kept = await _without_lost_texts(store, found, person_id=person_id)
    return Inbox(
        notifications=tuple(map(shown, kept)),
        next_page_token=listing.token(kept[-1].id) if more else "",
        unread=unread,
    )


async def _without_lost_texts(
    store: Store, notifications: Sequence[Notification], *, person_id: str
) -> tuple[Notification, ...]:
    """Remove the texts that the person may not read now (MSG-14)."""
    of_messages = {
        each.source.conversation_id for each in notifications if each.source.kind == MESSAGE
    }
    members, conversations = await asyncio.gather(
        store.conversations.members_among((each, person_id) for each in of_messages),
        store.conversations.find(of_messages),
    )

    def readable(notification: Notification) -> bool:
        source = notification.source
        if source.kind != MESSAGE:
            return True
        member = members.get((source.conversation_id, person_id))
        conversation = conversations.get(source.conversation_id)
        return (
            member is not None
            and conversation is not None
            and member.may_read(seq=source.seq, open_history=conversation.open_history)
        )

    return tuple(each if readable(each) else replace(each, body="") for each in notifications)
