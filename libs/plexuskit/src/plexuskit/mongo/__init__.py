"""MongoDB as every service uses it: majority, journal, named failures.

Nothing else in Plexus imports PyMongo.
"""

from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne

from plexuskit.mongo.changes import ChangeBatch, Changes, HistoryLost
from plexuskit.mongo.collection import Collection
from plexuskit.mongo.database import Database, SignInRefused, WrongServerParameter, connect
from plexuskit.mongo.documents import Codec, Computed, Documents
from plexuskit.mongo.failures import DuplicateKey
from plexuskit.mongo.projecting import unless_newer
from plexuskit.mongo.shapes import (
    ASCENDING,
    DESCENDING,
    IGNORE_CASE,
    BulkOutcome,
    Document,
    Index,
    InsertOutcome,
    Write,
    stored_size,
)
from plexuskit.mongo.transactions import Retry, Transaction

Binary = bytes

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "IGNORE_CASE",
    "Binary",
    "BulkOutcome",
    "ChangeBatch",
    "Changes",
    "Codec",
    "Collection",
    "Computed",
    "Database",
    "DeleteMany",
    "DeleteOne",
    "Document",
    "Documents",
    "DuplicateKey",
    "HistoryLost",
    "Index",
    "InsertOne",
    "InsertOutcome",
    "ReplaceOne",
    "Retry",
    "SignInRefused",
    "Transaction",
    "UpdateMany",
    "UpdateOne",
    "Write",
    "WrongServerParameter",
    "connect",
    "stored_size",
    "unless_newer",
]
