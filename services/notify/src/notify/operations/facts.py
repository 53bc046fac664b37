"""Notifications that facts cause, by the rules of the kinds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from notify.domain.definitions import Event, Projections
from notify.domain.requests import NotificationRequest
from notify.operations.audiences import create_notifications
from notify.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """A fact and the rule of one kind for it."""

    request: Callable[[Any, Event, Projections], Awaitable[NotificationRequest | None]]
    fact: Message
    event: Event


async def notify_facts(
    store: Store, *, occurrences: Sequence[Occurrence], jitter: timedelta, now: datetime
) -> None:
    """Notify the recipients of facts, each event once (NTF-2).

    Raises:
        DependencyDown: the database does not answer; the facts are processed when they come again.
    """
    found = [await each.request(each.fact, each.event, store) for each in occurrences]
    requests = [each for each in found if each is not None]
    await create_notifications(store, requests=requests, jitter=jitter, now=now)
