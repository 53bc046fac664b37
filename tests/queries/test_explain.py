"""Every query of every service reads about as much as it returns, however much is stored.

1. While the tests of `services/X` run, each command that X's code sends to MongoDB is reduced to
   its shape: values are removed; names of fields, operators, sort and hint stay
   (`plexus_testkit.shapes`, by the driver's command monitoring). Each test compares its shapes with
   the committed catalogue `shapes/X.json`; an unknown one fails *that* test with instructions to
   add it. So the catalogue is complete for every test that runs, in any order, in any process, for
   a single test as for all of them, and the diff of a change shows its queries.
2. This test fills each collection of the catalogue with 20,000 plausible documents, under the
   indexes that the service provisions, and explains each shape with values from them. The server
   may examine at most 3 times as many keys and documents as it returns, plus 50.
3. `exceptions.py` lists the shapes that may read more, each with its reason; an unused exception
   fails.

A filter for `_id` or for some `_id`s reads exactly the named documents and is not explained.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pymongo
import pytest
from audit.store import Store as AuditStore
from directory.app import Store as DirectoryStore
from messaging.app import Store as MessagingStore
from notify.store import Store as NotifyStore
from plexus_testkit.shapes import CATALOGUE, read
from plexuskit.mongo import Database
from pymongo.errors import BulkWriteError
from tasks.store import Store as TasksStore

from .exceptions import EXCEPTIONS
from .filling import EXAMPLES, LIMIT, Filling, documents, vary

DOCUMENTS = 20_000
FACTOR, ALLOWANCE = 3, 50
PROVISION = {
    "audit": lambda db: AuditStore(db).provision(),
    "directory": lambda db: DirectoryStore(db).provision(),
    "messaging": lambda db: MessagingStore(db).provision(),
    "notify": lambda db: NotifyStore(db).provision(),
    "tasks": lambda db: TasksStore(db, zone=ZoneInfo("Asia/Shanghai")).provision(),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", sorted(PROVISION))
async def test_no_query_reads_much_more_than_it_returns(
    service: str, db: Database, mongo_url: str, pytestconfig: pytest.Config
) -> None:
    catalogue = read(pytestconfig.rootpath / CATALOGUE / f"{service}.json")
    assert catalogue["shapes"], f"no query of {service} was ever recorded"
    await PROVISION[service](db)
    shapes = [shape for shape in catalogue["shapes"] if not names_ids(shape)]
    client = opened(mongo_url)
    faults, excused = [], set()
    with client:
        examples = {**catalogue["examples"], **EXAMPLES.get(service, {})}
        filled = fill(client[db.name], service, examples, wanted_by(shapes))
        for shape in shapes:
            if shape["collection"] not in filled:
                pytest.fail(f"give an example of {shape['collection']} in filling.EXAMPLES")
            read_, returned = explained(client[db.name], shape, filled[shape["collection"]])
            if read_ <= FACTOR * returned + ALLOWANCE:
                continue
            exception = excuse(service, shape)
            if exception is None:
                text = json.dumps(shape, sort_keys=True)
                faults.append(f"reads {read_} for {returned}: {text}")
            else:
                excused.add(exception)

    assert not faults, "\n".join(faults)
    unused = {number for number, each in enumerate(EXCEPTIONS) if each.service == service} - excused
    assert not unused, f"not needed any more: {[EXCEPTIONS[number] for number in unused]}"


def opened(url: str) -> pymongo.MongoClient[dict[str, Any]]:
    """Return a client that decodes plans, whose bounds hold instants outside Python's range."""
    return pymongo.MongoClient(url, tz_aware=True, datetime_conversion="DATETIME_AUTO")


def names_ids(shape: Mapping[str, Any]) -> bool:
    """Return whether a shape reads only documents that it names by `_id`."""
    wanted = condition_of(shape)
    if not wanted:
        return shape["command"] == "count"  # from the collection's metadata
    given = wanted.get("_id")
    named = isinstance(given, str) or (isinstance(given, Mapping) and set(given) == {"$in"})
    return named and "$lookup" not in json.dumps(shape) and shape.get("hint", "_id_") == "_id_"


def condition_of(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the filter of a command."""
    if shape["command"] == "aggregate":
        first = shape["pipeline"][0] if shape["pipeline"] else {}
        found: Mapping[str, Any] = first.get("$match", {})
        return found
    return shape.get("filter") or shape.get("query") or {}


def wanted_by(shapes: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the collections that the shapes read."""
    joined = {
        stage["$lookup"]["from"]
        for shape in shapes
        for stage in shape.get("pipeline", [])
        if "$lookup" in stage
    }
    return joined | {shape["collection"] for shape in shapes}


def fill(
    database: Any, service: str, examples: Mapping[str, Any], wanted: set[str]
) -> dict[str, list[dict[str, Any]]]:
    """Store 20,000 documents in each collection; return every fortieth of them."""
    filled = {}
    for collection in sorted(wanted & examples.keys()):
        made = list(documents(service, collection, examples[collection], count=DOCUMENTS))
        write = database.get_collection(collection, write_concern=pymongo.WriteConcern(w=1))
        for part in parts(made):
            try:
                write.insert_many(part, ordered=False)
            except BulkWriteError as error:
                found = error.details["writeErrors"][0]
                pytest.fail(f"{service}.{collection}: {found['errmsg']}; see filling.ADJUSTED")
        filled[collection] = made[::40]
    return filled


def parts(made: Sequence[Any], size: int = 2_000) -> Iterator[Sequence[Any]]:
    """Split a list into parts of `size` elements."""
    for first in range(0, len(made), size):
        yield made[first : first + size]


def explained(
    database: Any, shape: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> tuple[int, int]:
    """Explain a shape; return the larger of keys and documents examined, and documents returned."""
    command = command_of(shape, Filling(found))
    plan = database.command(
        {"explain": command, "verbosity": "executionStats"}, codec_options=database.codec_options
    )
    return examined(plan), returned(plan)


def command_of(shape: Mapping[str, Any], filling: Filling) -> dict[str, Any]:
    """Return a command that the server can explain."""
    name, collection = shape["command"], shape["collection"]
    command: dict[str, Any] = {}
    if "hint" in shape:
        command["hint"] = unordered(shape["hint"])
    if name in {"update", "delete"}:
        command["q"] = filling.filter(shape["filter"])
        if name == "update":
            command |= {"u": {"$set": {"touched": 1}}, "multi": bool(shape.get("many"))}
        else:
            command["limit"] = 0 if shape.get("many") else 1
        return {name: collection, f"{name}s": [command]}
    if name == "aggregate":
        command["pipeline"] = [stage_of(stage, filling) for stage in shape["pipeline"]]
        command["cursor"] = {}
    if name == "findAndModify":
        command["update"] = {"$set": {"touched": 1}}
    fill_in = {
        "filter": filling.filter,
        "query": filling.filter,
        "sort": unordered,
        "projection": unordered,
        "key": unordered,
        "collation": unordered,
        "limit": lambda _: LIMIT,
    }
    command |= {field: fill_in[field](shape[field]) for field in fill_in if field in shape}
    return {name: collection, **command}


def unordered(value: Any) -> Any:
    """Return a sort or a hint in the form that the server accepts."""
    return dict(value) if isinstance(value, list) else value


def stage_of(stage: Mapping[str, Any], filling: Filling) -> dict[str, Any]:
    """Fill a stage of a pipeline."""
    ((name, value),) = stage.items()
    if name == "$match":
        return {name: filling.filter(value)}
    if name == "$limit":
        return {name: LIMIT}
    if name == "$sort":
        return {name: unordered(value)}
    if name == "$lookup" and "pipeline" in value:
        inner = [stage_of(each, filling) for each in value["pipeline"]]
        return {name: {**value, "pipeline": inner}}
    return {name: operands(value)}


def operands(value: Any) -> Any:
    """Fill each placeholder of an expression with any value: the result does not matter."""
    if isinstance(value, Mapping):
        return {key: operands(each) for key, each in value.items()}
    if isinstance(value, list):
        return [operands(each) for each in value]
    return vary(value, "operand", 1)


def examined(plan: Mapping[str, Any]) -> int:
    """Return the larger of keys and documents that a plan has read, joined collections included."""
    parts = [stats_of(plan), *(each for each in plan.get("stages", []) if "$lookup" in each)]
    return max(
        sum(int(part.get(name, 0)) for part in parts)
        for name in ("totalKeysExamined", "totalDocsExamined")
    )


def returned(plan: Mapping[str, Any]) -> int:
    """Return how many documents a plan has found, changed or would delete, without skipped ones.

    For a pipeline, count the output of its first stages and the joined documents.
    """
    stats = stats_of(plan)
    top = stats["executionStages"]
    written = max(top.get("nMatched", 0), top.get("nWouldDelete", 0))
    joined = sum(int(each["nReturned"]) for each in plan.get("stages", []) if "$lookup" in each)
    return max(int(stats["nReturned"]), written) + joined


def stats_of(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the statistics of a plan, or of the first stages of a pipeline."""
    found: Mapping[str, Any] = (
        plan["executionStats"]
        if "executionStats" in plan
        else plan["stages"][0]["$cursor"]["executionStats"]
    )
    return found


def excuse(service: str, shape: Mapping[str, Any]) -> int | None:
    """Return the index of the exception that covers a shape, or None."""
    text = json.dumps(shape, sort_keys=True)
    for number, each in enumerate(EXCEPTIONS):
        if (each.service, each.collection) != (service, shape["collection"]):
            continue
        if all(fragment in text for fragment in each.fragments):
            return number
    return None


async def test_a_query_that_its_index_does_not_serve_is_seen(db: Database, mongo_url: str) -> None:
    await MessagingStore(db).provision()
    examples = {"entries": [{"_id": "<str>", "seq": "<int>", "root_seq": "<int>"}]}
    thread = {
        "command": "find",
        "collection": "entries",
        "filter": {
            "conversation_id": "<str>",
            "$or": [{"root_seq": "<int>"}, {"root_seq": "<int>", "seq": {"$lt": "<int>"}}],
            "seq": {"$gte": "<int>"},
        },
        "sort": [["seq", 1]],
    }
    client = opened(mongo_url)
    with client:
        filled = fill(client[db.name], "messaging", examples, {"entries"})

        reads, gives = explained(client[db.name], thread | {"hint": "seq"}, filled["entries"])

    assert reads > FACTOR * gives + ALLOWANCE


def test_each_catalogue_belongs_to_a_service_that_is_explained(
    pytestconfig: pytest.Config,
) -> None:
    found = {Path(file).stem for file in (pytestconfig.rootpath / CATALOGUE).glob("*.json")}

    assert found == PROVISION.keys()
