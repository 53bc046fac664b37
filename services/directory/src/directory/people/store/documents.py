"""Tenants, people and departments as documents; the only place that knows both shapes."""

from collections.abc import Mapping, Sequence
from typing import Any

from directory.people.domain.absences import Absence
from directory.people.domain.departments import Department
from directory.people.domain.people import FormerHandle, Kind, Person
from directory.people.domain.posts import Post
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import DEFAULT, Window, WorkingHours
from directory.shared.domain.actors import State
from directory.shared.domain.ids import DepartmentId, GroupId, PersonId, TenantId
from directory.shared.domain.texts import fold
from directory.shared.store.documents import Document


def person_document(person: Person) -> Document:
    """Write a person; `search` is the text in which parts of handle and name are searched."""
    document: Document = {
        "_id": person.id,
        "tenant_id": person.tenant_id,
        "handle": person.handle,
        "display_name": person.display_name,
        "search": f"{person.handle}\n{fold(person.display_name)}",
        "email": person.email,
        "state": person.state.value,
        "kind": person.kind.value,
        "department_ids": list(person.department_ids),
        "title": person.title,
        "time_zone": person.time_zone,
        "working_hours": _hours_document(person.working_hours),
        "locale": person.locale,
        "roles": list(person.roles),
        "created_at": person.created_at,
        "version": person.version,
        "posts": posts_document(person.posts),
        "skills": list(person.skills),
        "manager_id": person.manager_id,
        "guest_expires_at": person.guest_expires_at,
        "absence": _absence_document(person.absence),
        "cost_center": person.cost_center,
        "group_ids": list(person.group_ids),
    }
    # Absent rather than empty: the unique indexes hold only people that have one.
    if person.external_id:
        document["external_id"] = person.external_id
    if person.former_handles:
        document["former_handles"] = [
            {"handle": each.handle, "until": each.until} for each in person.former_handles
        ]
    if person.employee_number:
        document["employee_number"] = person.employee_number
    if person.reactivated_at:
        document["reactivated_at"] = person.reactivated_at
    return document


def person_from(document: Mapping[str, Any]) -> Person:
    """Read a person; a field missing in an older document is empty."""
    return Person(
        id=PersonId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        handle=document["handle"],
        display_name=document["display_name"],
        email=document["email"],
        state=State(document["state"]),
        kind=Kind(document["kind"]),
        department_ids=tuple(map(DepartmentId, document["department_ids"])),
        title=document["title"],
        time_zone=document["time_zone"],
        working_hours=_hours_from(document),
        locale=document["locale"],
        roles=tuple(document["roles"]),
        external_id=document.get("external_id", ""),
        created_at=document["created_at"],
        version=document["version"],
        posts=tuple(
            Post(DepartmentId(post["department_id"]), post["title"])
            for post in document.get("posts", ())
        ),
        skills=tuple(document.get("skills", ())),
        manager_id=document.get("manager_id", ""),
        guest_expires_at=document.get("guest_expires_at"),
        absence=_absence_from(document.get("absence")),
        employee_number=document.get("employee_number", ""),
        former_handles=tuple(
            FormerHandle(each["handle"], each["until"])
            for each in document.get("former_handles", ())
        ),
        cost_center=document.get("cost_center", ""),
        group_ids=tuple(map(GroupId, document.get("group_ids", ()))),
        reactivated_at=document.get("reactivated_at"),
    )


def posts_document(posts: Sequence[Post]) -> list[Document]:
    """Write the posts of a person."""
    return [{"department_id": post.department_id, "title": post.title} for post in posts]


def _absence_document(absence: Absence | None) -> Document | None:
    if absence is None:
        return None
    return {
        "starts_at": absence.starts_at,
        "ends_at": absence.ends_at,
        "deputy_id": absence.deputy_id,
        "note": absence.note,
    }


def _absence_from(document: Mapping[str, Any] | None) -> Absence | None:
    if document is None:
        return None
    return Absence(
        starts_at=document["starts_at"],
        ends_at=document["ends_at"],
        deputy_id=PersonId(document["deputy_id"]),
        note=document["note"],
    )


def department_document(department: Department) -> Document:
    """Write a department; `depth` orders parents before children."""
    document: Document = {
        "_id": department.id,
        "tenant_id": department.tenant_id,
        "name": department.name,
        "parent_id": department.parent_id,
        "path": list(department.path),
        "depth": department.depth,
        "version": department.version,
        "leader_id": department.leader_id,
        "closed": department.closed,
        "merged_into_id": department.merged_into_id,
    }
    if department.external_id:
        document["external_id"] = department.external_id
    return document


def department_from(document: Mapping[str, Any]) -> Department:
    """Read a department."""
    return Department(
        id=DepartmentId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        parent_id=document["parent_id"],
        path=tuple(map(DepartmentId, document["path"])),
        external_id=document.get("external_id", ""),
        version=document["version"],
        leader_id=document.get("leader_id", ""),
        closed=document.get("closed", False),
        merged_into_id=document.get("merged_into_id", ""),
    )


def tenant_document(tenant: Tenant) -> Document:
    """Write a tenant."""
    return {
        "_id": tenant.id,
        "name": tenant.name,
        "time_zone": tenant.time_zone,
        "working_hours": _hours_document(tenant.working_hours),
        "created_at": tenant.created_at,
    }


def tenant_from(document: Mapping[str, Any]) -> Tenant:
    """Read a tenant."""
    return Tenant(
        id=TenantId(document["_id"]),
        name=document["name"],
        time_zone=document["time_zone"],
        working_hours=_hours_from(document),
        created_at=document["created_at"],
    )


def _hours_document(hours: WorkingHours) -> Document:
    return {
        "weekdays": list(hours.weekdays),
        "windows": [[window.start, window.end] for window in hours.windows],
    }


def _hours_from(document: Mapping[str, Any]) -> WorkingHours:
    """Read working hours; a document from before there were any has the default."""
    hours = document.get("working_hours")
    if hours is None:
        return DEFAULT
    return WorkingHours(
        weekdays=tuple(hours["weekdays"]),
        windows=tuple(Window(start, end) for start, end in hours["windows"]),
    )
