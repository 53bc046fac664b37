"""What becomes of the HR feed: its stop is told to those who may answer (INT-1)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from notify.domain.feeds import Stop, stopped
from notify.operations.raising import raise_occasions
from notify.store import Store


async def tell_of_stops(
    store: Store, *, stops: Sequence[Stop], jitter: timedelta, now: datetime
) -> None:
    """Tell administrators that a feed waits for their answer, each stop once (NTF-2).

    Raises:
        DependencyDown: the database gives no answer; the stops are told of when they come again.
    """
    await raise_occasions(
        store, occasions=[stopped(each) for each in stops], jitter=jitter, now=now
    )
