#!/usr/bin/env python
"""Writer of docs/rules.md: every rule of the semantics in short, with the tests that prove it.

The page is a build artefact: `make rules` writes it and git ignores it.

A test names its rule: `def test_msg_03_...` is MSG-3. A test that proves several rules carries
`@pytest.mark.rule("MSG-6")` for each of the others.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/rules.md"
SEARCHED = ("clients", "deploy", "libs", "services", "tests")

RULES = {
    "MSG-1": "`seq` counts the messages of a conversation from 1 without a gap, under any writers",
    "MSG-2": "success is answered after a majority write; other outages delay, never lose",
    "MSG-3": "the same request id stores once; with other content it is refused",
    "MSG-4": "fact and state are one write; at least once everywhere, effects once",
    "MSG-5": "messages are shown in the order of `seq`; clocks order nothing",
    "MSG-6": "every change takes a `change_no`; changes since any number can be asked for",
    "MSG-7": "one read cursor per person and conversation that only rises, with its history",
    "MSG-8": "unread is computed from what is visible, not own, not system, not recalled",
    "MSG-9": "receipts are of the members at posting; read is when the cursor first covered it",
    "MSG-10": "who may see receipts is the tenant's policy",
    "MSG-11": "own messages can be edited for a time; all versions are kept",
    "MSG-12": "a recall leaves a tombstone; the content is gone everywhere",
    "MSG-13": "mentions are ids that the server resolves; mentioning grants nothing",
    "MSG-14": "a person sees a message exactly within the own intervals of membership",
    "MSG-15": "threads have followers and a cursor of their own",
    "MSG-16": "reactions are a set, pins repeatable, forwards carry provenance",
    "MSG-17": "a scheduled message is decided when it fires, and fires once",
    "MSG-18": "limits are explicit errors; nothing is dropped silently",
    "MSG-19": "imported messages notify nobody and keep their original time",
    "MSG-20": "all that is shown is proved, and a proof lets nobody guess what is not theirs",
    "MSG-21": "facts and pages are bounded by bytes; what was accepted can always be changed",
    "ANN-1": "an audience is frozen at publishing",
    "ANN-2": "the on-time rate has a formula",
    "ANN-3": "read is reported by a person's client, nothing else",
    "ANN-4": "publishing rights follow the scope",
    "ANN-5": "delivery never falls into rest unless urgent",
    "ANN-6": "a material edit resets acknowledgements",
    "ANN-7": "only those who have not read are reminded",
    "NTF-1": "every drop and every delay has a reason; outcomes add up to the audience",
    "NTF-2": "nothing sends the same thing to a person twice",
    "NTF-3": "quiet hours are windows in a zone, right across midnight and clock changes",
    "NTF-4": "what waited leaves once, together, unless it lost its sense meanwhile",
    "NTF-5": "only urgent passes quiet hours, with permission and quota",
    "NTF-6": "an escalation looks again before each step and ends in one terminal state",
    "NTF-7": "reading on any device cancels what is queued",
    "NTF-8": "channels fall back by class of failure; each failure has a reason",
    "NTF-9": "confidential content stays out of mails and pushes",
    "NTF-10": "a reminder fires once per occurrence",
    "NTF-11": "silent is honoured for everything but urgent",
    "TSK-1": "states change along known transitions, with versions and history",
    "TSK-2": "one accountable owner; assignees in mode all or any",
    "TSK-3": "a due value is an instant or a day; overdue is told once per due value",
    "TSK-4": "a task has many reminders",
    "TSK-5": "recurrence makes the next instance once",
    "TSK-6": "board order is stable under concurrent moves; limits hold",
    "TSK-7": "dependencies have no cycle",
    "TSK-8": "a task from a message stores a link, not a permission",
    "TSK-9": "completion rate and cycle time have formulas",
    "TSK-10": "nobody's work is orphaned when they leave",
    "APR-1": "approvals run on the definition they were submitted under",
    "RPT-1": "reports have rules, deadlines and lists of who is late",
    "SRC-1": "permissions are enforced inside the query and again per hit",
    "SRC-2": "a revocation is effective on the next query",
    "SRC-3": "late and repeated facts cannot bring back older text",
    "SRC-4": "what is posted is found within seconds; lag is told",
    "SRC-5": "Chinese, English, ids and names are found by their parts",
    "SRC-6": "operators, phrases, negation",
    "SRC-7": "one ranking over everything, pages that are stable",
    "SRC-8": "rebuilt without downtime; a poisonous fact never stops the rest",
    "SRC-9": "searches are private; compliance search is another role",
    "GW-1": "denied by default; identity comes from the verified token alone",
    "GW-2": "hidden is absent: the same answer for both",
    "GW-3": "roles bind a person, a role and a scope",
    "GW-4": "removal and revocation reach open streams",
    "GW-5": "guests see what is shared with them",
    "GW-6": "limits, deadlines and request ids everywhere; stable error codes",
    "GW-7": "an audit that cannot be altered",
    "GW-8": "every request field has a range, enforced first; a fault in one item is its verdict",
    "GW-9": "a token grants exactly its scopes on every path",
    "GW-10": "attribute policies apply on every path",
    "GW-11": "administration is not membership; nobody grants more than they hold",
    "GW-12": "parts authenticate to each other, and facts are not trusted beyond their owner",
    "GW-13": "strangers and single requests cannot take the service from others",
    "CMP-1": "hold before retention before recall",
    "CMP-2": "a hold covers everything of its custodians",
    "CMP-3": "a purge reaches every copy",
    "CMP-4": "an export says who could see what, and can be repeated",
    "CMP-5": "anonymous stays anonymous",
    "CAL-1": "events follow RFC 5545; rooms do not overlap",
    "KB-1": "versions are immutable; inheritance is not widened silently",
    "FILE-1": "a file is readable through a live object that holds it",
    "FEED-1": "visibility of a post is chosen and enforced",
    "GLO-1": "a term has one meaning and department senses",
    "MET-1": "daily active users have a formula",
    "MET-2": "response time has a formula",
    "MET-3": "read rate has a formula",
    "MET-4": "the rate of solved problems has a formula",
    "MET-5": "file volume and search success have formulas",
    "MET-6": "groups under five are not shown",
    "INT-1": "webhooks are signed, ordered, repeated; feeds have a guard against mass mistakes",
    "SCALE-1": "the figures that the design is tested against",
}

FAMILIES = "|".join(sorted({rule.partition("-")[0].lower() for rule in RULES}))
NAMED = re.compile(rf"test_(?P<family>{FAMILIES})_(?P<number>\d+)(?:_|$)")
HEAD = """# The rules, and the tests that prove them

Written by `make rules` from the names and markers of the tests; do not edit. A rule without a test
belongs to a capability that does not exist yet; until it does, the rule binds the design.

"""


def main() -> None:
    """Write the page to docs/rules.md or to the path given."""
    parser = argparse.ArgumentParser(description="Write docs/rules.md from the tests.")
    parser.add_argument("--output", type=Path, default=PAGE, help="the file to write")
    chosen = parser.parse_args()

    proofs = collect(ROOT)
    unknown = sorted(set(proofs) - set(RULES))
    if unknown:
        sys.exit("\n".join(f"{rule} is no rule: {', '.join(proofs[rule])}" for rule in unknown))
    chosen.output.write_text(page(proofs), encoding="utf-8")


def collect(root: Path) -> dict[str, list[str]]:
    """Return the tests of each rule, each as `path::name`, in order."""
    proofs: dict[str, set[str]] = {}
    for folder in SEARCHED:
        for path in sorted((root / folder).rglob("test_*.py")):
            if ".venv" in path.parts or "node_modules" in path.parts:
                continue
            shown = path.relative_to(root)
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
            for test, rule in proven(tree):
                proofs.setdefault(rule, set()).add(f"{shown}::{test}")
    return {rule: sorted(tests) for rule, tests in proofs.items()}


def proven(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each test of a module with each rule that it names."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named = NAMED.match(node.name)
        if named:
            yield node.name, f"{named['family'].upper()}-{int(named['number'])}"
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                for argument in mark.args:
                    yield node.name, str(ast.literal_eval(argument))


def page(proofs: Mapping[str, list[str]]) -> str:
    """Return the page: the proven rules with their tests, then those without."""
    lines = []
    for rule, says in RULES.items():
        if rule not in proofs:
            continue
        lines += [f"## {rule}", "", f"{says[0].upper()}{says[1:]}.", ""]
        by_file: dict[str, list[str]] = {}
        for proof in proofs[rule]:
            file, _, test = proof.partition("::")
            by_file.setdefault(file, []).append(test)
        for file, tests in by_file.items():
            lines += [f"- [{file}](../{file})", *(f"  - {told(test)}" for test in tests)]
        lines.append("")
    lines += ["## Without a test so far", ""]
    lines += [f"- {rule}: {says}" for rule, says in RULES.items() if rule not in proofs]
    return HEAD + "\n".join(lines) + "\n"


def told(test: str) -> str:
    """Return a test's name as a sentence."""
    return NAMED.sub("", test, count=1).removeprefix("test_").replace("_", " ")


if __name__ == "__main__":
    main()
