"""Stream of the inserts of a database, batch by batch, with a token for resuming."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from plexuskit.errors import DependencyDown
from plexuskit.mongo import driving
from plexuskit.mongo.failures import edge

Document = dict[str, Any]

_HISTORY_LOST_CODES = frozenset(
    {
        222,  # CloseChangeStream
        260,  # InvalidResumeToken
        280,  # ChangeStreamFatalError
        286,  # ChangeStreamHistoryLost
        50811,  # a resume token whose key string cannot be read
    }
)
# Error codes for a token that was truncated or written by another program.
_MALFORMED_TOKEN_CODES = frozenset({2, 9, 14, 40647, 40649, 50788, 50795, 50829})


class HistoryLost(Exception):  # noqa: N818 - names the fact, like a refusal
    """The server cannot resume from the token: later changes must be read elsewhere."""


@dataclass(frozen=True, slots=True)
class ChangeBatch:
    """Some inserts in commit order.

    Attributes:
        inserts: collection name and document of each.
        token: position after all of them.
        full: true if the batch reached its size, so that more is waiting.
    """

    inserts: list[tuple[str, Document]]
    token: Document
    full: bool


class Changes:
    """An open stream of inserts.

    Speaks the server's commands itself: PyMongo's own stream hands out one event per await, which
    costs more than all the rest, and hides where a batch ends.
    """

    def __init__(
        self,
        database: AsyncDatabase[Document],
        session: AsyncClientSession,
        *,
        batch_size: int,
        wait: timedelta,
    ) -> None:
        self._database = database
        self._session = session
        self._batch_size = batch_size
        self._wait_ms = int(wait.total_seconds() * 1000)
        self._cursor_id = 0
        # The command under way; its session and cursor are in use until it ends.
        self._asking: asyncio.Task[Document] | None = None
        self.token: Document = {}

    async def open(self, collections: Sequence[str], *, after: Document | None) -> None:
        """Open the server's cursor; `token` is its position."""
        stage: Document = {} if after is None else {"startAfter": after}
        command = {
            "aggregate": 1,
            "pipeline": [
                {"$changeStream": stage},
                {"$match": {"operationType": "insert", "ns.coll": {"$in": list(collections)}}},
                {"$project": {"ns.coll": 1, "fullDocument": 1}},
            ],
            # The first batch is requested like all others, so it keeps their size and token.
            "cursor": {"batchSize": 0},
            "readConcern": {"level": "majority"},
        }
        answer = await self._run(command, resuming=after is not None)
        self._cursor_id = answer["cursor"]["id"]
        self.token = answer["cursor"]["postBatchResumeToken"]

    async def next(self) -> ChangeBatch:
        """Wait for the next inserts; empty when nothing happened for a while.

        Raises:
            HistoryLost: the database was dropped or the server forgot this point.
            DependencyDown: the server cannot be reached; open a new stream after the last token.
        """
        if not self._cursor_id:
            raise HistoryLost("the stream was invalidated")
        answer = await self._run(
            {
                "getMore": self._cursor_id,
                "collection": "$cmd.aggregate",
                "batchSize": self._batch_size,
                "maxTimeMS": self._wait_ms,
            },
            resuming=True,
        )
        cursor = answer["cursor"]
        self._cursor_id = cursor["id"]
        self.token = cursor["postBatchResumeToken"]
        events = cursor["nextBatch"]
        inserts = [
            (event["ns"]["coll"], event["fullDocument"])
            for event in events
            # An invalidation passes every filter; the next call reports it.
            if "fullDocument" in event
        ]
        return ChangeBatch(inserts, self.token, full=len(events) >= self._batch_size)

    async def close(self) -> None:
        """Close the server's cursor, once a command under way has ended."""
        await driving.close_after(self._asking, self._close)

    async def _close(self) -> None:
        try:
            if self._cursor_id:
                await self._database.command(
                    {"killCursors": "$cmd.aggregate", "cursors": [self._cursor_id]},
                    session=self._session,
                )
        except PyMongoError:
            # The server ends idle cursors by itself, so a failure to close needs no handling.
            self._cursor_id = 0
        finally:
            await self._session.end_session()

    async def _run(self, command: Document, *, resuming: bool) -> Document:
        try:
            with edge():
                # Commands decode with PyMongo's defaults, where times are naive, unless configured.
                self._asking = driving.start(
                    self._database.command(
                        command,
                        session=self._session,
                        codec_options=self._database.codec_options,
                    )
                )
                return await driving.outcome(self._asking)
        except OperationFailure as error:
            if error.code in _HISTORY_LOST_CODES:
                raise HistoryLost(str(error)) from error
            if resuming and error.code in _MALFORMED_TOKEN_CODES:
                raise HistoryLost(str(error)) from error
            if error.has_error_label("ResumableChangeStreamError"):
                raise DependencyDown(dependency="mongodb") from error
            raise


@asynccontextmanager
async def follow(
    database: AsyncDatabase[Document],
    collections: Sequence[str],
    *,
    after: Document | None,
    batch_size: int,
    wait: timedelta,
) -> AsyncIterator[Changes]:
    """Open a stream and close it again; see `Database.changes`."""
    session = database.client.start_session(causal_consistency=False)
    stream = Changes(database, session, batch_size=batch_size, wait=wait)
    try:
        await stream.open(collections, after=after)
        yield stream
    finally:
        await stream.close()
