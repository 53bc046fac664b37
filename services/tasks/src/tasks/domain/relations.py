"""Read access for other services."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.domain.identity import TenantId
from tasks.domain.projects import Project
from tasks.domain.task import Task

PROJECT: Final = "project"
TASK: Final = "task"
# Holds every task of no project that involves one person; its id is the id of that person. One
# container instead of one per task: people have few projects, but any number of tasks.
TASK_PARTICIPANT: Final = "task-participant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """Container that is readable as a whole."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Everything a person may read; `version` changes whenever the containers do."""

    version: str
    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An object of a query: kind `task` (id or key) or `project`."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Version of an object that is readable now, else 0."""

    readable: bool
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """`object#relation@subject`, at a version of the object."""

    tenant_id: TenantId
    object: str
    relation: str
    subject: str
    version: int


HIDDEN: Final = Verdict(readable=False, version=0)


def readable(*, person_id: str, project_ids: Iterable[str]) -> Readable:
    """Return a person's containers: projects, and tasks without one that involve the person."""
    ordered = sorted(project_ids)
    content = "\n".join((person_id, *ordered)).encode()
    return Readable(
        version=hashlib.blake2b(content, digest_size=16).hexdigest(),
        containers=(
            *(Container(kind=PROJECT, id=project_id) for project_id in ordered),
            Container(kind=TASK_PARTICIPANT, id=person_id),
        ),
    )


def project_relations(project: Project) -> Iterator[Relation]:
    """Yield who is a member of a project."""
    yield from _relations(
        tenant_id=project.tenant_id,
        object_=f"{PROJECT}:{project.id}",
        relation="member",
        subjects=[f"person:{person_id}" for person_id in project.member_ids],
        version=project.version,
    )


def task_relations(task: Task) -> Iterator[Relation]:
    """Yield the project of a task, or its participants when it has none."""
    in_project = bool(task.project_id)
    yield from _relations(
        tenant_id=task.tenant_id,
        object_=f"{TASK}:{task.id}",
        relation="project" if in_project else "participant",
        subjects=[f"{PROJECT}:{task.project_id}"]
        if in_project
        else [f"person:{person_id}" for person_id in task.participants],
        version=task.version,
    )


def _relations(
    *, tenant_id: TenantId, object_: str, relation: str, subjects: Sequence[str], version: int
) -> Iterator[Relation]:
    for subject in subjects:
        yield Relation(
            tenant_id=tenant_id,
            object=object_,
            relation=relation,
            subject=subject,
            version=version,
        )
