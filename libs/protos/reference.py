"""Data of the API reference that descriptors lack at run time: comments, and reasons of refusals.

`comments.json` has the comment of every service, method, message, field and enum value that a
client can meet, by its full name; nothing that only services use is in it (GW-1). `refusals.json`
has the refusals of every service that owns data: reason, status code and text.
"""

import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.descriptor import Descriptor, EnumDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

Place = tuple[int, ...]
"""The place of an element in its file, as `SourceCodeInfo.Location.path` has it."""

_LINE = re.compile(r" *\n *")
_GOOGLE = "google."


def write_comments(proto: Path, target: Path) -> None:
    """Write `comments.json`.

    Args:
        proto: folder of the contracts; their generated code can be imported.
        target: the file to write.

    Raises:
        CalledProcessError: protoc refused a file; its message is on stderr.
    """
    shown = _shown_names()
    found = comments_of(proto)
    _write(target, {name: comment for name, comment in found.items() if name in shown})


def comments_of(proto: Path) -> dict[str, str]:
    """Return the comments of all contracts by full names; raises as `write_comments` does."""
    return dict(sorted(_comments(_described(proto))))


def write_refusals(services: list[str], target: Path) -> None:
    """Write `refusals.json`: of each service, every reason with its status code and its text."""
    status = import_module("plexuskit.grpc.status")
    found = {
        service: {
            refusal.reason: {"code": status.CODES[refusal.kind].name, "text": refusal.text}
            for refusal in _refusals(service)
        }
        for service in services
    }
    _write(target, found)


def _write(target: Path, content: object) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=0, sort_keys=True)
    target.write_text(f"{text}\n", encoding="utf-8")


def _described(proto: Path) -> FileDescriptorSet:
    files = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    with TemporaryDirectory() as folder:
        written = Path(folder, "descriptors.bin")
        command = [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}"),
            *("--include_source_info", f"--descriptor_set_out={written}", *files),
        ]
        subprocess.run(command, check=True)
        return FileDescriptorSet.FromString(written.read_bytes())


def _comments(described: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    for file in described.file:
        names = dict(_names(file))
        for location in file.source_code_info.location:
            comment = _LINE.sub(" ", location.leading_comments.strip())
            name = names.get(tuple(location.path))
            if comment and name:
                yield name, comment


def _names(file: FileDescriptorProto) -> Iterator[tuple[Place, str]]:
    """Yield the place and the full name of everything in a file that has a comment."""
    for number, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield (6, number), name
        for place, method in enumerate(service.method):
            yield (6, number, 2, place), f"{name}.{method.name}"
    for number, message in enumerate(file.message_type):
        yield from _of_message(message, (4, number), f"{file.package}.{message.name}")
    for number, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (5, number), f"{file.package}.{enum.name}")


def _of_message(message: DescriptorProto, path: Place, name: str) -> Iterator[tuple[Place, str]]:
    yield path, name
    for number, field in enumerate(message.field):
        yield (*path, 2, number), f"{name}.{field.name}"
    for number, nested in enumerate(message.nested_type):
        yield from _of_message(nested, (*path, 3, number), f"{name}.{nested.name}")
    for number, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, 4, number), f"{name}.{enum.name}")


def _of_enum(enum: EnumDescriptorProto, path: Place, name: str) -> Iterator[tuple[Place, str]]:
    yield path, name
    for number, value in enumerate(enum.value):
        # Beside its enum in protobuf; below it here, where no other enum's value can meet it.
        yield (*path, 2, number), f"{name}.{value.name}"


def _shown_names() -> set[str]:
    """Return the full names of everything that belongs to a method for clients."""
    methods = list(_shown_methods())
    names = {method.full_name for method in methods}
    names |= {method.containing_service.full_name for method in methods}
    seen: set[str] = set()
    for method in methods:
        for message in (method.input_type, method.output_type):
            names.update(_names_below(message, seen))
    return names


def _shown_methods() -> Iterator[MethodDescriptor]:
    pool = import_module("google.protobuf.descriptor_pool").Default()
    for path, info in import_module("plexuskit.grpc").requirements().items():
        if not info.requirement.internal:
            yield pool.FindMethodByName(path[1:].replace("/", "."))


def _names_below(message: Descriptor, seen: set[str]) -> Iterator[str]:
    if message.full_name in seen or message.full_name.startswith(_GOOGLE):
        return
    seen.add(message.full_name)
    yield message.full_name
    for field in message.fields:
        yield field.full_name
        if field.message_type is not None:
            yield from _names_below(field.message_type, seen)
        if field.enum_type is not None:
            yield from _names_of(field.enum_type)


def _names_of(enum: EnumDescriptor) -> Iterator[str]:
    yield enum.full_name
    for value in enum.values:
        yield f"{enum.full_name}.{value.name}"


def _refusals(service: str) -> list[type]:
    """Return the refusals of a service, by import of all its modules."""
    package = import_module(service)
    for module in pkgutil.walk_packages(package.__path__, f"{service}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    waiting = [import_module("plexuskit.errors").Refusal]
    found = []
    while waiting:
        for refusal in waiting.pop().__subclasses__():
            waiting.append(refusal)
            own = refusal.__module__.partition(".")[0] == service
            if own and not refusal.__name__.startswith("_") and hasattr(refusal, "kind"):
                found.append(refusal)
    # A class of the domain describes its reason best where two share one.
    return sorted(found, key=lambda it: (".domain." in it.__module__, it.__module__, it.__name__))
