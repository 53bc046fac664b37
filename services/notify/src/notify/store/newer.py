"""The write that every projection is made of: a state replaces an older one, never a newer."""

from typing import Any

from plexuskit.mongo import UpdateOne


def if_newer(document: dict[str, Any]) -> UpdateOne:
    """Return the write that stores a document by its `_id` unless a version as new is there.

    Repeats and overtaken facts change nothing (MSG-4).
    """
    older = {"$lt": [{"$ifNull": ["$version", -1]}, document["version"]]}
    return UpdateOne(
        {"_id": document["_id"]},
        [{"$replaceWith": {"$cond": [older, {"$literal": document}, "$$ROOT"]}}],
        upsert=True,
    )
