"""Write of a projection of another service's entities."""

from pymongo import UpdateOne

from plexuskit.mongo.shapes import Document


def unless_newer(document: Document) -> UpdateOne:
    """Return the write that stores a document by its `_id` unless a newer `version` is there.

    An equal version is written again: an entity has one state at a version, and what the projection
    takes of it may be more than it once was. So a snapshot brings old documents into their present
    shape, repeats change nothing, and overtaken facts are passed over (MSG-4).
    """
    newer = {"$gt": [{"$ifNull": ["$version", -1]}, document["version"]]}
    return UpdateOne(
        {"_id": document["_id"]},
        [{"$replaceWith": {"$cond": [newer, "$$ROOT", {"$literal": document}]}}],
        upsert=True,
    )
