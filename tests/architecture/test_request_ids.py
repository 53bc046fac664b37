"""Every change with a request id is recorded by the one mechanism of plexuskit (GW-6, ADR 13).

Request types are read from the contracts, and how their edges treat them from the code.
"""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import plexus
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from plexus.bounds.v1 import bounds_pb2
from plexus.messaging.v1.messaging_service_pb2 import SendMessageResponse

pytestmark = pytest.mark.rule("GW-6")

MECHANISM = "plexuskit.request_ids"
EDGE = "request_of"
# Its collection is named in no other module.
COLLECTION = "requests"


def every_method() -> Iterator[MethodDescriptor]:
    names = (found.name for found in pkgutil.walk_packages(plexus.__path__, "plexus."))
    for name in names:
        if name.endswith("_service_pb2"):
            for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
                yield from service.methods


def posts_messages(method: MethodDescriptor) -> bool:
    """Tell whether it answers how messages were stored: the log keeps their ids (MSG-3)."""
    stored = SendMessageResponse.DESCRIPTOR
    fields = method.output_type.fields
    return method.output_type is stored or any(each.message_type is stored for each in fields)


IDENTIFIED = [
    method for method in every_method() if "request_id" in method.input_type.fields_by_name
]
RECORDED = [method for method in IDENTIFIED if not posts_messages(method)]


def edges_of(root: Path, service: str) -> list[Path]:
    source = root / "services" / service / "src"
    files = [*source.rglob("api.py"), *source.rglob("api/*.py")]
    assert files, service
    return sorted(files)


def handlers_of(root: Path, method: MethodDescriptor) -> list[tuple[ast.Module, ast.AST]]:
    """Return the functions that serve a method, each with its module."""
    found: list[tuple[ast.Module, ast.AST]] = []
    service = method.containing_service.file.package.split(".")[1]
    for path in edges_of(root, service):
        module = ast.parse(path.read_text())
        found += [
            (module, node)
            for node in ast.walk(module)
            if isinstance(node, ast.AsyncFunctionDef) and node.name == method.name
        ]
    return found


def declares(handler: ast.AST) -> bool:
    """Tell whether it recognises its own request by `request_of(request)`."""
    assert isinstance(handler, ast.AsyncFunctionDef)
    request = handler.args.args[1].arg
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == EDGE
        and [each.id for each in node.args if isinstance(each, ast.Name)] == [request]
        for node in ast.walk(handler)
    )


def imports_edge(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == MECHANISM
        and any(each.name == EDGE and each.asname is None for each in node.names)
        for node in module.body
    )


@pytest.mark.parametrize("method", IDENTIFIED, ids=lambda method: method.full_name)
def test_gw_06_the_edge_declares_every_request_type_with_an_id(
    root: Path, method: MethodDescriptor
) -> None:
    ((module, handler),) = handlers_of(root, method)

    assert declares(handler) == (method in RECORDED)
    if method in RECORDED:
        assert imports_edge(module)


def test_gw_06_nothing_else_is_declared(root: Path) -> None:
    declared = {
        node.name
        for service in (root / "services").iterdir()
        if (service / "src").is_dir()
        for path in [*service.rglob("src/**/api.py"), *service.rglob("src/**/api/*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef) and declares_anything(node)
    }
    assert declared == {method.name for method in RECORDED}


def declares_anything(handler: ast.AsyncFunctionDef) -> bool:
    return any(isinstance(node, ast.Name) and node.id == EDGE for node in ast.walk(handler))


def test_gw_06_no_service_has_a_mechanism_of_its_own(root: Path) -> None:
    naming = {
        path.relative_to(root)
        for folder in ("services", "libs")
        for path in (root / folder).rglob("src/**/*.py")
        if names_collection(ast.parse(path.read_text()))
    }
    assert naming == {Path("libs/plexuskit/src/plexuskit/request_ids.py")}


def names_collection(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "collection"
        and any(isinstance(each, ast.Constant) and each.value == COLLECTION for each in node.args)
        for node in ast.walk(module)
    )


@pytest.mark.parametrize("method", RECORDED, ids=lambda method: method.full_name)
def test_gw_06_passwords_are_where_they_are_left_out_of_the_hash(method: MethodDescriptor) -> None:
    """They are fields of the request itself: `Request.of` looks no deeper."""
    below = [each.message_type for each in method.input_type.fields if each.message_type]
    assert not [each.full_name for each in passwords_below(below, seen=set())]


def passwords_below(
    messages: list[Descriptor], *, seen: set[Descriptor]
) -> Iterator[FieldDescriptor]:
    for message in messages:
        if message in seen:
            continue
        seen.add(message)
        for each in message.fields:
            bounds = each.GetOptions().Extensions[bounds_pb2.field]
            if bounds.preset == bounds_pb2.PRESET_PASSWORD:
                yield each
        below = [each.message_type for each in message.fields if each.message_type]
        yield from passwords_below(below, seen=seen)
