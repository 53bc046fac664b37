"""Model of a sample company, and the parser and checks of its files."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from plexuskit.errors import Kind, Refusal
from pydantic import ConfigDict, TypeAdapter, ValidationError

MENTION = re.compile(r"(?<![A-Za-z0-9._%+-])@([a-z0-9]+(?:[._-][a-z0-9]+)*)")
CODE = re.compile(r"```.+?```|`[^`\n]+`", re.DOTALL)
ALL = "all"
WORKING_DAYS = 10
"""Days of the story: 1 is the oldest, 10 the last complete one."""

_PAIR = 2
_T = TypeVar("_T")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class SampleBroken(Refusal):
    """An invalid file of the sample company."""

    kind = Kind.INVALID
    text = "{file}: {problem}."

    def __init__(self, *, file: str, problem: str) -> None:
        """Refuse with the `file` inside the sample and its problem."""
        super().__init__(file=file, problem=problem)


@dataclass(frozen=True, kw_only=True)
class _Record:
    """Base of records, which refuse unknown fields."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=False)


@dataclass(frozen=True, kw_only=True)
class Office(_Record):
    """An office: its time zone and language."""

    time_zone: str
    locale: Literal["zh-CN", "en"]


@dataclass(frozen=True, kw_only=True)
class Department(_Record):
    """A node of the department tree; `parent` is empty for the root."""

    key: str
    name: str
    parent: str = ""

    @property
    def external_id(self) -> str:
        """Key of the import."""
        return f"sample:{self.key}"


@dataclass(frozen=True, kw_only=True)
class Person(_Record):
    """A person of the company; departments by key, main one first."""

    handle: str
    name: str
    departments: tuple[str, ...]
    title: str
    office: str
    service_account: bool = False
    time_zone: str = ""
    locale: str = ""

    @property
    def external_id(self) -> str:
        """Key of the import."""
        return f"sample:{self.handle}"

    @property
    def email(self) -> str:
        """An address that receives no mail."""
        return f"{self.handle}@example.com"

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the person's office."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class File(_Record):
    """An attached file, of which only the description exists."""

    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Message(_Record):
    """A message in Slack-like plain text with `@handle`, links, code and `{day:N}` dates.

    `at` is the earliest time of day in the sender's zone; `reply_to` the `id` of an earlier
    message.
    """

    by: str
    text: str
    at: str = ""
    id: str = ""
    reply_to: str = ""
    reactions: Mapping[str, tuple[str, ...]] | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Day(_Record):
    """Messages from `at` (time of day in the first sender's zone) on a working day."""

    working_day: int
    at: str
    messages: tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class Conversation(_Record):
    """A group or a direct conversation with all its messages."""

    key: str
    kind: Literal["group", "direct"]
    days: tuple[Day, ...]
    name: str = ""
    topic: str = ""
    owner: str = ""
    members: tuple[str, ...] = ()
    everyone: bool = False

    @property
    def external_id(self) -> str:
        """Key of the import."""
        return f"sample:{self.key}"

    @property
    def messages(self) -> Iterator[Message]:
        """Every message in order."""
        return (message for day in self.days for message in day.messages)


@dataclass(frozen=True, kw_only=True)
class Project(_Record):
    """A project, created by its owner."""

    key: str
    name: str
    goal: str
    owner: str
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Task(_Record):
    """A task, due in calendar days from the day of loading, in the owner's zone."""

    key: str
    project: str
    title: str
    owner: str
    assignees: tuple[str, ...]
    priority: Literal["low", "normal", "high", "urgent"]
    state: Literal["todo", "doing", "blocked", "done"]
    description: str = ""
    due_in_days: int | None = None
    due_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A whole company, checked: every name in it resolves."""

    company: str
    departments: tuple[Department, ...]
    people: tuple[Person, ...]
    conversations: tuple[Conversation, ...]
    projects: tuple[Project, ...]
    tasks: tuple[Task, ...]

    @property
    def by_handle(self) -> Mapping[str, Person]:
        """People by handle."""
        return {person.handle: person for person in self.people}


@dataclass(frozen=True, kw_only=True)
class _DepartmentsFile(_Record):
    company: str
    departments: tuple[Department, ...]


@dataclass(frozen=True, kw_only=True)
class _PeopleFile(_Record):
    offices: Mapping[str, Office]
    people: tuple[Person, ...]


@dataclass(frozen=True, kw_only=True)
class _TasksFile(_Record):
    projects: tuple[Project, ...]
    tasks: tuple[Task, ...]


def load_sample(folder: Path) -> Sample:
    """Read and check the company in `folder`. Refused: SAMPLE_BROKEN."""
    departments = _read(folder, "departments.yaml", TypeAdapter(_DepartmentsFile))
    people = _read(folder, "people.yaml", TypeAdapter(_PeopleFile))
    tasks = _read(folder, "tasks.yaml", TypeAdapter(_TasksFile))
    names = sorted(path.name for path in (folder / "conversations").glob("*.yaml"))
    conversations = {
        name: _read(folder, name, TypeAdapter(Conversation))
        for name in (f"conversations/{name}" for name in names)
    }

    staff = tuple(_placed(person, people.offices) for person in people.people)
    handles = {person.handle for person in staff}
    _check_departments(departments.departments)
    _check_people(staff, {department.key for department in departments.departments})
    everyone = tuple(person.handle for person in staff if not person.service_account)
    gathered = []
    for name, conversation in conversations.items():
        members = everyone if conversation.everyone else conversation.members
        complete = replace(conversation, members=members)
        _check_conversation(complete, file=name, handles=handles)
        gathered.append(complete)
    keys = [conversation.key for conversation in gathered]
    _unique("conversations", "key", keys)
    _check_tasks(tasks, handles)
    return Sample(
        company=departments.company,
        departments=departments.departments,
        people=staff,
        conversations=tuple(gathered),
        projects=tasks.projects,
        tasks=tasks.tasks,
    )


def mentioned(text: str) -> list[str]:
    """Return the handles (and `all`) mentioned in `text` outside code."""
    return MENTION.findall(CODE.sub(" ", text))


def _read(folder: Path, name: str, adapter: TypeAdapter[_T]) -> _T:
    try:
        content = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        return adapter.validate_python(content)
    except (OSError, yaml.YAMLError) as error:
        raise SampleBroken(file=name, problem=f"cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SampleBroken(file=name, problem=f"{place}: {first['msg']}") from error


def _placed(person: Person, offices: Mapping[str, Office]) -> Person:
    office = offices.get(person.office)
    if office is None:
        raise SampleBroken(file="people.yaml", problem=f"no office {person.office!r}")
    return replace(person, time_zone=office.time_zone, locale=office.locale)


def _check_departments(departments: Iterable[Department]) -> None:
    seen = {""}
    for department in departments:
        if department.parent not in seen or department.key in seen:
            problem = f"{department.key!r} stands twice or before its parent"
            raise SampleBroken(file="departments.yaml", problem=problem)
        seen.add(department.key)


def _check_people(people: Iterable[Person], departments: set[str]) -> None:
    people = tuple(people)
    _unique("people.yaml", "handle", [person.handle for person in people])
    for person in people:
        if not person.departments:
            raise SampleBroken(file="people.yaml", problem=f"{person.handle} has no department")
        _known("people.yaml", person.departments, departments)


def _check_conversation(conversation: Conversation, *, file: str, handles: set[str]) -> None:
    members = set(conversation.members)
    _known(file, members, handles)
    pair = len(members) == _PAIR and not conversation.name and not conversation.owner
    named = bool(conversation.name) and conversation.owner in members
    if not (pair if conversation.kind == "direct" else named):
        raise SampleBroken(
            file=file, problem="needs two members, or a name and an owner among them"
        )

    days = [day.working_day for day in conversation.days]
    if days != sorted(days) or not all(1 <= day <= WORKING_DAYS for day in days):
        raise SampleBroken(file=file, problem=f"days are not 1 to {WORKING_DAYS} in order")
    clocks = [day.at for day in conversation.days] + [item.at for item in conversation.messages]
    for clock in filter(None, clocks):
        if not _CLOCK.fullmatch(clock):
            raise SampleBroken(file=file, problem=f"{clock!r} is no time of day")

    said: set[str] = set()
    for message in conversation.messages:
        reactors = [one for some in (message.reactions or {}).values() for one in some]
        named_in_text = set(mentioned(message.text)) - {ALL}
        _known(file, {message.by, *reactors, *named_in_text}, members)
        if message.reply_to and message.reply_to not in said:
            raise SampleBroken(
                file=file, problem=f"no message {message.reply_to!r} before its reply"
            )
        if message.id:
            _unique(file, "id", [*said, message.id])
            said.add(message.id)


def _check_tasks(file: _TasksFile, handles: set[str]) -> None:
    name = "tasks.yaml"
    _unique(name, "key", [item.key for item in file.projects] + [item.key for item in file.tasks])
    members: dict[str, set[str]] = {}
    for project in file.projects:
        members[project.key] = {project.owner, *project.members}
        _known(name, members[project.key], handles)
    for task in file.tasks:
        _known(name, [task.project], set(members))
        _known(name, {task.owner, *task.assignees}, members[task.project])
        if task.due_at and (task.due_in_days is None or not _CLOCK.fullmatch(task.due_at)):
            raise SampleBroken(file=name, problem=f"{task.key} has a time of day that says nothing")


def _known(file: str, wanted: Iterable[str], known: set[str]) -> None:
    missing = sorted(set(wanted) - known)
    if missing:
        raise SampleBroken(file=file, problem=f"does not know {', '.join(missing)} here")


def _unique(file: str, what: str, values: list[str]) -> None:
    double = [value for value, count in Counter(values).items() if count > 1]
    if double:
        raise SampleBroken(file=file, problem=f"{what} {double[0]!r} stands twice")
