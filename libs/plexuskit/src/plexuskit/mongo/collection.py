"""A collection with the durability, stamps and failures that every service relies on."""
# ruff: noqa: A002 - `filter` is the name in MongoDB and in every query

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta
from typing import Any, TypeVar

import pymongo
from pymongo import ReturnDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.collation import Collation
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    DuplicateKeyError,
    OperationFailure,
)

from plexuskit.mongo import driving, stamps
from plexuskit.mongo.failures import duplicate_key, edge
from plexuskit.mongo.shapes import (
    BulkOutcome,
    Change,
    Document,
    Filter,
    Hint,
    Index,
    InsertOutcome,
    Sort,
    Write,
    index_model,
    stored_size,
)
from plexuskit.mongo.transactions import Transaction
from plexuskit.paging import PageBudget

T = TypeVar("T")

_FETCH = 500
_INDEX_BUILD_SECONDS = 600
_NAMESPACE_EXISTS = 48


class Collection:
    """One collection of the service.

    Reads see what the majority has, writes return when the majority has them in its journal. New
    documents (inserts, replacements, upserts) carry the collection's `schema_version`, set on the
    document that is passed in. With `tx` an operation belongs to that transaction.

    Every method raises `DependencyDown` when the server cannot be reached, is no primary or has not
    answered in time: a write may then have happened or not. Writes raise `DuplicateKey`.
    """

    def __init__(self, collection: AsyncCollection[Document], *, schema_version: int) -> None:
        self.name = collection.name
        self.schema_version = schema_version
        self._collection = collection

    async def insert(self, doc: Document, tx: Transaction | None = None) -> None:
        """Store a new document."""
        doc["schema_version"] = self.schema_version
        await _carried(self._collection.insert_one(doc, session=_session(tx)), tx)

    async def insert_many(
        self, docs: list[Document], *, ordered: bool = True, tx: Transaction | None = None
    ) -> InsertOutcome:
        """Store new documents in order, up to the first duplicate key.

        Outside a transaction a duplicate key is an outcome: the documents before it are stored,
        none after it. Inside one it ends the whole transaction, so it is raised.

        Raises:
            ValueError: `ordered` is false; the stored documents would not be a prefix of the list.
        """
        if not ordered:
            raise ValueError("insert_many is ordered; for any order use bulk(ordered=False)")
        if not docs:
            return InsertOutcome(0, None)
        version = self.schema_version
        for doc in docs:
            doc["schema_version"] = version

        with edge():
            try:
                if tx is None and len(docs) == 1:
                    await driving.apart(self._insert_alone(docs[0]))
                else:
                    await _driven(self._collection.insert_many(docs, session=_session(tx)), tx)
            except BulkWriteError as error:
                failure = duplicate_key(error)
                if failure is None or tx is not None:
                    raise
                return InsertOutcome(error.details["nInserted"], failure)
        return InsertOutcome(len(docs), None)

    async def _insert_alone(self, doc: Document) -> None:
        """Store one document as `insert_many` does, without the cost of the driver's bulk.

        Only a bulk also reports a missing majority beside a duplicate key.
        """
        try:
            await self._collection.insert_one(doc)
        except DuplicateKeyError:
            await self._collection.insert_many([doc])

    async def replace(
        self,
        filter: Filter,
        doc: Document,
        *,
        upsert: bool = False,
        tx: Transaction | None = None,
    ) -> int:
        """Replace the first match; return how many matched (0 also when it was inserted)."""
        doc["schema_version"] = self.schema_version
        result = await _carried(
            self._collection.replace_one(filter, doc, upsert=upsert, session=_session(tx)), tx
        )
        return result.matched_count

    async def update(
        self,
        filter: Filter,
        change: Change,
        *,
        upsert: bool = False,
        tx: Transaction | None = None,
    ) -> int:
        """Change the first match; return how many matched (0 also when it was inserted)."""
        if upsert:
            change = stamps.on_insert(change, self.schema_version)
        result = await _carried(
            self._collection.update_one(filter, change, upsert=upsert, session=_session(tx)), tx
        )
        return result.matched_count

    async def update_many(
        self,
        filter: Filter,
        change: Change,
        *,
        upsert: bool = False,
        tx: Transaction | None = None,
    ) -> int:
        """Change all matches; return how many matched."""
        if upsert:
            change = stamps.on_insert(change, self.schema_version)
        result = await _carried(
            self._collection.update_many(filter, change, upsert=upsert, session=_session(tx)), tx
        )
        return result.matched_count

    async def find_and_update(
        self,
        filter: Filter,
        change: Change,
        *,
        upsert: bool = False,
        after: bool = True,
        sort: Sort | None = None,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        tx: Transaction | None = None,
    ) -> Document | None:
        """Change the first match and return it as it is after (or before) the change."""
        if upsert:
            change = stamps.on_insert(change, self.schema_version)
        return await _carried(
            self._collection.find_one_and_update(
                filter,
                change,
                projection=projection,
                sort=sort,
                upsert=upsert,
                return_document=ReturnDocument.AFTER if after else ReturnDocument.BEFORE,
                session=_session(tx),
            ),
            tx,
        )

    async def delete(self, filter: Filter, tx: Transaction | None = None) -> int:
        """Delete the first match; return how many were deleted."""
        result = await _carried(self._collection.delete_one(filter, session=_session(tx)), tx)
        return result.deleted_count

    async def delete_many(self, filter: Filter, tx: Transaction | None = None) -> int:
        """Delete all matches; return how many were deleted."""
        result = await _carried(self._collection.delete_many(filter, session=_session(tx)), tx)
        return result.deleted_count

    async def bulk(
        self, ops: Sequence[Write], *, ordered: bool = False, tx: Transaction | None = None
    ) -> BulkOutcome:
        """Carry out many writes in few round trips.

        Raises:
            DuplicateKey: of the first operation that met one; unordered, all others are done.
        """
        if not ops:
            return BulkOutcome(0, 0, 0, 0, 0)
        stamps.on_operations(ops, self.schema_version)
        result = await _carried(
            self._collection.bulk_write(ops, ordered=ordered, session=_session(tx)), tx
        )
        return BulkOutcome(
            inserted=result.inserted_count,
            matched=result.matched_count,
            modified=result.modified_count,
            upserted=result.upserted_count,
            deleted=result.deleted_count,
        )

    async def find_one(
        self,
        filter: Filter,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort | None = None,
        hint: Hint | None = None,
        tx: Transaction | None = None,
    ) -> Document | None:
        """Return the first match, or None."""
        return await _carried(
            self._collection.find_one(
                filter, projection, sort=sort, hint=hint, session=_session(tx)
            ),
            tx,
        )

    async def find(
        self,
        filter: Filter,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        hint: Hint | None = None,
        batch_size: int | None = None,
        tx: Transaction | None = None,
    ) -> AsyncGenerator[Document, None]:
        """Yield the matches while they arrive, for results of any size."""
        cursor = self._cursor(filter, projection, sort, limit, skip, hint, batch_size, tx)
        async with aclosing(_read(cursor, batch_size or _FETCH)) as documents:
            async for document in documents:
                yield document

    async def find_all(
        self,
        filter: Filter,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort | None = None,
        limit: int = 0,
        skip: int = 0,
        hint: Hint | None = None,
        batch_size: int | None = None,
        collation: Collation | None = None,
        tx: Transaction | None = None,
    ) -> list[Document]:
        """Return all matches; give a limit where their number has no natural bound."""
        cursor = self._cursor(
            filter, projection, sort, limit, skip, hint, batch_size, tx, collation
        )
        return await _carried(cursor.to_list(), tx)

    async def find_page(
        self,
        filter: Filter,
        *,
        budget: PageBudget,
        size_of: Callable[[Document], int] = stored_size,
        projection: Mapping[str, Any] | Sequence[str] | None = None,
        sort: Sort | None = None,
        skip: int = 0,
        hint: Hint | None = None,
    ) -> tuple[list[Document], bool]:
        """Return the matches that fit into the budget, and whether more follow.

        Reading stops with the page: at most one reply of the server (16 MB) is in memory beside it.
        A document counts with its stored size; `size_of` is for messages that are larger or much
        smaller than their document. `skip` is for protocols that page by offset.
        """
        limit = budget.items + 1
        # One reply holds all of the page where the server's own bound of a reply allows it.
        cursor = self._cursor(filter, projection, sort, limit, skip, hint, limit, None)

        async def fitting() -> tuple[list[Document], bool]:
            page: list[Document] = []
            try:
                async for document in cursor:
                    if not budget.takes(size_of(document)):
                        return page, True
                    page.append(document)
            finally:
                await cursor.close()
            return page, False

        return await _carried(fitting())

    def _cursor(
        self,
        filter: Filter,
        projection: Mapping[str, Any] | Sequence[str] | None,
        sort: Sort | None,
        limit: int,
        skip: int,
        hint: Hint | None,
        batch_size: int | None,
        tx: Transaction | None,
        collation: Collation | None = None,
    ) -> AsyncCursor[Document]:
        return self._collection.find(
            filter,
            projection,
            sort=sort,
            limit=limit,
            skip=skip,
            hint=hint,
            batch_size=batch_size or 0,
            collation=collation,
            session=_session(tx),
        )

    async def count(self, filter: Filter, limit: int = 0, tx: Transaction | None = None) -> int:
        """Count the matches, at most `limit` of them if it is given."""
        bound: dict[str, int] = {"limit": limit} if limit else {}
        return await _carried(
            self._collection.count_documents(filter, session=_session(tx), **bound), tx
        )

    async def estimated_count(self) -> int:
        """Return the collection's size from its metadata: cheap, not exact after a crash."""
        return await _carried(self._collection.estimated_document_count())

    async def distinct(self, key: str, filter: Filter | None = None) -> list[Any]:
        """Return the different values of a field; together they fit into one document."""
        return await _carried(self._collection.distinct(key, filter))

    async def aggregate(
        self,
        pipeline: Sequence[Mapping[str, Any]],
        hint: Hint | None = None,
        tx: Transaction | None = None,
    ) -> list[Document]:
        """Run a pipeline and return all its results."""
        options: dict[str, Any] = {} if hint is None else {"hint": hint}

        async def results() -> list[Document]:
            cursor = await self._collection.aggregate(pipeline, session=_session(tx), **options)
            return await cursor.to_list()

        return await _carried(results(), tx)

    async def aggregate_all(
        self, pipeline: Sequence[Mapping[str, Any]], *, within: timedelta
    ) -> AsyncGenerator[Document, None]:
        """Yield the results of a pipeline that reads much: it may take long and spill to disk.

        Args:
            pipeline: its stages.
            within: time limit of the server until the first result.
        """
        await self._must_answer()
        with pymongo.timeout(within.total_seconds()):
            cursor = await _carried(self._collection.aggregate(pipeline, allowDiskUse=True))
        async with aclosing(_read(cursor, _FETCH)) as documents:
            async for document in documents:
                yield document

    async def ensure_indexes(self, indexes: Sequence[Index]) -> None:
        """Create the collection and the indexes that are missing; those present stay.

        Transactions insert only into collections that exist, so this comes before the first one.
        """
        # An index over a full collection takes longer than any other operation may.
        await self._must_answer()
        with pymongo.timeout(_INDEX_BUILD_SECONDS):
            if indexes:
                models = [index_model(index) for index in indexes]
                await _carried(self._collection.create_indexes(models))
                return
            try:
                await _carried(self._collection.database.create_collection(self.name))
            except CollectionInvalid:
                # It exists, which is all that is wanted.
                return
            except OperationFailure as failure:
                # Another process made it a moment ago.
                if failure.code != _NAMESPACE_EXISTS:
                    raise

    async def _must_answer(self) -> None:
        """Fail soon if no server is known: the long time limit is for finding one."""
        await _carried(self._collection.database.command("ping"))


async def _carried(operation: Coroutine[Any, Any, T], tx: Transaction | None = None) -> T:
    """Carry an operation to its end; its failures speak Plexus' words."""
    with edge():
        return await _driven(operation, tx)


async def _driven(operation: Coroutine[Any, Any, T], tx: Transaction | None) -> T:
    """Run an operation to its end; a transaction continues, or is aborted, only after that."""
    return await (driving.apart(operation) if tx is None else driving.whole(operation))


async def _read(cursor: Any, batch_size: int) -> AsyncGenerator[Document, None]:
    """Yield a cursor's documents, and close it once nothing reads from it any more."""
    reading: asyncio.Task[list[Document]] | None = None
    try:
        while True:
            reading = driving.start(cursor.to_list(batch_size))
            with edge():
                documents = await driving.outcome(reading)
            if not documents:
                return
            for document in documents:
                yield document
    finally:
        with edge():
            await driving.close_after(reading, cursor.close)


def _session(tx: Transaction | None) -> AsyncClientSession | None:
    return None if tx is None else tx.session
