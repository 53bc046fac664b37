"""One transaction, run again until it commits or its time is over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from pymongo import ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from plexuskit import fault
from plexuskit.backoff import contended
from plexuskit.errors import DependencyDown
from plexuskit.mongo import driving
from plexuskit.mongo.failures import TRANSIENT, UNKNOWN_COMMIT, edge

T = TypeVar("T")
Work = Callable[["Transaction"], Awaitable[T]]

_PAUSES = (0.005, 0.1)


class Retry(Exception):  # noqa: N818 - a request to the loop, no failure
    """Raised by the work of a transaction to be run again on fresh state."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A running transaction; hand it to a collection's methods as `tx`."""

    session: AsyncClientSession


async def run(
    work: Work[T],
    *,
    session: AsyncClientSession,
    attempts: int,
    within: timedelta,
    commit_timeout: timedelta,
) -> T:
    """Run the work and commit; again after a conflict, with a short jittered pause in between.

    Args:
        work: reads and writes through the `Transaction` it gets; it may run several times, so it
            has no effect outside the transaction.
        session: an open session without a transaction.
        attempts: maximum number of runs, at least 1.
        within: no further attempt starts later than this after the first.
        commit_timeout: time limit for the majority to confirm one commit.

    Raises:
        DependencyDown: attempts or time are used up, or the commit's result stays unknown.
        DuplicateKey: the work wrote a key that exists; nothing of it is stored.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    attempt = 0

    while True:
        attempt += 1
        try:
            return await _attempt(work, session, deadline=deadline, commit_timeout=commit_timeout)
        except (Retry, PyMongoError) as error:
            # The edge let an error of the driver pass only because of this label.
            if isinstance(error, PyMongoError) and not error.has_error_label(TRANSIENT):
                raise
            if attempt < attempts:
                await asyncio.sleep(contended(attempt, _PAUSES))
            if attempt == attempts or loop.time() >= deadline:
                problem = "transaction kept conflicting"
                raise DependencyDown(dependency="mongodb", problem=problem) from error


async def _attempt(
    work: Work[T],
    session: AsyncClientSession,
    *,
    deadline: float,
    commit_timeout: timedelta,
) -> T:
    with edge():
        await session.start_transaction(
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
            read_preference=ReadPreference.PRIMARY,
            max_commit_time_ms=int(commit_timeout.total_seconds() * 1000),
        )
    try:
        result = await work(Transaction(session))
        await _commit(session, deadline=deadline)
        fault.point("transaction.after_commit")
    finally:
        # Also on cancellation: an open transaction blocks its documents until the server ends it.
        if session.in_transaction:
            await driving.whole(session.abort_transaction())
    return result


async def _commit(session: AsyncClientSession, *, deadline: float) -> None:
    loop = asyncio.get_running_loop()
    tries = 0
    while True:
        try:
            await driving.whole(session.commit_transaction())
        except PyMongoError as error:
            if error.has_error_label(TRANSIENT):
                raise
            if not error.has_error_label(UNKNOWN_COMMIT) or loop.time() >= deadline:
                raise DependencyDown(dependency="mongodb", problem="commit unknown") from error
            # Committing again is safe: the server knows the transaction by its number.
            tries += 1
            await asyncio.sleep(contended(tries, _PAUSES))
        else:
            return
