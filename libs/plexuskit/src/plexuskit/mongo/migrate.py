"""Migration of stored documents from one `schema_version` to the next, in a running service.

The version on each document is the progress: an interrupted run resumes, a run with nothing left to
do changes nothing. Due documents are read outside of transactions, in bounded steps by `_id`. Each
batch is a transaction, so a concurrent change by the service is never overwritten; the batch runs
again on fresh documents.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from pymongo import ReplaceOne

from plexuskit.mongo.collection import Collection
from plexuskit.mongo.database import Database
from plexuskit.mongo.shapes import Document
from plexuskit.mongo.stamps import FIELD
from plexuskit.mongo.transactions import Transaction

BATCH = 200
# Documents that one query of the walk reads, in any version.
SCANNED = 2_000
# Documents from before versions were stamped.
UNVERSIONED = 0

_FAILURES_KEPT = 100
_MAX_COUNT = timedelta(minutes=10)

log = structlog.get_logger()


@dataclass(frozen=True)
class Migration:
    """One step of a collection.

    Attributes:
        collection: name of the collection.
        from_version: version that the step reads; 0 for documents without a version.
        to_version: version that it writes; greater.
        change: function from a document of the old shape to one of the new. Pure: it may run
            several times for the same document. `_id` stays; the version is set by the step.
    """

    collection: str
    from_version: int
    to_version: int
    change: Callable[[Document], Document]


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that a change could not take; it stays as it is."""

    document_id: Any
    problem: str


@dataclass(frozen=True)
class Outcome:
    """Result of one migration.

    Attributes:
        collection: name of the collection.
        from_version: the version it reads.
        to_version: the version it writes.
        migrated: documents that were changed, or would be in a dry run. Documents that an earlier
            step of the same dry run would migrate are not counted: they are not stored in that
            version yet.
        failed: documents whose change raised an error.
        failures: the first hundred of those.
        stranded: documents per version for which this run has no migration, and that are not of the
            newest version the run knows for this collection.
        dry_run: true if nothing was written.
    """

    collection: str
    from_version: int
    to_version: int
    migrated: int
    failed: int
    failures: Sequence[Failure]
    stranded: Mapping[int, int]
    dry_run: bool


class InvalidMigrations(Exception):  # noqa: N818 - names the fact, like a refusal
    """The migrations do not make a path: a version goes back, or two steps leave the same one."""


@dataclass
class _Tally:
    migrated: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, migrated: int, failures: Sequence[Failure]) -> None:
        self.migrated += migrated
        self.failed += len(failures)
        room = _FAILURES_KEPT - len(self.failures)
        self.failures.extend(failures[:room])


async def migrate(
    db: Database,
    migrations: Sequence[Migration],
    dry_run: bool = False,  # noqa: FBT001, FBT002 - named by all who call it
) -> list[Outcome]:
    """Carry out the migrations, collection by collection, from the lowest version up.

    Args:
        db: the service's database; the service may be running.
        migrations: steps in any order.
        dry_run: apply every change in memory only, to find failures.

    Returns:
        One outcome per migration, in the order in which they ran.

    Raises:
        InvalidMigrations: they do not make a path; nothing was changed.
        DependencyDown: MongoDB cannot be reached; run it again to resume.
    """
    ordered = _ordered(migrations)
    tallies = []
    for step in ordered:
        tally = await _run(db, step, dry_run=dry_run)
        log.info(
            "migration.done",
            collection=step.collection,
            from_version=step.from_version,
            to_version=step.to_version,
            migrated=tally.migrated,
            failed=tally.failed,
            dry_run=dry_run,
        )
        tallies.append(tally)

    stranded = {name: await _stranded(db, ordered, name) for name in _collections(ordered)}
    return [
        Outcome(
            collection=step.collection,
            from_version=step.from_version,
            to_version=step.to_version,
            migrated=tally.migrated,
            failed=tally.failed,
            failures=tuple(tally.failures),
            stranded=stranded[step.collection],
            dry_run=dry_run,
        )
        for step, tally in zip(ordered, tallies, strict=True)
    ]


async def schema_versions(db: Database) -> dict[str, dict[int, int]]:
    """Count the documents of every collection by version; 0 stands for those without one.

    Raises:
        DependencyDown: MongoDB cannot be reached.
    """
    names = [name for name in await db.collection_names() if not name.startswith("system.")]
    return {name: await _versions(db, name) for name in names}


async def _versions(db: Database, name: str) -> dict[int, int]:
    pipeline: list[Mapping[str, Any]] = [
        {"$group": {"_id": {"$ifNull": [f"${FIELD}", UNVERSIONED]}, "count": {"$sum": 1}}},
        {"$sort": {"_id": 1}},
    ]
    # Only counted here, so the version that the collection stamps does not matter.
    collection = db.collection(name, schema_version=UNVERSIONED)
    groups = collection.aggregate_all(pipeline, within=_MAX_COUNT)
    return {group["_id"]: group["count"] async for group in groups}


async def _stranded(db: Database, steps: Sequence[Migration], name: str) -> dict[int, int]:
    mine = [step for step in steps if step.collection == name]
    known = {step.from_version for step in mine} | {max(step.to_version for step in mine)}
    return {v: n for v, n in (await _versions(db, name)).items() if v not in known}


async def _run(db: Database, step: Migration, *, dry_run: bool) -> _Tally:
    """Walk the collection by `_id`, so that each query reads a bounded number of documents.

    A query for the version alone has no index: behind millions of documents that are done it would
    read all of them again, inside a transaction that the server ends after three seconds.
    """
    collection = db.collection(step.collection, schema_version=step.to_version)
    tally = _Tally()
    last: Any = None
    while True:
        passed: Document = {} if last is None else {"_id": {"$gt": last}}
        rows = await collection.find_all(
            passed, projection={FIELD: 1}, sort=[("_id", 1)], limit=SCANNED
        )
        if not rows:
            return tally
        last = rows[-1]["_id"]
        due = [row["_id"] for row in rows if (row.get(FIELD) or UNVERSIONED) == step.from_version]
        for first in range(0, len(due), BATCH):
            await _change_batch(
                db, collection, step, due[first : first + BATCH], tally=tally, dry_run=dry_run
            )


async def _change_batch(
    db: Database,
    collection: Collection,
    step: Migration,
    ids: Sequence[Any],
    *,
    tally: _Tally,
    dry_run: bool,
) -> None:
    if dry_run:
        tally.add(*await _batch(collection, step, ids, tx=None))
        return

    async def work(tx: Transaction) -> tuple[int, list[Failure]]:
        return await _batch(collection, step, ids, tx=tx)

    tally.add(*await db.transact(work, within=timedelta(minutes=1)))


async def _batch(
    collection: Collection, step: Migration, ids: Sequence[Any], *, tx: Transaction | None
) -> tuple[int, list[Failure]]:
    """Change those of the documents that still have the old version; count them and failures."""
    version: Any = step.from_version
    if step.from_version == UNVERSIONED:
        version = {"$in": [UNVERSIONED, None]}
    documents = await collection.find_all(
        {"_id": {"$in": list(ids)}, FIELD: version}, sort=[("_id", 1)], tx=tx
    )
    failures: list[Failure] = []
    changed: list[Document] = []
    for document in documents:
        try:
            changed.append(_changed(step, document))
        except Exception as error:  # noqa: BLE001 - one odd document must not keep the others back
            failures.append(Failure(document["_id"], f"{type(error).__name__}: {error}"))
    if tx is not None:
        await collection.bulk([ReplaceOne({"_id": d["_id"]}, d) for d in changed], tx=tx)
    return len(changed), failures


def _changed(step: Migration, document: Document) -> Document:
    changed = step.change(deepcopy(document))
    if changed.get("_id") != document["_id"]:
        raise ValueError("the change altered _id")
    changed[FIELD] = step.to_version
    return changed


def _collections(steps: Sequence[Migration]) -> list[str]:
    return sorted({step.collection for step in steps})


def _ordered(migrations: Sequence[Migration]) -> list[Migration]:
    steps = sorted(migrations, key=lambda step: (step.collection, step.from_version))
    left: set[tuple[str, int]] = set()
    for step in steps:
        if step.to_version <= step.from_version:
            raise InvalidMigrations(
                f"{step.collection}: {step.from_version} to {step.to_version} goes back"
            )
        if (step.collection, step.from_version) in left:
            raise InvalidMigrations(
                f"{step.collection}: two migrations leave version {step.from_version}"
            )
        left.add((step.collection, step.from_version))
    return steps
