"""Write of a projection of another service's entities."""

from pymongo import UpdateOne

from plexuskit.mongo.shapes import Document


def unless_newer(document: Document) -> UpdateOne:
    """Return the write that stores a document by its `_id` unless a newer `version` is there.

    An equal version is written again: an entity has one state at a version, and the projection may
    now include more of it. So a snapshot brings old documents into their current shape, repeats
    change nothing, and overtaken facts are skipped (MSG-4).
    """
    newer = {"$gt": [{"$ifNull": ["$version", -1]}, document["version"]]}
    return UpdateOne(
        {"_id": document["_id"]},
        [{"$replaceWith": {"$cond": [newer, "$$ROOT", {"$literal": document}]}}],
        upsert=True,
    )
