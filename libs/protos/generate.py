"""Generate everything under `src/plexus`, and `docs/asyncapi.yaml`.

Run by `make proto`; `make proto-check` runs it and fails when the result differs from what is
committed.
"""

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.descriptor import Descriptor
from reference import comments_of, write_comments, write_refusals

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
TARGET = ROOT / "libs/protos/src"

TOPICS_HEAD = '''"""Topic and consumer constants, generated from proto/topics.yaml; never edited."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of the catalogue."""

    name: str
    owner: str
    partitions: int
    retention_minutes: int
    facts: frozenset[str]
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer group of the catalogue; `dlq` is empty for readers without a dead-letter topic."""

    group: str
    service: str
    topics: tuple[str, ...]
    dlq: str


'''


FACTS_HEAD = '''"""The facts of all services, generated from the options in proto; never edited."""

'''


CALLS_HEAD = '''"""Allowed calls between services, generated from proto/calls.yaml; never edited."""

from collections.abc import Mapping
from types import MappingProxyType

CALLERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
'''


def generate_messages() -> None:
    """Run protoc over every contract.

    Raises:
        CalledProcessError: protoc refused a file; its message is on stderr.
    """
    package = TARGET / "plexus"
    for old in package.glob("*/v1"):
        shutil.rmtree(old)
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"),
        *(f"--python_out={TARGET}", f"--grpc_python_out={TARGET}"),
        *(f"--mypy_out={TARGET}", f"--mypy_grpc_out={TARGET}", *files),
    ]
    plugins = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PATH": plugins})
    for folder in {path.parent for path in package.rglob("*_pb2.py")}:
        for module in (folder, folder.parent, package):
            (module / "__init__.py").touch()
    (package / "py.typed").touch()


def described_facts() -> dict[str, list[Descriptor]]:
    """Return the facts of each topic, in the order of their files.

    Raises:
        ValueError: a fact names a topic that the catalogue does not have.
    """
    sys.path.insert(0, str(TARGET))
    option = import_module("plexus.event.v1.facts_pb2").fact
    topics = {
        topic["name"] for topic in yaml.safe_load((PROTO / "topics.yaml").read_text())["topics"]
    }
    facts: dict[str, list[Descriptor]] = defaultdict(list)
    for path in sorted(PROTO.rglob("*.proto")):
        module = ".".join(path.relative_to(PROTO).with_suffix("").parts) + "_pb2"
        messages = import_module(module).DESCRIPTOR.message_types_by_name.values()
        for message in messages:
            if not message.GetOptions().HasExtension(option):
                continue
            topic = message.GetOptions().Extensions[option].topic
            if topic not in topics:
                raise ValueError(
                    f"{message.full_name} is of topic {topic!r}: add it to topics.yaml"
                )
            facts[topic].append(message)
    return facts


def generate_facts(facts: dict[str, list[Descriptor]]) -> None:
    """Write `plexus/facts.py`: the class of each fact."""
    every = sorted((fact for each in facts.values() for fact in each), key=lambda it: it.full_name)
    modules = sorted({fact.file.name.removesuffix(".proto").replace("/", ".") for fact in every})
    aliases = {module: "_".join(module.split(".")[1::2]) for module in modules}
    imports = [
        f"from {module.rpartition('.')[0]} import {module.rpartition('.')[2]}_pb2 as {alias}\n"
        for module, alias in aliases.items()
    ]
    lines = [
        f"    {aliases[fact.file.name.removesuffix('.proto').replace('/', '.')]}.{fact.name},\n"
        for fact in every
    ]
    (TARGET / "plexus/facts.py").write_text(
        "".join([FACTS_HEAD, *imports, "\nFACTS = (\n", *lines, ")\n"])
    )


def _minutes(entry: dict[str, Any]) -> int:
    """Read how long records are kept: the catalogue has hours, or minutes for short times."""
    return int(entry.get("retention_minutes") or entry["retention_hours"] * 60)


def generate_topics(described: dict[str, list[Descriptor]]) -> None:
    """Write `plexus/topics.py` from the catalogue and the facts."""
    catalogue = yaml.safe_load((PROTO / "topics.yaml").read_text())
    lines = [TOPICS_HEAD]
    names: list[str] = []
    for topic in catalogue["topics"]:
        constant = topic["name"].upper().replace(".", "_")
        names.append(constant)
        facts = ", ".join(f'"{fact.full_name}"' for fact in described[topic["name"]])
        consumers = "".join(f'"{name}", ' for name in topic["consumers"])
        lines.append(
            f'{constant} = Topic(\n    name="{topic["name"]}",\n    owner="{topic["owner"]}",\n'
            f"    partitions={topic['partitions']},\n"
            f"    retention_minutes={_minutes(topic)},\n"
            f"    facts=frozenset(({facts},)),\n    consumers=({consumers}),\n)\n"
        )
    lines.append(f"\nTOPICS = ({', '.join(names)})\n\n")
    groups: list[str] = []
    for consumer in catalogue["consumers"]:
        constant = consumer["group"].upper().replace(".", "_")
        groups.append(constant)
        read = [t["name"] for t in catalogue["topics"] if consumer["group"] in t["consumers"]]
        topics = "".join(f"{name!r}, " for name in read)
        dlq = f"{consumer['group']}.dlq" if consumer["dlq"] else ""
        lines.append(
            f'{constant} = Consumer(\n    group="{consumer["group"]}",\n'
            f'    service="{consumer["service"]}",\n    topics=({topics}),\n'
            f'    dlq="{dlq}",\n)\n'
        )
    dlq = catalogue["dlq"]
    lines.append(
        f"\nCONSUMERS = ({', '.join(groups)})\n\n"
        f"DLQ_PARTITIONS = {dlq['partitions']}\nDLQ_RETENTION_MINUTES = {_minutes(dlq)}\n"
    )
    (TARGET / "plexus/topics.py").write_text("".join(lines))


def generate_calls() -> None:
    """Write `plexus/calls.py` from the catalogue."""
    catalogue = yaml.safe_load((PROTO / "calls.yaml").read_text())
    entries = [
        f'        "{service}": frozenset(({"".join(f"{name!r}, " for name in sorted(callers))})),\n'
        for service, callers in catalogue.items()
    ]
    (TARGET / "plexus/calls.py").write_text("".join([CALLS_HEAD, *entries, "    }\n)\n"]))


def owners() -> list[str]:
    """Return the services that own data, which is all but the gateway."""
    services = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
    return sorted(services - {"gateway"})


if __name__ == "__main__":
    generate_messages()
    facts = described_facts()
    generate_facts(facts)
    generate_topics(facts)
    generate_calls()
    write_comments(PROTO, TARGET / "plexus/comments.json")
    write_refusals(owners(), TARGET / "plexus/refusals.json")
    # Its declarations import the catalogue, which is only generated now.
    import_module("asyncapi").write_asyncapi(
        PROTO, ROOT / "docs/asyncapi.yaml", comments=comments_of(PROTO)
    )
