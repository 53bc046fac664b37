"""Rules of prose: Markdown fits a screen, words are the field's, commit subjects are short."""

import ast
import inspect
import io
import re
import subprocess
import tokenize
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from .pages import ROOT, SKIPPED, pages_in

MAX_COLUMNS = 100
MAX_SUBJECT = 60
PAGES = list(pages_in(ROOT))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


all_pages = pytest.mark.parametrize("path", PAGES, ids=named)


def outside_of_code(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, without fenced code blocks."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


# --- width

MARKER = re.compile(r"^(?:>|[-*+] |\d+[.)] |\s)*")
# A link, a picture or a code span cannot be broken without changing its meaning.
UNBREAKABLE = re.compile(r"!?\[[^\]]*\]\([^)]*\)|`[^`]+`")


def columns(line: str) -> int:
    """Return the width of a line on a screen, where a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def too_wide(text: str) -> list[str]:
    """Return the lines that are too wide and could be broken; except tables, code and URLs."""
    return [
        f"{number}: {line}"
        for number, line in outside_of_code(text)
        if columns(line) > MAX_COLUMNS
        and not line.lstrip().startswith("|")
        and " " in UNBREAKABLE.sub("x", MARKER.sub("", line))
    ]


@all_pages
def test_markdown_wraps_at_100_columns(path: Path) -> None:
    assert too_wide(path.read_text(encoding="utf-8")) == []


def test_a_wide_line_is_seen_and_what_cannot_be_broken_is_not() -> None:
    long = "x" * 99
    assert too_wide(f"{long} y z") == [f"1: {long} y z"]
    assert too_wide("中" * 50 + " 文") == ["1: " + "中" * 50 + " 文"]
    assert too_wide("中" * 50) == []
    assert too_wide(f"- [two words](https://example.com/{long}),") == []
    assert too_wide(f"| a | {long} |\n```\n{long} y\n```\n") == []


# --- words

# Use the words of the field instead: publish, notify, report, receive; user, member, recipient.
FORBIDDEN = re.compile(
    r"\b(?:somebody|nobody|whoever|whomever|everybody|the present one|the word of|let stand"
    r"|tell|tells|told|hear|hears|heard)\b",
    re.IGNORECASE,
)
# A relative clause is no subject of a heading, a list item or a paragraph.
OPENING = re.compile(r"^(?:What|Who|Whom|Whoever|How(?! to)|Whether) (?!.*\?)", re.IGNORECASE)
BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\*\*)?")
HEADING = re.compile(r"^#+\s+")
# Decision records keep their original wording; a later decision replaces them.
RECORDS = ROOT / "docs/adr"


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines without fenced code, code spans, targets of links and quoted texts."""
    for number, line in outside_of_code(text):
        yield number, re.sub(r"`[^`]*`|\]\([^)]*\)|\"[^\"]*\"", "", line)


def private_words(text: str) -> list[str]:
    """Return the lines with a forbidden word or with a relative clause as their opening."""
    found = []
    begins = True
    for number, line in prose(text):
        opening = HEADING.sub("", BULLET.sub("", line))
        starts = begins or opening != line
        if FORBIDDEN.search(line) or (starts and OPENING.match(opening)):
            found.append(f"{number}: {line.strip()}")
        begins = not line.strip()
    return found


@pytest.mark.parametrize("path", [path for path in PAGES if path.parent != RECORDS], ids=named)
def test_a_page_uses_the_words_of_its_field(path: Path) -> None:
    assert private_words(path.read_text(encoding="utf-8")) == []


def test_private_words_and_odd_openings_are_seen() -> None:
    assert private_words("The relay tells nobody.") == ["1: The relay tells nobody."]
    assert private_words("A reader.\n\nWhat it takes is kept.") == ["3: What it takes is kept."]
    assert private_words("- **Who reads it** is decided here.") != []
    assert private_words("## How it is proved") != []
    assert private_words("## When a step fails") == []
    assert private_words('`nobody` and "nobody"\n```\nnobody\n```\n') == []
    assert private_words("What is Plexus? A platform.") == []
    assert private_words("The relay publishes facts\nwho is not an opening in mid-sentence.") == []


# --- docstrings and comments

# Folders whose docstrings and comments are checked.
DESCRIBED = ("bench", "clients", "deploy", "libs", "proto", "services", "tests")
# Docstrings here are the help of commands, in the words of users.
HELP = ROOT / "clients/cli/src/plexus_cli/commands"
# A docstring names its subject or begins with an imperative; none of these is either.
CODE_OPENING = re.compile(
    r"^(?:what|who|whom|whose|whoever|whatever|whichever|whether|how(?! to)"
    r"|somebody|nobody|everybody|give|tell|hear|say|bring) (?!.*\?)",
    re.IGNORECASE,
)
CONTRACT_COMMENT = re.compile(r"^\s*//[ \t]?(.*)", re.MULTILINE)
SCRIPT_COMMENT = re.compile(r"^[ \t]*/\*+(.*?)\*/", re.MULTILINE | re.DOTALL)
MARGIN = re.compile(r"^[ \t]*\* ?", re.MULTILINE)
ARGUMENT = re.compile(r"^ +\w+: ")
DIRECTIVE = re.compile(r"^(?:noqa|type|ruff|pragma|nosec|fmt)\b.*?(?: - |$)")

Text = tuple[int, str]


def docstrings(source: str) -> Iterator[Text]:
    """Yield each docstring of Python code with the number of its first line."""
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, inspect.cleandoc(node.value.value)


def comments(source: str) -> Iterator[Text]:
    """Yield each comment of Python code; adjacent lines of comments are one."""
    lines: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = DIRECTIVE.sub("", token.string.lstrip("#").strip())
            alone = not token.line[: token.start[1]].strip()
            lines[token.start[0] if alone else -token.start[0]] = text
    yield from joined({number: text for number, text in lines.items() if number > 0})
    yield from ((-number, text) for number, text in lines.items() if number < 0)


def contract_comments(source: str) -> Iterator[Text]:
    """Yield each comment of a contract; adjacent lines of comments are one."""
    numbered = enumerate(source.splitlines(), start=1)
    found = ((number, CONTRACT_COMMENT.match(line)) for number, line in numbered)
    return joined({number: match[1] for number, match in found if match is not None})


def script_comments(source: str) -> Iterator[Text]:
    """Yield each comment of TypeScript that begins its line."""
    for block in SCRIPT_COMMENT.finditer(source):
        yield source.count("\n", 0, block.start()) + 1, MARGIN.sub("", block[1]).strip(" ")
    yield from contract_comments(source)


def joined(lines: dict[int, str]) -> Iterator[Text]:
    """Yield the texts of adjacent lines as one, with the number of the first line."""
    first, texts = 0, list[str]()
    for number, text in lines.items():
        if number != first + len(texts):
            if texts:
                yield first, "\n".join(texts)
            first, texts = number, []
        texts.append(text)
    if texts:
        yield first, "\n".join(texts)


def described(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".proto":
        return contract_comments(source)
    if path.suffix != ".py":
        return script_comments(source)
    if HELP in path.parents:
        return comments(source)
    return chain(docstrings(source), comments(source))


def odd_descriptions(texts: Iterable[Text]) -> list[str]:
    """Return the docstrings and comments with a forbidden word or opening, with their lines."""
    found = []
    for first, text in texts:
        begins = True
        for number, line in prose(text):
            content = ARGUMENT.sub("", line)
            opening = BULLET.sub("", content)
            starts = begins or opening != content
            if FORBIDDEN.search(opening) or (starts and CODE_OPENING.match(opening)):
                found.append(f"{first + number - 1}: {line.strip()}")
            begins = not line.strip()
    return found


def described_files(folder: str) -> Iterator[Path]:
    """Yield the contracts and the source files of a folder, without generated code."""
    for path in sorted((ROOT / folder).rglob("*")):
        if SKIPPED & set(path.relative_to(ROOT).parts) or "_pb" in path.name:
            continue
        if path.suffix in {".py", ".proto", ".ts", ".tsx"}:
            yield path


@pytest.mark.parametrize("folder", DESCRIBED)
def test_docstrings_and_comments_use_the_words_of_their_field(folder: str) -> None:
    files = {named(path): odd_descriptions(described(path)) for path in described_files(folder)}
    assert files, "nothing was checked"
    assert {name: found for name, found in files.items() if found} == {}


def test_odd_docstrings_and_comments_are_seen() -> None:
    def odd(source: str) -> list[str]:
        return odd_descriptions(chain(docstrings(source), comments(source)))

    assert odd('"""What a member may do."""\n') == ["1: What a member may do."]
    assert odd('"""Roles.\n\nWho leaves has none.\n"""\n') == ["3: Who leaves has none."]
    assert odd('LIMIT = 1\n"""How many there are."""\n') == ["2: How many there are."]
    assert odd("x = 1\n# Give a part\n# to the caller.\n") == ["2: Give a part"]
    assert odd("# A part\n# who is no opening here.\n") == []
    assert odd("# Kept.\nx = 1  # nobody waits for it\n") == ["2: nobody waits for it"]
    assert odd("x = 1  # noqa: A001 - whoever reads it\n") == ["1: whoever reads it"]
    assert odd("x = 1  # noqa: A001\n# Why? What is it for?\n# How to read it.\n") == []
    assert odd('"""Return `nobody` for "nobody"."""\n') == []
    assert odd('"""Do.\n\nArgs:\n    told: the value.\n"""\n') == []
    assert odd('"""Do.\n\nArgs:\n    value: whether it is.\n"""\n') == []
    contract = "// Who sent it.\nstring sender_id = 1;  // What else.\n"
    assert odd_descriptions(contract_comments(contract)) == ["1: Who sent it."]
    script = (
        "/**\n * A part.\n *\n * Who sent it.\n */\nf();\n  /** What is it. */\n// Nobody is.\n"
    )
    assert [odd[0] for odd in odd_descriptions(script_comments(script))] == ["4", "7", "8"]


# --- commits

SUBJECT = re.compile(r"^[a-z][a-z0-9]*(?:[ ,/-]+[a-z0-9]+)*: (?P<verb>[a-z][\w-]*)\b")
NOT_IMPERATIVE = re.compile(r"(?:(?<!fe)(?<!ne)(?<!spe)(?<!se)(?<!ce)ed|(?<!br)(?<!str)ing)$")
INTRODUCED = "tests/architecture/test_prose.py"


def git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - arguments of this module
        ["git", *arguments],  # noqa: S607 - git of the developer
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def subjects() -> list[str]:
    """Return the commit subjects since the last tag, or since this rule was introduced."""
    since = git("describe", "--tags", "--abbrev=0") or git(
        "log", "--diff-filter=A", "--format=%H", "-1", "--", INTRODUCED
    )
    if not since:
        pytest.skip("this copy has no git history")
    return git("log", "--no-merges", "--format=%s", f"{since}..HEAD").splitlines()


def problem_of(subject: str) -> str:
    """Return the problem of a subject; empty if it is valid."""
    if len(subject) > MAX_SUBJECT:
        return f"{len(subject)} characters, at most {MAX_SUBJECT}"
    matched = SUBJECT.match(subject)
    if matched is None:
        return "is not `area: imperative`"
    if NOT_IMPERATIVE.search(matched["verb"]):
        return f"`{matched['verb']}` is no imperative"
    return ""


def test_commit_subjects_are_an_area_and_an_imperative() -> None:
    wrong = {subject: problem_of(subject) for subject in subjects() if problem_of(subject)}
    assert wrong == {}


def test_a_wrong_subject_is_seen() -> None:
    assert problem_of("messaging: know the version of heads read together") == ""
    assert problem_of("search, kit: feed the index in batches") == ""
    assert "imperative" in problem_of("Tell who may answer for the HR feed that it has stopped")
    assert "no imperative" in problem_of("docs: wrapped Markdown")
    assert "no imperative" in problem_of("docs: wrapping Markdown")
    assert "characters" in problem_of("docs: " + "x" * MAX_SUBJECT)
