"""Documents of tasks: the bytes of releases, and documents from before a field existed."""

from datetime import date
from pathlib import Path
from typing import Final

from plexus_testkit.samples import AT, Mapped, differences
from tasks.domain.dues import DueAt, DueOn
from tasks.domain.projects import Project
from tasks.domain.task import Task
from tasks.store.documents import PROJECTS, TASKS, task_document

GOLDEN: Final = Path(__file__).with_name("documents.json")
COLLECTIONS: Final = {
    "tasks": Mapped(
        model=Task,
        write=task_document,
        read=TASKS.from_document,
        missing={"description": {"description": ""}},
    ),
    "tasks due at a time": Mapped(
        model=Task,
        write=lambda task: task_document(task, overdue_at=AT),
        read=TASKS.from_document,
        given={"due": DueAt(AT), "project_id": ""},
    ),
    "tasks due on a day": Mapped(
        model=Task,
        write=task_document,
        read=TASKS.from_document,
        given={"due": DueOn(date(2026, 2, 3))},
    ),
    "projects": Mapped(
        model=Project,
        write=PROJECTS.to_document,
        read=PROJECTS.from_document,
        missing={
            "closed": {"closed": False},
            "goal": {"goal": ""},
            "member_ids": {"member_ids": ()},
            "columns": {"columns": ()},
        },
    ),
}


def test_documents_are_stored_as_releases_store_them(tmp_path: Path) -> None:
    assert differences(GOLDEN, COLLECTIONS, made=tmp_path / "documents.json") == []
