"""Location of directory's functions: each lies in the file named after its RPC's noun."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final

from google.protobuf.descriptor import FileDescriptor
from plexus.directory.v1 import (
    access_service_pb2,
    directory_service_pb2,
    scim_service_pb2,
    session_service_pb2,
)

from .pages import ROOT

SOURCE: Final = ROOT / "services/directory/src/directory"
CONTRACTS: Final[tuple[FileDescriptor, ...]] = (
    access_service_pb2.DESCRIPTOR,
    directory_service_pb2.DESCRIPTOR,
    scim_service_pb2.DESCRIPTOR,
    session_service_pb2.DESCRIPTOR,
)
ELSEWHERE: Final[Mapping[str, str]] = {
    "BindRole": "a role binding is a resource of its own",
    "UnbindRole": "a role binding is a resource of its own",
    "ListSignInOptions": "the options are the sign-in policy and its providers",
    "SignOut": "it ends a session",
    "ExchangeScim": "one method carries the exchanges of every SCIM resource",
    "GetSigningKeys": "the issuer of access tokens has the keys; nothing is read",
}
"""RPCs whose function lies in another file or that have none, each with the reason."""


def rpcs() -> list[str]:
    return [
        method.name
        for contract in CONTRACTS
        for service in contract.services_by_name.values()
        for method in service.methods
    ]


def files(rpc: str) -> Iterator[str]:
    """Yield the names of the files that define a function named after an RPC."""
    for room in ("operations", "queries"):
        for path in sorted(SOURCE.glob(f"*/{room}/**/*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in tree.body:
                if isinstance(node, ast.AsyncFunctionDef) and joined(node.name) == rpc.lower():
                    yield joined(path.stem)


def joined(name: str) -> str:
    return name.replace("_", "")


def nouns(rpc: str) -> set[str]:
    """Return the file names allowed for an RPC: its noun or a part of it, also plural."""
    words = re.findall(r"[A-Z][a-z]*", rpc)
    noun = words[2:] if words[0] == "Batch" else words[1:]
    if noun in (["In"], ["Out"]):
        noun = words
    ends = range(1, len(noun) + 1)
    parts = {"".join(noun[:end]).lower() for end in ends}
    parts |= {"".join(noun[-end:]).lower() for end in ends}
    return parts | {plural(part) for part in parts}


def plural(word: str) -> str:
    if word == "person":
        return "people"
    return re.sub("([^aeiou])y$", r"\1ie", word) + "s"


def test_every_function_lies_in_the_file_of_its_noun() -> None:
    every = rpcs()
    missed = {rpc for rpc in every if nouns(rpc).isdisjoint(files(rpc))}
    assert missed == set(ELSEWHERE)
    assert len(missed) <= len(every) / 10


def test_nouns_are_read_from_names() -> None:
    assert "people" in nouns("BatchGetPeople")
    assert "signins" in nouns("SignIn")
    assert {"groups", "groupmembers", "members"} <= nouns("ListGroupMembers")
    assert "policies" in nouns("GetSignInPolicy")
    assert "regrouping" not in nouns("UpdateGroup")
