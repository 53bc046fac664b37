"""Plausible documents in bulk, and values from them for the shape of a query.

An example of the catalogue holds the fields of a document with their types. Fields that refer to a
shared object (a person, a conversation) take few different values, all others are unique.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

BASE = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = 50
FEW = 3
# Operators whose operand is not a value of the field, with a usable operand; None: keep it.
FIXED = {"$regex": "^a", "$options": "i", "$type": "string", "$size": 1, "$exists": None}
# Number of different values of a field; the values of an unlisted field are unique.
SPREADS = {
    "tenant_id": 1,
    "conversation_id": 400,
    "project_id": 400,
    "department_id": 100,
    "department_ids": 100,
    "group_id": 100,
    "role_id": 100,
    "role": 10,
    "topic": 3,
    "zone": 3,
    "time_zone": 3,
    "path": 100,
}
PEOPLE = 500
# Conversations that share the entries: 5,000 each.
ROOMS = 4


def pick(field: str, number: int, count: int) -> int:
    """Choose one of `count` values, independently for each field and reproducibly."""
    return zlib.crc32(f"{field}:{number}".encode()) % count


def documents(
    service: str, collection: str, examples: Sequence[Mapping[str, Any]], *, count: int
) -> Iterator[dict[str, Any]]:
    """Yield `count` documents like the examples."""
    adjust = ADJUSTED.get((service, collection), lambda _document, _number: None)
    for number in range(count):
        example = examples[pick("example", number, len(examples))]
        document = {name: vary(value, name, number) for name, value in example.items()}
        if isinstance(document["_id"], dict):
            document["_id"] = dict.fromkeys(document["_id"], f"{number:06}")
        else:
            document["_id"] = f"id_{number:06}"
        adjust(document, number)
        yield document


def vary(value: Any, field: str, number: int) -> Any:
    """Return a value of the placeholder's type, or the input if it is not a placeholder."""
    if isinstance(value, Mapping):
        return {name: vary(each, name, number) for name, each in value.items()}
    if isinstance(value, list):
        return [vary(each, field, number) for each in value]
    if not isinstance(value, str) or not value.startswith("<"):
        return value
    made: Mapping[str, Callable[[], Any]] = {
        "<str>": lambda: word(field, number),
        "<int>": lambda: number,
        "<float>": lambda: float(number),
        "<datetime>": lambda: BASE + timedelta(minutes=number),
        "<bytes>": f"{number:032}".encode,
    }
    return made[value]()


def word(field: str, number: int) -> str:
    """Return a string value of a field."""
    if field in SPREADS:
        return f"{field.removesuffix('s')}_{pick(field, number, SPREADS[field]):05}"
    if field.endswith(("person_id", "sender_id", "actor_id", "owner_id", "assignee_ids")):
        return f"person_{pick(field, number, PEOPLE):05}"
    return f"{field}_{number:06}"


def _entry(document: dict[str, Any], number: int) -> None:
    room, place = f"room_{number % ROOMS:05}", number // ROOMS
    document |= {"_id": f"{room}:{place:012}", "conversation_id": room}
    document |= {"change_no": place, "last_seq": place}
    document["stored_at"] = BASE + timedelta(seconds=number)
    if "seq" in document:
        document["seq"] = place
    if "root_seq" in document:
        document["root_seq"] = 1 + pick("root", number, 500)
    if "about_seq" in document:
        document["about_seq"] = 1 + pick("about", number, 1_000)
    if "mentioned" in document:
        document["mentioned"] = [f"person_{pick('mentioned', number, PEOPLE):05}"]


def _head(document: dict[str, Any], number: int) -> None:
    document["_id"] = f"room_{number:05}"


def _in_room(document: dict[str, Any], number: int) -> None:
    """Make each of 50 people a member of each of 400 conversations."""
    room, person = f"room_{number % 400:05}", f"person_{number // 400:05}"
    document |= {"conversation_id": room, "person_id": person, "_id": f"{room}:{person}"}


def _cursor(document: dict[str, Any], number: int) -> None:
    """Assign most of the cursors to threads, as for people who read much."""
    _in_room(document, number // 4 * 4)
    document["root_seq"] = number % 4 * 7
    document["_id"] = f"{document['_id']}:{document['root_seq']}"


ADJUSTED: Mapping[tuple[str, str], Callable[[dict[str, Any], int], None]] = {
    ("messaging", "entries"): _entry,
    ("messaging", "heads"): _head,
    ("messaging", "members"): _in_room,
    ("messaging", "cursors"): _cursor,
    ("notify", "conversation_members"): _in_room,
}


# Examples of collections that the suites leave empty.
EXAMPLES: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "notify": {
        "reminders": [
            {
                "_id": "<str>",
                "task_id": "<str>",
                "person_id": "<str>",
                "tenant_id": "<str>",
                "due_mark": "<str>",
                "at": "<datetime>",
                "schema_version": "<int>",
            }
        ]
    }
}


class Filling:
    """Values for the placeholders of one shape, taken from stored documents."""

    def __init__(self, found: Sequence[Mapping[str, Any]]) -> None:
        """Store the documents to choose from."""
        self._documents = found
        self._chosen: Sequence[Mapping[str, Any]] = found[:FEW]

    def filter(self, shape: Mapping[str, Any]) -> dict[str, Any]:
        """Fill a filter so that it matches documents where its fields allow that."""
        fitting = [each for each in self._documents if _fits(each, shape)]
        middle = len(fitting) // 2
        self._chosen = fitting[middle : middle + FEW] or self._documents[:FEW]
        return self._clauses(shape, which=0)

    def _clauses(self, shape: Mapping[str, Any], *, which: int) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name, value in shape.items():
            if name in {"$or", "$and", "$nor"}:
                filled[name] = [self._clauses(each, which=which) for each in value]
                if name == "$or" and len(value) == 1:
                    filled[name] = [
                        self._clauses(value[0], which=number) for number in range(len(self._chosen))
                    ]
            elif name == "$expr":
                filled[name] = value
            else:
                filled[name] = self._condition(name, value, which=which)
        return filled

    def _condition(self, path: str, value: Any, *, which: int) -> Any:
        if not isinstance(value, Mapping) or not any(key.startswith("$") for key in value):
            return self._value(path, value, which=which)
        filled: dict[str, Any] = {}
        for operator, operand in value.items():
            if operator in {"$in", "$nin", "$all"}:
                filled[operator] = [
                    self._value(path, each, which=number)
                    for each in operand
                    for number in range(len(self._chosen))
                ]
            elif operator in FIXED:
                filled[operator] = FIXED[operator] or operand
            elif operator in {"$elemMatch", "$not"}:
                filled[operator] = self._condition(path, operand, which=which)
            elif operator in {"$lt", "$lte"} and {"$gt", "$gte"} & value.keys():
                filled[operator] = _beyond(self._value(path, operand, which=which))
            else:
                filled[operator] = self._value(path, operand, which=which)
        return filled

    def _value(self, path: str, value: Any, *, which: int) -> Any:
        if isinstance(value, Mapping):
            return {
                name: self._value(f"{path}.{name}", each, which=which)
                for name, each in value.items()
            }
        if isinstance(value, list):
            return [self._value(path, each, which=which) for each in value]
        if not isinstance(value, str) or not value.startswith("<"):
            return value
        found = _at(self._chosen[which % len(self._chosen)], path)
        return vary(value, path.rpartition(".")[2], 7) if found is None else found


def _fits(document: Mapping[str, Any], shape: Mapping[str, Any]) -> bool:
    """Return whether a document has the fields and the flags of a filter."""
    for name, value in shape.items():
        if name == "$and":
            if not all(_fits(document, each) for each in value):
                return False
        elif name == "$or":
            if not _fits(document, value[0]):
                return False
        elif not name.startswith("$") and not _has(document, name, value):
            return False
    return True


def _has(document: Mapping[str, Any], path: str, value: Any) -> bool:
    found = _at(document, path)
    if isinstance(value, bool | int) or (isinstance(value, str) and not value.startswith("<")):
        return found == value
    if isinstance(value, Mapping) and "$exists" in value:
        return (found is not None) is value["$exists"]
    if value is None:
        return found is None
    return found is not None


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(document, list):
            document = document[0] if document else None
        document = document.get(name) if isinstance(document, Mapping) else None
    if isinstance(document, list):
        return document[0] if document else None
    return document


def _beyond(value: Any) -> Any:
    """Return the end of a range that begins at a value."""
    if isinstance(value, str):
        prefix, colon, _ = value.partition(":")
        return f"{prefix}{colon}~"
    if isinstance(value, datetime):
        return value + timedelta(hours=1)
    return value + LIMIT
