"""Progress of publishing: the last number of each scope, and the marks on single facts."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime

from plexuskit.mongo import Database, DuplicateKey, UpdateOne
from plexuskit.relay.source import FactSource

COLLECTION = "relay_progress"
SCHEMA_VERSION = 1

SCOPES_IN_MEMORY = 50_000
MARKS_IN_MEMORY = 20_000


def progress_key(source: FactSource, scope: str) -> str:
    """Return the `_id` of a scope's progress."""
    return f"{source.collection}:{scope}"


class Numbers:
    """Last published number per scope, for recently active scopes.

    `relay_progress` holds all of them. A number never decreases there, whichever process writes it
    and when.
    """

    def __init__(self, db: Database, *, capacity: int = SCOPES_IN_MEMORY) -> None:
        self._stored = db.collection(COLLECTION, schema_version=SCHEMA_VERSION)
        self._capacity = capacity
        self._last: OrderedDict[str, int] = OrderedDict()
        self._dirty: dict[str, int] = {}

    async def load(self, keys: Iterable[str]) -> None:
        """Load the numbers of these scopes into memory; a new scope has 0."""
        unknown = set()
        for key in keys:
            if key in self._last:
                self._last.move_to_end(key)
            else:
                unknown.add(key)
        if not unknown:
            return
        stored = await self._stored.find_all({"_id": {"$in": list(unknown)}})
        self._last.update(dict.fromkeys(unknown, 0))
        self._last.update((document["_id"], document["number"]) for document in stored)

    def last(self, key: str) -> int:
        """Return the last published number of a loaded scope."""
        return self._last[key]

    def advance(self, key: str, number: int) -> None:
        """Record that all up to the number is published, once Kafka has acknowledged it."""
        self._last[key] = number
        self._last.move_to_end(key)
        self._dirty[key] = number

    async def flush(self) -> None:
        """Store changed numbers, then drop the scopes that were quiet for longest."""
        if self._dirty:
            writes = [
                UpdateOne({"_id": key}, {"$max": {"number": number}}, upsert=True)
                for key, number in self._dirty.items()
            ]
            try:
                await self._stored.bulk(writes)
            except DuplicateKey:
                # Another relay stored the same new scope in this moment; now it exists.
                await self._stored.bulk(writes)
            self._dirty.clear()

        while len(self._last) > self._capacity:
            self._last.popitem(last=False)


class Marks:
    """The facts of one source that are published, and those whose mark is not stored yet."""

    def __init__(
        self, db: Database, source: FactSource, *, capacity: int = MARKS_IN_MEMORY
    ) -> None:
        # Only updates here, so the version on the documents stays their owner's.
        self._facts = db.collection(source.collection, schema_version=1)
        self._capacity = capacity
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._unmarked: list[str] = []

    def __contains__(self, fact_id: str) -> bool:
        return fact_id in self._seen

    def add(self, fact_id: str) -> None:
        """Record that a fact is published, once Kafka has acknowledged it."""
        self._seen[fact_id] = None
        self._unmarked.append(fact_id)

    async def flush(self, *, now: datetime) -> None:
        """Store the marks, then forget the oldest facts."""
        if self._unmarked:
            await self._facts.update_many(
                {"_id": {"$in": self._unmarked}}, {"$set": {"published_at": now}}
            )
            self._unmarked.clear()

        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)
