"""Shapes of queries: a service's commands to MongoDB, without the values.

Loaded as a plugin (`-p plexus_testkit.shapes`). While tests of services run, every command that
the code of service X sends is brought into its shape and looked up in the committed catalogue
`tests/queries/shapes/X.json`; `tests/queries/test_explain.py` explains each of the catalogue. A
test that sends an unknown shape fails. With `PLEXUS_RECORD_SHAPES=1` it is added to the catalogue
instead, with examples of the documents that it found.

Commands that the tests send themselves are left out: the caller is found on the stack. So are those
of a test marked `free_queries`, whose queries a generator makes: they are different in each run.
"""

# ruff: noqa: PLC0415 - tests of a pure domain import no driver

import asyncio
import fcntl
import json
import os
import re
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from pymongo import monitoring

RECORD: Final = "PLEXUS_RECORD_SHAPES"
CATALOGUE: Final = Path("tests/queries/shapes")
# Fields whose values belong to the question: partial indexes and plans depend on them.
LITERAL_FIELDS: Final = frozenset(
    {"kind", "origin", "priority", "provider", "source.kind", "state", "status", "type"}
)
_SERVICE: Final = re.compile(r"/services/([a-z]+)/src/")
_OF_TESTS: Final = ("/tests/", "/plexus_testkit/", "/plexus_local/servers/")
_STAGES_OF_VALUES: Final = frozenset({"$match"})
_FIELDS_OF: Final = {
    "find": ("filter", "sort", "hint", "limit", "skip", "projection", "collation"),
    "aggregate": ("pipeline", "hint"),
    "count": ("query", "hint", "limit"),
    "distinct": ("key", "query"),
    "findAndModify": ("query", "sort", "hint"),
}
_EXAMPLES: Final = 6
_OPERANDS: Final = "operands"


class Recorder:
    """Collects the shapes of one test's commands, by the service whose code sends them."""

    def __init__(self) -> None:
        """Record nothing until a test of a service runs."""
        self.service = ""
        self.seen: dict[str, dict[str, dict[str, Any]]] = {}
        self.databases: dict[str, set[str]] = {}
        self.url = ""

    def begin(self, service: str) -> None:
        """Record the commands of tests of this service; of none with an empty name."""
        self.service, self.seen, self.databases = service, {}, {}

    def started(self, event: "monitoring.CommandStartedEvent") -> None:
        """Record the shapes of a command, if code of a service sent it."""
        sender = _sender(self.service) if self.service else ""
        if not sender:
            return
        for shape in shapes_of(event.command_name, event.command):
            text = json.dumps(shape, sort_keys=True)
            # Of nothing nothing is read, and whether a list is empty may depend on timing.
            if '"$in": []' not in text:
                self.databases.setdefault(sender, set()).add(event.database_name)
                self.seen.setdefault(sender, {})[text] = shape


def shapes_of(name: str, command: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the shapes of a command: one, or one for each different filter of many writes."""
    if name in {"update", "delete"}:
        for each in command[f"{name}s"]:
            shape: dict[str, Any] = {"filter": plain(each["q"])}
            if "hint" in each:
                shape["hint"] = ordered(each["hint"])
            if each.get("multi") or each.get("limit") == 0:
                shape["many"] = True
            yield {"command": name, "collection": command[name], **shape}
    elif name in _FIELDS_OF:
        given = {field: command.get(field) for field in _FIELDS_OF[name]}
        asked = {
            field: _part(field, value)
            for field, value in given.items()
            if value not in (None, {}, [], 0)
        }
        yield {"command": name, "collection": command[name], **asked}


def _part(field: str, value: Any) -> Any:
    """Return the shape of one field of a command."""
    if field == "limit":
        return True
    if field in {"sort", "hint"}:
        return ordered(value)
    if field == "pipeline":
        return [_stage(stage) for stage in value]
    return plain(value, keep=field not in {"filter", "query"})


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    ((name, value),) = stage.items()
    if name == "$lookup":
        inner = [_stage(each) for each in value.get("pipeline", [])]
        return {name: {**plain(value, keep=True), **({"pipeline": inner} if inner else {})}}
    if name == "$limit":
        return {name: "<limit>"}
    if name == "$sort":
        return {name: ordered(value)}
    keep = name not in _STAGES_OF_VALUES or "$expr" in value
    return {name: plain(value, keep=keep)}


def ordered(value: Any) -> Any:
    """Return a sort or a hint as pairs: JSON objects do not keep their order here."""
    return [list(pair) for pair in value.items()] if isinstance(value, Mapping) else value


def plain(value: Any, *, keep: bool = False, field: str = "") -> Any:
    """Replace the values: `<str>`, `<int>` and so on.

    Args:
        value: part of a command.
        keep: strings stay: names of fields and stages rather than values.
        field: name of its field.
    """
    if isinstance(value, Mapping):
        return {
            key: plain(each, keep=keep, field=field if key.startswith("$") and not keep else key)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return _plain_list(value, keep=keep, field=field)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if keep or field in LITERAL_FIELDS else "<str>"
    if isinstance(value, int):
        # In an expression's list it is a value, elsewhere (`{"field": 1}`) part of the syntax.
        literal = (value == 0 and field == "root_seq") or (keep and field != _OPERANDS)
        return value if literal else "<int>"
    return f"<{type(value).__name__}>"


def _plain_list(value: Sequence[Any], *, keep: bool, field: str) -> list[Any]:
    """Merge clauses and values of one shape: their number is not part of the query's shape."""
    each = [plain(one, keep=keep, field=_OPERANDS if keep else field) for one in value]
    if keep and field != "$or":
        return each
    different = {json.dumps(one, sort_keys=True): one for one in each}
    return [different[key] for key in sorted(different)]


def _sender(tested: str) -> str:
    """Find the sender of a command: a service's code, or a library's for the service under test.

    Empty if the nearest caller outside of the driver's edge is a test. At the start of a task, its
    creator is the caller.
    """
    # Past this function, and past who asks in this file.
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the callers
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    sender = ""
    while frame is not None:
        file = frame.f_code.co_filename
        frame = frame.f_back
        if "/site-packages/" in file or "/plexuskit/mongo/" in file:
            continue
        if not sender and any(part in file for part in _OF_TESTS):
            return ""
        if found := _SERVICE.search(file):
            return found[1]
        if "/src/" in file:
            sender = tested
    return sender or _starter.get()


def _noting_start(operation: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Start an operation of the driver in a task that knows the code it runs for."""
    sender = _sender(_recorder.service) if _recorder.service else ""
    noted = _starter.set(sender)
    try:
        return asyncio.create_task(operation)
    finally:
        _starter.reset(noted)


_starter: Final[ContextVar[str]] = ContextVar("starter", default="")
_recorder: Final = Recorder()
_new: Final[dict[str, dict[str, dict[str, Any]]]] = {}
_examples: Final[dict[str, dict[str, list[Any]]]] = {}


@pytest.fixture(scope="session")
def shape_recorder() -> Recorder:
    """The recorder, registered with the driver: it records clients that are made after it."""
    from plexuskit.mongo import driving
    from pymongo import monitoring

    class Listener(monitoring.CommandListener):
        """Passes on the driver's next command."""

        def started(self, event: monitoring.CommandStartedEvent) -> None:
            _recorder.started(event)

        def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
            """Ignore how it ended."""

        def failed(self, event: monitoring.CommandFailedEvent) -> None:
            """Ignore how it ended."""

    monitoring.register(Listener())
    driving.start = _noting_start
    return _recorder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Check the commands of a service's test against the catalogue."""
    _recorder.begin(_service_of(item))
    try:
        result = yield
    finally:
        _recorder.service = ""
    for service in sorted(_recorder.seen):
        _judge(item, service)
    return result


def _service_of(item: pytest.Item) -> str:
    """Return the service whose queries a test sends, "" when its shapes are not recorded."""
    parts = item.path.relative_to(item.config.rootpath).parts
    recorded = parts[0] == "services" and item.get_closest_marker("free_queries") is None
    return parts[1] if recorded else ""


def _judge(item: pytest.Item, service: str) -> None:
    recorded = (item.config.rootpath / CATALOGUE / f"{service}.json").exists()
    if not recorded and not os.environ.get(RECORD):
        return  # a service with a catalogue is listed in tests/queries/test_explain.py
    known = _known(item.config.rootpath, service)
    seen = _recorder.seen[service]
    unknown = {key: shape for key, shape in seen.items() if key not in known}
    if os.environ.get(RECORD):
        _new.setdefault(service, {}).update(unknown)
        _take_examples(service)
    elif unknown:
        shown = "\n".join(sorted(unknown))
        pytest.fail(
            f"{service} asks MongoDB something that no explain test covers yet:\n{shown}\n"
            f"Add it to {CATALOGUE}/{service}.json: run this test with {RECORD}=1, "
            "then tests/queries/test_explain.py.",
            pytrace=False,
        )


_catalogues: Final[dict[str, frozenset[str]]] = {}


def _known(root: Path, service: str) -> frozenset[str]:
    if service not in _catalogues:
        shapes = read(root / CATALOGUE / f"{service}.json")["shapes"]
        _catalogues[service] = frozenset(json.dumps(each, sort_keys=True) for each in shapes)
    return _catalogues[service]


def read(file: Path) -> dict[str, Any]:
    """Read a catalogue: its shapes, and examples of documents by collection."""
    text = file.read_text() if file.exists() else ""
    found: dict[str, Any] = json.loads(text) if text else {"shapes": [], "examples": {}}
    return found


def _take_examples(service: str) -> None:
    """Keep documents that the test has left, one for each set of fields."""
    import pymongo

    kept = _examples.setdefault(service, {})
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(_recorder.url)
    with client:
        for name in _recorder.databases[service]:
            for collection in client[name].list_collection_names(filter={"type": "collection"}):
                examples = kept.setdefault(collection, [])
                if len(examples) >= _EXAMPLES or collection.startswith("system."):
                    continue
                for document in client[name][collection].find(limit=20):
                    each = plain(document)
                    if len(examples) < _EXAMPLES and _kind(each) not in map(_kind, examples):
                        examples.append(each)


def _kind(document: Mapping[str, Any]) -> str:
    """Return the distinguishing parts of an example: its fields, and the values that are kept."""
    literal = {key: value for key, value in document.items() if key in LITERAL_FIELDS}
    flags = {key: value for key, value in document.items() if isinstance(value, bool)}
    return json.dumps([sorted(document), literal, flags], sort_keys=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the recorded shapes into the catalogues, beside those of other processes."""
    folder = session.config.rootpath / CATALOGUE
    for service, shapes in _new.items():
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{service}.json"
        with file.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            previous = read(file)
            every = {json.dumps(each, sort_keys=True): each for each in previous["shapes"]} | shapes
            examples = _merged(previous["examples"], _examples.get(service, {}))
            after = {"shapes": [every[key] for key in sorted(every)], "examples": examples}
            file.write_text(_written(after))


def _merged(
    previous: Mapping[str, list[Any]], new: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    merged = {name: list(examples) for name, examples in previous.items()}
    for name, examples in new.items():
        kept = merged.setdefault(name, [])
        for each in examples:
            if len(kept) < _EXAMPLES and _kind(each) not in map(_kind, kept):
                kept.append(each)
    return {name: examples for name, examples in sorted(merged.items()) if examples}


def _written(catalogue: Mapping[str, Any]) -> str:
    """Write a catalogue with a line for each shape and each example."""

    def line(value: Any) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    shapes = ",\n".join(f"  {line(each)}" for each in catalogue["shapes"])
    examples = ",\n".join(
        f"  {line(name)}: [\n" + ",\n".join(f"   {line(each)}" for each in found) + "\n  ]"
        for name, found in catalogue["examples"].items()
    )
    return f'{{\n "shapes": [\n{shapes}\n ],\n "examples": {{\n{examples}\n }}\n}}\n'
