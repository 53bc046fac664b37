"""Consistency of the documentation: its links, names, settings and commands exist."""

import ast
import importlib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from plexus_cli.__main__ import OF_EVERY_COMMAND, hoisted
from plexus_cli.index import find
from plexuskit.config import Section, ServiceSettings

from .pages import FENCE, LINK, ROOT, SPAN, TARGET, pages_in

SOURCES = ("clients", "deploy", "libs/plexus-testkit", "libs/plexuskit", "services")

MAX_SCREENSHOT_BYTES, MAX_GUIDE_BYTES = 250_000, 150_000

HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
OUTSIDE = ("http://", "https://", "mailto:")

PLEXUS_VARIABLE = re.compile(r"\bPLEXUS_[A-Z]+(?:_[A-Z]+)*\b")
SETTING = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*__[A-Z]+(?:_[A-Z]+)*\b")
SHELL = {"bash", "sh", "shell", "console"}
# Placeholders in an argument, as in a synopsis; options are checked only up to the first one.
PLACEHOLDER = re.compile(r"[\[\]…|&>]")


class Page(NamedTuple):
    """A page of the documentation."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        """Return the page without its code blocks."""
        return FENCE.sub("", self.text)

    def lines_of_code(self) -> Iterator[str]:
        """Yield every code span, and every line of the code blocks that a shell would run."""
        yield from SPAN.findall(self.prose)
        for block in FENCE.finditer(self.text):
            if block["language"] in SHELL or not block["language"]:
                joined = re.sub(r" *\\\n *", " ", block["text"])
                yield from (line.strip().removeprefix("$ ") for line in joined.splitlines())


def every_page(root: Path = ROOT) -> list[Page]:
    return [Page(path, path.read_text(encoding="utf-8")) for path in pages_in(root)]


PAGES = every_page()
JOURNEYS = [page for page in PAGES if page.path.parent == ROOT / "docs/journeys"]


def named(page: Page) -> str:
    return str(page.path.relative_to(ROOT))


all_pages = pytest.mark.parametrize("page", PAGES, ids=named)


# --- links


def slug(heading: str) -> str:
    """Return the anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).strip().lower())
    return kept.replace(" ", "-")


def broken(page: Page) -> Iterator[str]:
    """Yield each link to a file, or to a heading in one, that does not exist."""
    for link in LINK.finditer(SPAN.sub(lambda span: "x" * len(span[0]), page.prose)):
        target = link["target"]
        if target.startswith(OUTSIDE):
            continue
        file, _, anchor = target.partition("#")
        path = (page.path.parent / file).resolve() if file else page.path
        if not path.exists() or not path.is_relative_to(ROOT.resolve()):
            yield target
        elif anchor and path.suffix == ".md":
            headings = HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
            if anchor not in {slug(heading) for heading in headings}:
                yield target


@all_pages
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    assert list(broken(page)) == []


def test_every_picture_is_a_picture_and_fetches_nothing() -> None:
    pictures = sorted((ROOT / "docs/assets").glob("*.svg"))
    assert pictures
    for picture in pictures:
        text = picture.read_text(encoding="utf-8")
        assert text.startswith("<svg "), picture.name
        assert "<title" in text, f"{picture.name} says nothing to those who cannot see it"
        assert not re.search(r"url\(\s*['\"]?https?:|href=|<script", text), picture.name


def test_every_screenshot_is_small_and_on_a_page() -> None:
    pictures = sorted((ROOT / "docs/assets").glob("*.png"))
    assert pictures
    texts = "".join(page.text for page in PAGES)
    for picture in pictures:
        limit = MAX_GUIDE_BYTES if picture.name.startswith("guide-") else MAX_SCREENSHOT_BYTES
        assert picture.stat().st_size <= limit, picture.name
        assert f"assets/{picture.name})" in texts, f"no page shows {picture.name}"


def test_pages_speak_of_no_machine() -> None:
    places = re.compile(r"/home/\w+|/Users/\w+|/work/|/root/")
    pictures = sorted((ROOT / "docs/assets").glob("*.svg"))
    found = [
        str(path.relative_to(ROOT))
        for path in [*(page.path for page in PAGES), *pictures]
        if places.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


# --- names in files


def python_names(path: Path) -> set[str]:
    """Return the names that a module defines: functions, classes, constants, `Class.member`."""
    names: set[str] = set()

    def visit(body: Iterable[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(prefix + node.name)
            elif isinstance(node, ast.ClassDef):
                names.add(prefix + node.name)
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
                names.update(prefix + each.id for each in targets if isinstance(each, ast.Name))

    visit(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return names


def proto_names(path: Path) -> set[str]:
    """Return the messages, enums, services and RPCs of a contract."""
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r"^\s*(?:message|enum|service|rpc)\s+(\w+)", text, re.MULTILINE))


NAMES = {".py": python_names, ".proto": proto_names}


def anchors(page: Page) -> Iterator[tuple[str, Path]]:
    """Yield each name with the file that should define it.

    The page has a link with the name in backticks as its text, or `path::name` in backticks.
    """
    for text, target in LINK.findall(page.prose):
        path = (page.path.parent / target).resolve()
        name = text.strip("`")
        if path.suffix in NAMES and text.startswith("`") and name != path.name:
            yield name, path
    for span in SPAN.findall(page.prose):
        file, separator, name = span.partition("::")
        if separator and Path(file).suffix in NAMES:
            yield name, ROOT / file


@pytest.mark.parametrize("page", JOURNEYS, ids=named)
def test_every_function_that_a_journey_names_is_in_its_file(page: Page) -> None:
    found = list(anchors(page))
    assert len(found) >= 10, "a journey follows the request through the files"
    missing = [
        f"{path.relative_to(ROOT)}::{name}"
        for name, path in found
        if not path.is_file() or name not in NAMES[path.suffix](path)
    ]
    assert missing == []


@pytest.mark.parametrize("page", JOURNEYS, ids=named)
def test_every_journey_has_a_diagram_its_failures_and_its_rules(page: Page) -> None:
    assert "```mermaid\nsequenceDiagram\n" in page.text
    assert "## When a step fails" in page.text
    assert re.search(r"\b(?:MSG|NTF|TSK|SRC|GW)-\d+\b", page.text)


# --- settings


def settings_of(service: str) -> set[str]:
    """Return every environment variable that a service reads."""
    settings: type[ServiceSettings] = importlib.import_module(f"{service}.config").Settings
    prefix = settings.model_config["env_prefix"].upper()
    return {
        f"{prefix}{section}__{key}".upper()
        for section, field in settings.model_fields.items()
        # An optional section has its keys as well.
        for kind in (field.annotation, *get_args(field.annotation))
        if isinstance(kind, type) and issubclass(kind, Section)
        for key in kind.model_fields
    }


@pytest.fixture(scope="module")
def known_settings(services: list[str]) -> Mapping[str, set[str]]:
    return {service: settings_of(service) for service in services}


@all_pages
def test_every_setting_that_a_page_names_is_one(
    page: Page, known_settings: Mapping[str, set[str]]
) -> None:
    every = set().union(*known_settings.values())
    owner = page.path.parent.name if page.path.parent.parent.name == "services" else ""
    prefixes = tuple(f"{service.upper()}_" for service in known_settings)
    unknown = []
    for name in sorted(set(SETTING.findall(page.text))):
        whole = name if name.startswith(prefixes) else f"{owner.upper()}_{name}"
        if whole not in every:
            unknown.append(whole)
    assert unknown == []


def variables_read() -> set[str]:
    """Return the PLEXUS_ variables that the code, the manifests or the Makefile name."""
    names: set[str] = set()
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            if "tests" in path.relative_to(ROOT).parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names |= {node.value} & set(PLEXUS_VARIABLE.findall(node.value))
                elif isinstance(node, ast.JoinedStr):
                    names |= _named_by_server(node)
    # The tests of the web client are outside the sources.
    for manifest in ("Makefile", "deploy/compose/compose.yaml", "tests/web/conftest.py"):
        names |= set(PLEXUS_VARIABLE.findall((ROOT / manifest).read_text(encoding="utf-8")))
    return names


def _named_by_server(text: ast.JoinedStr) -> set[str]:
    """Return the expansions of `PLEXUS_{name}_URL` for the three servers."""
    parts = [part.value if isinstance(part, ast.Constant) else "*" for part in text.values]
    pattern = "".join(str(part) for part in parts)
    if not re.fullmatch(r"PLEXUS_(?:[A-Z]+_)?\*_[A-Z]+", pattern):
        return set()
    return {pattern.replace("*", server) for server in ("MONGO", "KAFKA", "OPENSEARCH")}


@pytest.fixture(scope="module")
def variables() -> set[str]:
    return variables_read()


@all_pages
def test_every_variable_that_a_page_names_is_read_somewhere(
    page: Page, variables: set[str]
) -> None:
    assert set(PLEXUS_VARIABLE.findall(page.text)) - variables == set()


# --- commands


@pytest.fixture(scope="module")
def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def words_of(line: str) -> list[str]:
    """Split a line as a shell does; return nothing for a line that cannot be split."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


@all_pages
def test_every_make_command_of_a_page_is_a_target(page: Page, makefile: str) -> None:
    targets = {match["name"] for match in TARGET.finditer(makefile)}
    wrong = []
    for line in page.lines_of_code():
        words = words_of(line)
        if len(words) < 2 or words[0] != "make":
            continue
        for word in words[1:]:
            variable, assigned, _ = word.partition("=")
            known = f"$({variable})" in makefile if assigned else word in targets
            if not known and not word.startswith("-"):
                wrong.append(line)
    assert wrong == []


def problem_of(words: list[str]) -> str:
    """Return the problem of a `plexus` command line; empty if it is valid."""
    rest = hoisted(words)
    while rest and rest[0] in OF_EVERY_COMMAND:
        rest = rest[2:]
    typed = list(takewhile(lambda word: not PLACEHOLDER.search(word), rest))
    found = find(typed)
    if found.command is None:
        unknown = [word for word in found.rest if word not in {"--help", "--version"}]
        return f"no command {unknown[0]} in `{' '.join(found.path)}`" if unknown else ""
    if list(found.path) != typed[: len(found.path)]:
        return f"an old name: it is `{' '.join(found.path)}` now"
    known = {"--help"} | {
        name
        for each in found.command["parameters"]
        for name in (*each.get("flags", ()), *each.get("off", ()))
    }
    options = [word for word in found.rest if word.startswith("--")]
    wrong = [word for word in options if word.split("=")[0] not in known]
    return f"`{' '.join(found.path)}` has no option {wrong[0]}" if wrong else ""


@all_pages
def test_every_plexus_command_of_a_page_exists(page: Page) -> None:
    wrong = {}
    for line in page.lines_of_code():
        words = words_of(line)
        if words and words[0] in {"plexus", ".venv/bin/plexus"}:
            problem = problem_of(words[1:])
            if problem:
                wrong[line] = problem
    assert wrong == {}


@all_pages
def test_every_service_command_of_a_page_names_a_role(
    page: Page, services: list[str], roles: Any
) -> None:
    wrong = []
    for line in page.lines_of_code():
        run = re.search(r"python -m (?P<service>\w+)\b(?P<rest>.*)", line)
        if run is None or run["service"] not in services:
            continue
        asked = re.findall(r"--role[ =](\w+)", run["rest"])
        wrong += [f"{run['service']} {role}" for role in asked if role not in roles(run["service"])]
    assert wrong == []


def test_the_readme_shows_the_two_commands_and_fits_on_a_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^make demo\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", readme, re.MULTILINE)
    assert len(readme.splitlines()) <= 150


def test_a_command_that_does_not_exist_is_seen() -> None:
    assert problem_of(["send", "@ann", "hello", "--id", "req_1"]) == ""
    assert problem_of(["--as", "outsider", "search", "x"]) == ""
    assert problem_of(["admin", "dlq", "list", "search.messages"]) == ""
    assert "no command" in problem_of(["shout", "@ann"])
    assert "no command" in problem_of(["admin", "explode"])
    assert "no option" in problem_of(["send", "@ann", "hello", "--loudly"])


def test_a_broken_link_and_a_wrong_name_are_seen() -> None:
    text = (
        "[gone](nowhere.md) [x](#no-such-heading) [`Nobody`](../../tests/architecture/test_docs.py)"
    )
    page = Page(ROOT / "docs/journeys/message.md", text)
    assert list(broken(page)) == ["nowhere.md", "#no-such-heading"]
    ((name, path),) = anchors(page)
    assert name not in python_names(path)
    assert "Page.prose" in python_names(path)
