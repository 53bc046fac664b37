"""Rules that import-linter cannot express: drivers, the clock, names, file size, rooms."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from plexus_local.servers.home import home

MAX_LINES = 500
LONGER: dict[str, str] = {}  # file: the reason why it cannot be split; currently empty

PROJECTS = (
    "libs/plexus-testkit",
    "libs/plexuskit",
    "services/*",
    "clients/*",
    "deploy/local",
    "bench",
)

OTHER_HTTP = ("httpx", "httpcore", "requests", "urllib3")

# Driver: the modules that may import it. A service's `api` and `app` are written `*.api`, `*.app`;
# the `api` of a subject of a service is written `*.*.api`.
DRIVERS = {
    # `plexus_testkit.leaks` reads stores directly.
    "pymongo": ("plexuskit.mongo", "plexus_local.servers", "plexus_testkit"),
    "bson": ("plexuskit.mongo", "plexus_testkit.leaks", "plexus_testkit.samples"),
    "gridfs": (),
    "motor": (),
    "opensearchpy": ("search.store", "plexus_testkit.leaks"),
    "aiokafka": ("plexuskit.kafka", "plexus_testkit.leaks"),
    "faststream": ("plexuskit.kafka",),
    # aiohttp handles HTTP, and uvicorn serves ASGI at the gateway's port (ADR 33).
    "h11": ("gateway.connect",),
    "uvicorn": ("gateway.connect",),
    **dict.fromkeys(OTHER_HTTP, ()),
    "grpc": (
        "plexuskit.grpc",
        "*.api",
        "*.*.api",
        "*.app",
        "gateway",
        "plexus_sdk",
        "plexus_cli",
        "plexus_bench",
        "plexus_testkit.companies",
        "plexus_testkit.faults",
        "plexus_testkit.harness",
        "plexus_testkit.leaks",
    ),
}

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "today"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
}
READS_THE_CLOCK = {
    "plexuskit/clock.py": "is the clock",
    "plexus_cli/doctor.py": "compares this machine's clock with the servers'",
    "plexus_sdk/connection.py": "compares a token's end with this machine's clock",
    "plexus_testkit/faults/actions.py": "schedules messages for a second later",
    "plexus_local/journal.py": "tells the operator since when something runs",
    "plexus_local/mail.py": "names a mail's file after its arrival",
    "plexus_local/show.py": "tells the operator for how long something runs",
}

FORBIDDEN_WORDS = re.compile(r"(Manager|Helper|Impl)(?=[A-Z]|$)")
FORBIDDEN_MODULES = {"utils", "util", "common", "misc", "helpers", "helper", "manager", "impl"}

ROOMS = {"__main__", "app", "config"}
OWNER_ROOMS = ROOMS | {"api", "domain", "events", "operations", "queries", "store"}
SERVICE_ROOMS = {
    "audit": OWNER_ROOMS | {"consumers"},
    # Rooms of its subjects: see `.importlinter`.
    "directory": ROOMS | {"access", "accounts", "people", "scim", "shared", "sign_in"},
    # Subjects first; each contains the rooms of an owner.
    "messaging": ROOMS
    | {
        "contract",
        "conversations",
        "importing",
        "log",
        "messages",
        "personal",
        "presence",
        "reading",
    },
    "tasks": OWNER_ROOMS,
    "notify": OWNER_ROOMS | {"consumers"},
    "search": OWNER_ROOMS | {"consumers"},
    # The gateway owns no data: it authorizes, forwards and pushes.
    "gateway": ROOMS | {"access", "connect", "identity", "limits", "live", "proxy", "reference"},
}


@dataclass(frozen=True)
class Source:
    """One module of the product."""

    path: Path
    shown: str  # from the package on: `tasks/store/tasks.py`
    module: str

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]

    @cache  # noqa: B019 - sources live as long as the tests
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"), filename=str(self.path))


def every_source() -> Iterator[Source]:
    for project in PROJECTS:
        for folder in sorted(home().glob(f"{project}/src")):
            for path in sorted(folder.rglob("*.py")):
                relative = path.relative_to(folder)
                parts = relative.with_suffix("").parts
                named = parts[:-1] if parts[-1] == "__init__" else parts
                yield Source(path=path, shown=str(relative), module=".".join(named))


SOURCES = list(every_source())


def imports(source: Source) -> Iterator[str]:
    """Yield the full names of the imported modules; relative imports are resolved."""
    for node in ast.walk(source.tree()):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def is_named(module: str, pattern: str) -> bool:
    """Return whether a module equals or lies below a pattern; `*` matches any one name."""
    names, wanted = module.split("."), pattern.split(".")
    named = zip(names, wanted, strict=False)
    return len(names) >= len(wanted) and all(want in {"*", name} for name, want in named)


def may_know(source: Source, allowed: tuple[str, ...]) -> bool:
    return any(is_named(source.module, name) for name in allowed)


def test_there_is_something_to_look_at(services: list[str]) -> None:
    assert {
        "plexuskit",
        "plexus_sdk",
        "plexus_cli",
        "plexus_local",
        "plexus_testkit",
        "plexus_bench",
        *services,
    } == {source.package for source in SOURCES}


def test_only_its_own_room_knows_a_driver() -> None:
    strangers = [
        f"{source.shown} imports {name}"
        for source in SOURCES
        for name in imports(source)
        for driver, allowed in DRIVERS.items()
        if is_in(name, driver) and not may_know(source, allowed)
    ]
    assert not strangers


def test_tests_speak_http_by_the_libraries_of_the_product(root: Path) -> None:
    strangers = [
        f"{path.relative_to(root)} imports {name}"
        for path in root.glob("*/**/*.py")
        if "tests" in path.relative_to(root).parts
        for name in imports(Source(path=path, shown=path.name, module=path.stem))
        for library in OTHER_HTTP
        if is_in(name, library)
    ]
    assert not strangers


def test_no_service_imports_a_sibling(services: list[str]) -> None:
    siblings = [
        f"{source.shown} imports {name}"
        for source in SOURCES
        for name in imports(source)
        if source.package in services
        and name.partition(".")[0] in services
        and not is_in(name, source.package)
    ]
    assert not siblings


def reads_the_clock(source: Source) -> bool:
    called = any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (ast.unparse(node.func.value).rpartition(".")[2], node.func.attr) in CLOCKS
        for node in ast.walk(source.tree())
    )
    # `from time import time` would hide the call.
    return called or not {"time.time", "time.time_ns"}.isdisjoint(imports(source))


def test_time_is_passed_in() -> None:
    found = {source.shown for source in SOURCES if reads_the_clock(source)}
    assert found - set(READS_THE_CLOCK) == set(), "take plexuskit.clock"
    assert set(READS_THE_CLOCK) - found == set(), "these do not read it any more: off the list"


def test_names_say_what_a_thing_is() -> None:
    modules = [
        source.module for source in SOURCES if set(source.module.split(".")) & FORBIDDEN_MODULES
    ]
    classes = [
        f"{source.shown}: {node.name}"
        for source in SOURCES
        for node in ast.walk(source.tree())
        if isinstance(node, ast.ClassDef) and FORBIDDEN_WORDS.search(node.name)
    ]
    assert modules + classes == []


def test_a_file_has_one_subject() -> None:
    long = {
        source.shown
        for source in SOURCES
        if len(source.path.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }
    assert long == set(LONGER)


def subscribers(source: Source) -> Iterator[ast.Call]:
    if not any(is_in(name, "faststream") for name in imports(source)):
        return
    for node in ast.walk(source.tree()):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"subscriber", "batch_subscriber"}
        ):
            yield node


def test_every_subscriber_acknowledges_by_itself() -> None:
    found = [(source, call) for source in SOURCES for call in subscribers(source)]
    assert found, "nobody subscribes: the search for subscribers is wrong"
    for source, call in found:
        policies = [ast.unparse(word.value) for word in call.keywords if word.arg == "ack_policy"]
        assert policies == ["AckPolicy.MANUAL"], f"{source.shown}:{call.lineno}"


def test_every_service_has_its_rooms(root: Path, services: list[str]) -> None:
    assert set(SERVICE_ROOMS) == set(services)
    for service in services:
        inside = root / f"services/{service}/src/{service}"
        rooms = {path.stem for path in inside.iterdir() if path.suffix == ".py" or path.is_dir()}
        assert SERVICE_ROOMS[service] <= rooms, f"{service} lacks a room"
        assert (root / f"services/{service}/tests").is_dir()
        assert (root / f"services/{service}/README.md").is_file(), f"{service} lacks a README"


def test_the_import_contracts_speak_of_every_package(root: Path, services: list[str]) -> None:
    read = (root / ".importlinter").read_text(encoding="utf-8")
    packages = read.partition("root_packages =")[2].partition("include_external")[0].split()
    assert set(packages) == {
        *services,
        "plexus_access",
        "plexuskit",
        "plexus",
        "plexus_sdk",
        "plexus_cli",
        "plexus_local",
        "plexus_testkit",
        "plexus_bench",
    }
    assert read.count("exhaustive = True") == read.count("\ncontainers ="), "rooms can be forgotten"
    assert "ignore_imports" not in read, "an exception is a contract that does not hold"
