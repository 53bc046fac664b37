"""Recipes of CONTRIBUTING: each names every file that a change touches, and its steps work."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import NamedTuple

import pytest
from notify.kinds import KINDS
from plexus.tasks.v1.tasks_pb2 import Task
from plexus.tasks.v1.tasks_service_pb2 import DESCRIPTOR as TASKS
from plexus.topics import MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from search.kinds import KINDS as SEARCHABLE

from .pages import FENCE, LINK, ROOT, SPAN

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = (
    "Add a field",
    "Add an RPC",
    "Add a fact",
    "Add a handler",
    "Add a notification kind",
    "Add a searchable kind",
    "Add a service",
)
# Bounds a hang only: on a machine busy with other work each generation takes minutes.
GENERATING_SECONDS = 400
CHECKING_SECONDS = 400
# The service that the last recipe adds; its files do not exist.
EXAMPLE = "files"

STEP = re.compile(r"^(?P<number>\d+)\. \*\*(?P<title>.+?)\*\*", re.MULTILINE)
PATH = re.compile(r"^[.\w][\w./-]*$")


class Anchor(NamedTuple):
    """A file that a step names, and the name that the step refers to in it."""

    path: str
    name: str


def section(title: str) -> str:
    """Return the text of a recipe."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"CONTRIBUTING has no recipe {title}"
    return found[1]


def steps(title: str) -> list[str]:
    """Return the steps of a recipe in order."""
    text = section(title)
    starts = [match.start() for match in STEP.finditer(text)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def anchors(text: str) -> Iterator[Anchor]:
    """Yield each path in backticks, and each link with the name that is its text."""
    prose = FENCE.sub("", text)
    for text_, target in LINK.findall(prose):
        if "://" not in target:
            yield Anchor(target, text_.strip("`") if text_.startswith("`") else "")
    for span in SPAN.findall(LINK.sub("", prose)):
        if PATH.match(span) and ("/" in span or (ROOT / span).is_file()):
            yield Anchor(span.rstrip("/"), "")


def is_example(path: str) -> bool:
    """Return whether a path belongs to the fictional service."""
    return EXAMPLE in Path(path).parts


def names_of(path: Path) -> set[str]:
    """Return the names that a Python or proto file defines at its top level."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".proto":
        return set(re.findall(r"^\s*(?:message|enum|service|rpc)\s+(\w+)", text, re.MULTILINE))
    if path.suffix in {".ts", ".tsx"}:
        exported = r"^export (?:async )?(?:function|class|const|interface|type)\s+(\w+)"
        return set(re.findall(exported, text, re.MULTILINE))
    defined = re.findall(r"^(?:async def|def|class)\s+(\w+)", text, re.MULTILINE)
    assigned = re.findall(r"^(\w+)(?::[^=\n]+(?:\n[^=\n]+)?)? = ", text, re.MULTILINE)
    return {*defined, *assigned}


# --- form and anchors


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_a_numbered_list_and_each_step_names_a_file(title: str) -> None:
    numbers = [int(match["number"]) for match in STEP.finditer(section(title))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 5
    assert [step for step in steps(title) if not list(anchors(step))] == []


@pytest.mark.parametrize("title", RECIPES)
def test_every_file_and_name_of_a_recipe_exists(title: str) -> None:
    missing = []
    for anchor in anchors(section(title)):
        path = ROOT / anchor.path
        if is_example(anchor.path) or (path.exists() and not anchor.name):
            continue
        if not path.is_file() or anchor.name not in names_of(path):
            missing.append("::".join(anchor))
    assert missing == []


def test_the_service_of_the_example_does_not_exist() -> None:
    assert not (ROOT / "services" / EXAMPLE).exists()


def test_a_wrong_file_and_a_wrong_name_are_seen() -> None:
    text = "1. **X.** [`nothing`](services/tasks/src/tasks/events.py) and `proto/none.yaml`"
    named, absent = anchors(text)
    assert named.name not in names_of(ROOT / named.path)
    assert not (ROOT / absent.path).exists()
    assert "task_message" in names_of(ROOT / named.path)


# --- completeness: a file that enumerates the members of a kind belongs to the recipe of the kind


def tracked() -> list[str]:
    """Return the hand-written files of the checkout that are not tests."""
    done = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - git of the developer
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("this copy has no git history")
    skipped = re.compile(
        r"(?:^|/)tests/|^libs/protos/src/|^clients/web/src/gen/|^docs/(?:adr|journeys|assets)/|^docs/asyncapi|^samples/|^CONTRIBUTING"
        r"|^CHANGELOG|^docs/security|\.(?:lock|json|svg)$|^services/\w+/\w+\.md$|^bench/|^docs/operations/"
    )
    return [file for file in done.stdout.splitlines() if not skipped.search(file)]


def enumerating(members: list[str], *, under: tuple[str, ...] = ("",)) -> list[str]:
    """Return the files below the folders that match every one of the patterns.

    Left out are formats of earlier releases (`older_*.py`): nothing new is added to them.
    """
    patterns = [re.compile(member) for member in members]
    found = []
    for file in tracked():
        older = Path(file).name.startswith("older_")
        if file.startswith(under) and not older and (ROOT / file).is_file():
            text = (ROOT / file).read_text(encoding="utf-8")
            if all(pattern.search(text) for pattern in patterns):
                found.append(file)
    return found


def fields() -> list[str]:
    """Return the files that name every field of a task which creation and update can set."""
    names = ("title", "description", "priority", "due")
    assert set(names) <= set(Task.DESCRIPTOR.fields_by_name)
    roots = (
        "proto/plexus/tasks/",
        "services/tasks/src/",
        "clients/cli/src/",
        "clients/python/src/",
        "clients/web/src/",
    )
    return enumerating([rf"\b{name}\b" for name in names], under=roots)


def methods() -> list[str]:
    """Return the files that name every RPC which changes a task, as a method or as a function."""
    pairs = {"CreateTask": "create_task", "AssignTask": "assign_task", "MoveTask": "move_task"}
    assert set(pairs) <= set(TASKS.services_by_name["TasksService"].methods_by_name)
    roots = (
        "proto/plexus/tasks/",
        "services/tasks/src/",
        "clients/cli/src/",
        "clients/python/src/",
        "clients/web/src/",
    )
    patterns = [
        rf"\b(?:{rpc}|{rpc[0].lower()}{rpc[1:]}|{function})\b" for rpc, function in pairs.items()
    ]
    return enumerating(patterns, under=roots)


def facts() -> list[str]:
    """Return the files that name every fact of a task, or several facts of a conversation."""
    of_tasks = [name.rpartition(".")[2] for name in TASKS_TASK_V1.facts]
    of_messages = ["MessagePosted", "MessageRecalled", "MessagePinned"]
    known = {name.rpartition(".")[2] for name in MESSAGING_CONVERSATION_V1.facts}
    assert set(of_messages) <= known
    return [
        *enumerating([rf"\b{fact}\b" for fact in of_tasks]),
        *enumerating([rf"\b{fact}\b" for fact in of_messages]),
    ]


def kinds() -> list[str]:
    """Return the files that name every kind of notification."""
    patterns = [rf"(?:\b|_)(?:{kind.name.upper()}|{kind.name})\b" for kind in KINDS]
    roots = ("proto/plexus/notify/", "services/notify/src/", "clients/web/src/")
    return enumerating(patterns, under=roots)


def types() -> list[str]:
    """Return the files that name every searchable type, as a string or as a group."""
    patterns = [rf"[`\"]{name}[`\"]|search\.kinds import.*\b{name}\b" for name in SEARCHABLE.names]
    return enumerating(patterns, under=("proto/plexus/search/", "services/search/src/"))


def services() -> list[str]:
    """Return the files that name every service."""
    names = sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml"))
    return enumerating([rf"\b{name}\b" for name in names])


def test_only_the_contract_and_the_icons_list_the_kinds_of_notifications() -> None:
    icons = "clients/web/src/scenes/notifications/notification-row.tsx"
    assert kinds() == [icons, "proto/plexus/notify/v1/notifications.proto"]


def test_only_the_contract_lists_the_searchable_types() -> None:
    assert types() == ["proto/plexus/search/v1/search_service.proto"]


@pytest.mark.parametrize(
    ("title", "find", "least"),
    [
        ("Add a field", fields, 3),
        ("Add an RPC", methods, 3),
        ("Add a fact", facts, 3),
        # Only the contract lists the kinds.
        ("Add a notification kind", kinds, 1),
        ("Add a searchable kind", types, 1),
        ("Add a service", services, 3),
    ],
)
def test_every_file_that_lists_the_existing_ones_is_a_step(
    title: str, find: Callable[[], list[str]], least: int
) -> None:
    listing = set(find())
    assert len(listing) >= least, "the existing ones are not found any more"
    assert listing - {anchor.path for anchor in anchors(section(title))} == set()


# --- a dry run: the contracts of two recipes in a scratch copy


def example(title: str, *, language: str = "proto") -> list[str]:
    """Return the blocks of a recipe in a language."""
    blocks = FENCE.finditer(section(title))
    return [dedent(block["text"]) for block in blocks if block["language"] == language]


def inserted(text: str, *, after: str, block: str) -> str:
    """Return a text with a block inserted after the first occurrence of a line."""
    assert after in text, after
    head, line, tail = text.partition(after)
    return f"{head}{line}{block}{tail}"


def consumed(text: str, *, topic: str, by: str) -> str:
    """Return the catalogue with an additional consumer group of a topic."""
    head, name, tail = text.partition(f"  - name: {topic}\n")
    assert name, topic
    return f"{head}{name}{tail.replace('consumers: [', f'consumers: [{by}, ', 1)}"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the contracts and of two services, changed by the recipes and generated."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "proto", root / "proto")
    shutil.copytree(ROOT / "libs/protos", root / "libs/protos")
    shutil.copy(ROOT / "uv.lock", root)
    (root / "services").symlink_to(ROOT / "services")

    method, messages = example("Add an RPC")
    service = root / "proto/plexus/tasks/v1/tasks_service.proto"
    text = inserted(
        service.read_text(encoding="utf-8"), after="service TasksService {\n", block=method
    )
    service.write_text(f"{text}\n{messages}", encoding="utf-8")

    (fact,) = example("Add a fact")
    events = root / "proto/plexus/tasks/v1/events.proto"
    events.write_text(f"{events.read_text(encoding='utf-8')}\n{fact}", encoding="utf-8")

    for service in ("notify", "search"):
        shutil.copytree(ROOT / f"services/{service}/src", root / "src", dirs_exist_ok=True)
    (value,) = example("Add a notification kind")
    notifications = root / "proto/plexus/notify/v1/notifications.proto"
    text = notifications.read_text(encoding="utf-8")
    last = "  NOTIFICATION_KIND_ADDRESS_CHANGED = 7;\n"
    notifications.write_text(inserted(text, after=last, block=value), encoding="utf-8")
    (kind,) = example("Add a notification kind", language="python")
    (root / "src/notify/kinds/task_done.py").write_text(kind, encoding="utf-8")

    (of_kind,) = example("Add a searchable kind", language="yaml")
    (of_handler,) = example("Add a handler", language="yaml")
    topics = root / "proto/topics.yaml"
    groups = indent(of_kind + of_handler, "  ")
    text = inserted(topics.read_text(encoding="utf-8"), after="consumers:\n", block=groups)
    text = consumed(text, topic="tasks.project.v1", by="search.projects")
    text = consumed(text, topic="directory.group.v1", by="messaging.groups")
    topics.write_text(text, encoding="utf-8")
    (kind,) = example("Add a searchable kind", language="python")
    (root / "src/search/kinds/project.py").write_text(kind, encoding="utf-8")

    subprocess.run(  # noqa: S603 - our own script
        [sys.executable, root / "libs/protos/generate.py"],
        cwd=root,
        capture_output=True,
        timeout=GENERATING_SECONDS,
        check=True,
    )
    return root


def run(scratch: Path, *arguments: str) -> str:
    """Run Python on the code that was generated from the changed contracts."""
    environment = {
        **os.environ,
        "PLEXUS_HOME": str(scratch),
        "PYTHONPATH": os.pathsep.join(str(scratch / each) for each in ("libs/protos/src", "src")),
    }
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=CHECKING_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.long
def test_an_rpc_reaches_the_gateway_by_its_contract_alone(scratch: Path) -> None:
    program = (
        "from gateway.proxy.handlers import forwarded_methods\n"
        "method = forwarded_methods()['/plexus.tasks.v1.TasksService/ArchiveTask']\n"
        "print(method.requirement.permission, method.requirement.id)\n"
    )
    assert run(scratch, "-c", program) == "tasks.update task_id"


@pytest.mark.long
def test_an_rpc_is_in_the_api_reference_by_its_contract_alone(scratch: Path) -> None:
    program = (
        "from gateway.reference.contract import Contract\n"
        "from gateway.reference.errors import Errors\n"
        "archive = next(it for it in Contract().methods if it.name == 'ArchiveTask')\n"
        "print(archive.summary, *(error.reason for error in Errors().of(archive)))\n"
    )
    assert run(scratch, "-c", program) == (
        "Archives a completed task."
        " TASK_NOT_FOUND REQUEST_ID_REUSED VERSION_CONFLICT TRANSITION_NOT_ALLOWED"
    )


@pytest.mark.long
def test_a_fact_is_in_the_catalogue_and_consumers_that_do_not_know_it_skip_it(
    scratch: Path,
) -> None:
    program = (
        "from google.protobuf.any_pb2 import Any\n"
        "from plexus.event.v1.envelope_pb2 import Envelope\n"
        "from plexus.tasks.v1.events_pb2 import TaskArchived\n"
        "from plexus.topics import TASKS_TASK_V1\n"
        "from plexus_access.facts import apply\n"
        "from plexus_access.state import State\n"
        "from search.kinds.task import DEFINITION\n"
        "name = TaskArchived.DESCRIPTOR.full_name\n"
        "assert name in TASKS_TASK_V1.facts\n"
        "envelope = Envelope(type=name, tenant_id='ten_1', entity_id='tsk_1', entity_version=2)\n"
        "print(DEFINITION.read(envelope), apply(State('ten_1'), envelope))\n"
    )
    assert run(scratch, "-c", program) == "None False"


@pytest.mark.long
def test_a_handler_is_a_declaration_and_a_consumer_group(scratch: Path) -> None:
    (method,) = example("Add a handler", language="python")
    program = (
        "from collections.abc import Sequence\n"
        "from messaging.conversations.consumers import events_pb2\n"
        "from plexus.topics import MESSAGING_GROUPS\n"
        "from plexuskit.kafka import Record, subscription\n"
        f"class Handlers:\n{indent(method, '    ')}\n"
        "declared = Handlers.groups\n"
        "print(declared.topics, *declared.facts, declared.description)\n"
    )
    assert run(scratch, "-c", program) == (
        "('directory.group.v1',) plexus.directory.v1.GroupChanged Keep the members of groups."
    )


@pytest.mark.long
def test_the_contracts_of_both_recipes_pass_the_fitness_tests(scratch: Path) -> None:
    report = run(
        scratch,
        *("-m", "pytest", "--verbose", "-p", "no:cacheprovider"),
        *("tests/architecture/test_contracts.py", "tests/architecture/test_bounds.py"),
        *("-k", "ArchiveTask or fact or constants or bounds or every_topic"),
    )
    passed = [line for line in report.splitlines() if "ArchiveTask" in line and "PASSED" in line]
    assert len(passed) >= 4, report


@pytest.mark.long
def test_a_notification_kind_is_one_file_and_a_value_of_the_contract(scratch: Path) -> None:
    program = (
        "import asyncio\n"
        "from datetime import UTC, datetime\n"
        "from types import SimpleNamespace\n"
        "from notify.domain.definitions import Event\n"
        "from notify.domain.preferences import Preferences\n"
        "from notify.events import preferences_message\n"
        "from notify.kinds import KINDS\n"
        "from plexus.tasks.v1.events_pb2 import TaskChanged\n"
        "from plexus.tasks.v1.tasks_pb2 import Task\n"
        "class People:\n"
        "    async def find(self, ids): return {}\n"
        "kind = KINDS.named('task_done')\n"
        "shown = preferences_message(Preferences(person_id='per_1'), kinds=KINDS)\n"
        "assert [each.kind for each in shown.kinds] == [1, 2, 3, 4, 5, 6, 7, 8]\n"
        "rules = dict(KINDS.rules('plexus.tasks.v1.TaskChanged'))\n"
        "now = datetime.now(UTC)\n"
        "event = Event(id='evt_1', tenant_id='ten_1', actor_id='per_2', at=now)\n"
        "fact = TaskChanged(task=Task(id='tsk_1', owner_id='per_1', state=Task.STATE_DONE))\n"
        "projections = SimpleNamespace(people=People())\n"
        "found = asyncio.run(rules[kind].request(fact, event, projections))\n"
        "print(*(each.person_id for each in found.recipients), kind.number, kind.channels)\n"
    )
    assert run(scratch, "-c", program).startswith("per_1 8 frozenset")
    report = run(
        scratch,
        *("-m", "pytest", "--verbose", "-p", "no:cacheprovider"),
        "services/notify/tests/domain",
    )
    assert "test_every_value_of_the_contract_has_a_file_of_its_name PASSED" in report


@pytest.mark.long
def test_a_searchable_kind_is_one_file_and_a_consumer_group(scratch: Path) -> None:
    program = (
        "from plexus.event.v1.envelope_pb2 import Envelope\n"
        "from plexus.tasks.v1.events_pb2 import ProjectCreated\n"
        "from plexus.tasks.v1.tasks_pb2 import Project\n"
        "from search.kinds import KINDS\n"
        "from search.store.indices import Names\n"
        "fact = ProjectCreated(project=Project(id='prj_1', name='x'))\n"
        "envelope = Envelope(type=fact.DESCRIPTOR.full_name, fact=fact.SerializeToString(),\n"
        "    tenant_id='ten_1', entity_id='prj_1', entity_version=2)\n"
        "definition = KINDS.definitions[-1]\n"
        "bodies = Names('plexus-').bodies()\n"
        "assert 'members' in bodies['plexus-projects']['mappings']['properties']\n"
        "print(definition.group.group, definition.read(envelope).containers)\n"
    )
    assert run(scratch, "-c", program) == "search.projects ('project:prj_1',)"
    report = run(
        scratch,
        *("-m", "pytest", "--verbose", "-p", "no:cacheprovider"),
        "services/search/tests/domain/test_kinds.py",
    )
    assert "test_each_group_of_the_catalogue_indexes_one_kind PASSED" in report
