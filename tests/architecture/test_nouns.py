"""Location of the services' functions: each lies in the file named after its RPC's noun."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from .pages import ROOT

SERVICES: Final = ("audit", "directory", "messaging", "notify", "search", "tasks")
ROOMS: Final = {"operations", "queries"}
ELSEWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "audit": {},
    "directory": {
        "BindRole": "a role binding is a resource of its own",
        "UnbindRole": "a role binding is a resource of its own",
        "ListSignInOptions": "the options are the sign-in policy and its providers",
        "SignOut": "it ends a session",
        "ExchangeScim": "one method carries the exchanges of every SCIM resource",
        "GetSigningKeys": "the issuer of access tokens has the keys; nothing is read",
    },
    "messaging": {
        "ForwardMessages": "a forward is a send of other messages; the file of messages is full",
        "ScheduleMessage": "a scheduled message is a resource of its own",
        "VerifyConversation": "a verification walks the log and has a file of its own",
    },
    "notify": {},
    "search": {},
    "tasks": {},
}
"""RPCs whose function lies in another file or that have none, each with the reason."""
NO_NOUN: Final[Mapping[str, str]] = {
    "Append": "messaging's stream of sends, which the log takes one by one",
    "WhoCanSee": "a question",
}
"""RPCs whose names are no verb and noun; they are not counted."""


def rpcs(service: str) -> list[str]:
    package = importlib.import_module(f"plexus.{service}.v1")
    return [
        method.name
        for module in pkgutil.iter_modules(package.__path__)
        if module.name.endswith("_service_pb2")
        for each in importlib.import_module(
            f"{package.__name__}.{module.name}"
        ).DESCRIPTOR.services_by_name.values()
        for method in each.methods
        if method.name not in NO_NOUN
    ]


def homes(service: str) -> dict[str, set[str]]:
    """Return the names of the files that define each function of operations and queries."""
    found: dict[str, set[str]] = {}
    source = ROOT / "services" / service / "src" / service
    for path in source.rglob("*.py"):
        if ROOMS.isdisjoint(path.relative_to(source).parts):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(joined(node.name), set()).add(joined(path.stem))
    return found


def joined(name: str) -> str:
    return name.replace("_", "")


def nouns(rpc: str) -> set[str]:
    """Return the file names allowed for an RPC: its noun or a part of it, also plural."""
    words = re.findall(r"[A-Z][a-z]*", rpc)
    noun = words[2:] if words[0] == "Batch" else words[1:]
    if noun in ([], ["In"], ["Out"]):
        noun = words
    ends = range(1, len(noun) + 1)
    parts = {"".join(noun[:end]).lower() for end in ends}
    parts |= {"".join(noun[-end:]).lower() for end in ends}
    return parts | {plural(part) for part in parts}


def plural(word: str) -> str:
    if word == "person":
        return "people"
    return re.sub("([^aeiou])y$", r"\1ie", word) + "s"


@pytest.mark.parametrize("service", SERVICES)
def test_every_function_lies_in_the_file_of_its_noun(service: str) -> None:
    every, files = rpcs(service), homes(service)
    missed = {rpc for rpc in every if nouns(rpc).isdisjoint(files.get(rpc.lower(), ()))}
    assert missed == set(ELSEWHERE[service])
    assert len(missed) <= len(every) / 10


def test_every_service_with_operations_or_queries_is_measured() -> None:
    found: Iterator[str] = (
        each.name
        for each in (ROOT / "services").iterdir()
        if any(next((each / "src").rglob(f"{room}*"), None) for room in ROOMS)
    )
    assert set(found) == set(SERVICES)


def test_nouns_are_read_from_names() -> None:
    assert "people" in nouns("BatchGetPeople")
    assert "signins" in nouns("SignIn")
    assert "search" in nouns("Search")
    assert {"groups", "groupmembers", "members"} <= nouns("ListGroupMembers")
    assert "policies" in nouns("GetSignInPolicy")
    assert "regrouping" not in nouns("UpdateGroup")
