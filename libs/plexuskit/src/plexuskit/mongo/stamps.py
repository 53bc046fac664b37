"""Setting of `schema_version` on every write that can create a document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateMany, UpdateOne

Change = Mapping[str, Any] | Sequence[Mapping[str, Any]]

FIELD = "schema_version"


def on_insert(change: Change, version: int) -> Change:
    """Return the change of an upsert so that a document it inserts carries the version.

    A change that sets the version itself stays as it is.
    """
    if not isinstance(change, Mapping):
        return [*change, {"$set": {FIELD: {"$ifNull": [f"${FIELD}", version]}}}]
    if any(FIELD in fields for fields in change.values() if isinstance(fields, Mapping)):
        return change
    return {**change, "$setOnInsert": {**change.get("$setOnInsert", {}), FIELD: version}}


def on_operations(operations: Iterable[object], version: int) -> None:
    """Stamp the inserts, replacements and upserts among the operations of a bulk, in place."""
    for operation in operations:
        if isinstance(operation, InsertOne | ReplaceOne):
            # PyMongo's operations have no public accessor for the documents they will write.
            operation._doc[FIELD] = version  # type: ignore[index]  # noqa: SLF001 - see above
        elif isinstance(operation, UpdateOne | UpdateMany) and operation._upsert:  # noqa: SLF001 - see above
            operation._doc = on_insert(operation._doc, version)  # noqa: SLF001 - see above
