"""Shapes that collections take and give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bson
from pymongo import (
    DeleteMany,
    DeleteOne,
    IndexModel,
    InsertOne,
    ReplaceOne,
    UpdateMany,
    UpdateOne,
)
from pymongo.collation import Collation

from plexuskit.mongo.failures import DuplicateKey

IGNORE_CASE = Collation(locale="en", strength=2)
"""Compares text by its letters and accents, ignoring case and width."""

ASCENDING = 1
DESCENDING = -1

Document = dict[str, Any]
Filter = Mapping[str, Any]
Change = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Sort = Sequence[tuple[str, int]]
Hint = str | Sequence[tuple[str, int]]
Write = InsertOne[Document] | ReplaceOne[Document] | UpdateOne | UpdateMany | DeleteOne | DeleteMany


@dataclass(frozen=True, slots=True)
class Index:
    """An index to be present.

    Attributes:
        keys: fields with their direction, in order.
        unique: whether the keys may occur once only.
        partial: filter of the documents that are in it, or None for all.
        expire_after: age of the (single) date key at which a document is deleted.
        collation: comparison of text; only queries with the same one use the index.
        name: its name, or None for the server's `field_1_other_-1`.
    """

    keys: Sequence[tuple[str, int]]
    unique: bool = False
    partial: Mapping[str, Any] | None = None
    expire_after: timedelta | None = None
    collation: Collation | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class InsertOutcome:
    """Result of an ordered `insert_many`.

    Attributes:
        inserted: number of documents stored, always the first ones of the list.
        failure: the duplicate key that stopped it, with its position, or None when all are stored.
    """

    inserted: int
    failure: DuplicateKey | None


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """Number of documents changed by a `bulk`."""

    inserted: int
    matched: int
    modified: int
    upserted: int
    deleted: int


def index_model(index: Index) -> IndexModel:
    """Return the index in the driver's shape."""
    options: dict[str, Any] = {}
    if index.unique:
        options["unique"] = True
    if index.partial is not None:
        options["partialFilterExpression"] = dict(index.partial)
    if index.expire_after is not None:
        options["expireAfterSeconds"] = int(index.expire_after.total_seconds())
    if index.collation is not None:
        options["collation"] = index.collation
    if index.name is not None:
        options["name"] = index.name
    return IndexModel(list(index.keys), **options)


def stored_size(document: Document) -> int:
    """Return the bytes of a document as it is stored; names of fields count."""
    return len(bson.encode(document))
