"""Fixtures that build Slack exports for the tests of the reader."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from plexus.directory.v1 import directory_service_pb2
from plexus.messaging.v1 import import_service_pb2
from plexus_cli.slack import (
    Export,
    Problems,
    Workspace,
    conversation_requests,
    message_requests,
    names_of,
    open_export,
    people_requests,
    survey,
)

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def person_id(external_id: str) -> str:
    return f"per_{external_id}"


def conversation_id(external_id: str) -> str:
    return f"cnv_{external_id}"


@dataclass(kw_only=True)
class Reading:
    """One pass over an export, with its problems."""

    export: Export
    workspace: Workspace
    problems: Problems

    def people(self) -> list[directory_service_pb2.ImportedPerson]:
        requests = people_requests(list(self.workspace.people.values()))
        return [person for request in requests for person in request.people]

    def conversations(self) -> list[import_service_pb2.ImportedConversation]:
        requests = conversation_requests(
            self.workspace.channels,
            self.workspace.people,
            person=person_id,
            names=names_of(self.workspace, person=person_id),
            problems=self.problems,
        )
        return [item for request in requests for item in request.conversations]

    def batches(self, key: str) -> Iterator[import_service_pb2.ImportMessagesRequest]:
        (channel,) = (item for item in self.workspace.channels if item.key == key)
        return message_requests(
            channel,
            workspace=self.workspace,
            export=self.export,
            person=person_id,
            conversation=conversation_id,
            now=NOW,
            problems=self.problems,
        )

    def messages(self, key: str = "C1") -> list[import_service_pb2.ImportedMessage]:
        return [message for request in self.batches(key) for message in request.messages]


Read = Callable[..., Reading]


@pytest.fixture
def read() -> Iterator[Read]:
    """Return a function that opens and surveys the export at a path; close it after the test."""
    with ExitStack() as stack:

        def reading(path: Path, *, strict: bool = False) -> Reading:
            export = stack.enter_context(open_export(path))
            problems = Problems(strict=strict)
            workspace = survey(export, now=NOW, problems=problems)
            return Reading(export=export, workspace=workspace, problems=problems)

        yield reading


USERS = (
    {"id": "U1", "name": "lanette", "profile": {"real_name": "Lanette Ott", "email": "l@e.org"}},
    {"id": "U2", "name": "bo", "real_name": "Bo", "deleted": True, "tz": "Europe/Berlin"},
    {"id": "U3", "name": "ci", "is_bot": True, "profile": {"bot_id": "B3"}, "locale": "zh-CN"},
)
CHANNEL = {"id": "C1", "name": "general", "members": ["U1", "U2"], "creator": "U2"}

WriteExport = Callable[..., Path]


@pytest.fixture
def write_export(tmp_path: Path) -> WriteExport:
    """Return a function that writes an export folder: one channel `general` by default."""

    def write(
        days: Mapping[str, Sequence[object] | str | bytes],
        *,
        users: Sequence[object] = USERS,
        lists: Mapping[str, Sequence[object]] | None = None,
    ) -> Path:
        root = tmp_path / "export"
        root.mkdir(exist_ok=True)
        files: dict[str, object] = {"users.json": users}
        files |= {"channels.json": [CHANNEL]} if lists is None else lists
        files |= {f"{name}.json": entries for name, entries in days.items()}
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(
                    content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
                )
        return root

    return write


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[[Path], Path]:
    """Pack an export folder into a zip file."""

    def pack(root: Path) -> Path:
        path = tmp_path / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(root.rglob("*.json")):
                archive.write(file, file.relative_to(root).as_posix())
        return path

    return pack
