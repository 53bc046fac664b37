"""Latest resource of a person in the feed, kept beside the person made of it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from scim2_models import Context, InvalidValueException, Meta

from directory.people.domain.people import Person
from directory.scim.domain.resources import POLICY, USER, Email, EnterpriseUser, FeedUser, Superior
from directory.shared.domain.ids import DepartmentId, PersonId, TenantId

MAX_USER_NAME: Final = 256
# Amendments of attributes in the enterprise extension.
EXTENDED: Final = frozenset({"employee_number", "cost_center", "manager"})
MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Person as the feed knows them; `removed` after DELETE, when the feed sees them no more.

    `amended` holds changes made here since the feed's latest write, by name of the attribute;
    `department_id` is the department that the feed's attributes stand for.
    """

    person_id: PersonId
    tenant_id: TenantId
    resource: dict[str, Any]
    amended: dict[str, Any]
    department_id: DepartmentId | None
    removed: bool
    created_at: datetime
    changed_at: datetime
    version: int

    def user(self) -> FeedUser:
        """Return the resource with its id as it is now, without its place."""
        user: FeedUser = USER.model_validate(self.resource, scim_policy=POLICY)
        user.id = self.person_id
        for name, value in self.amended.items():
            _amend(user, name, value)
        return user

    def shown(self, *, location: str) -> FeedUser:
        """Return the resource with its meta; `location` is its URL."""
        user = self.user()
        user.meta = Meta(
            resource_type="User",
            created=self.created_at,
            last_modified=self.changed_at,
            location=location,
            version=self.etag,
        )
        return user

    @property
    def etag(self) -> str:
        """Weak entity tag: the representation also contains values without a version."""
        return f'W/"{self.version}"'


def begin(
    user: FeedUser, person: Person, *, department_id: DepartmentId | None, now: datetime
) -> Record:
    """Create the record of a person who is new to the feed.

    Raises:
        InvalidValueException: the resource is larger than 256 KB, or its userName longer than 256.
    """
    return Record(
        person_id=person.id,
        tenant_id=person.tenant_id,
        resource=_kept(user),
        amended={},
        department_id=department_id,
        removed=False,
        created_at=now,
        changed_at=now,
        version=1,
    )


def renew(
    record: Record, user: FeedUser, *, department_id: DepartmentId | None, now: datetime
) -> Record:
    """Replace the feed's previous resource by the current one; a removed record is restored.

    Raises:
        InvalidValueException: as for `begin`.
    """
    return replace(
        record,
        resource=_kept(user),
        amended={},
        department_id=department_id,
        removed=False,
        changed_at=now,
        version=record.version + 1,
    )


def remove(record: Record, *, now: datetime) -> Record:
    """Hide a person from the feed."""
    return replace(record, removed=True, changed_at=now, version=record.version + 1)


def same(record: Record, renewed: Record) -> bool:
    """Return whether a renewed record is unchanged."""
    return (
        record.department_id == renewed.department_id and _kept(record.user()) == renewed.resource
    )


def amendments(previous: Person, after: Person) -> dict[str, Any]:
    """Return a record's amendments after a change made here; empty if it changed no attribute."""
    changed = {
        "active": (previous.active, after.active),
        "display_name": (previous.display_name, after.display_name),
        "title": (previous.title, after.title),
        "timezone": (previous.time_zone, after.time_zone),
        "preferred_language": (previous.locale, after.locale),
        "emails": (previous.email, after.email),
        "employee_number": (previous.employee_number, after.employee_number),
        "cost_center": (previous.cost_center, after.cost_center),
        "manager": (previous.manager_id, after.manager_id),
    }
    return {name: now for name, (then, now) in changed.items() if now != then}


def amended_user(amended: dict[str, Any]) -> FeedUser:
    """Return a resource that holds the amendments alone."""
    user: FeedUser = USER()
    for name, value in amended.items():
        _amend(user, name, value)
    return user


def _amend(user: FeedUser, name: str, value: Any) -> None:
    if name == "emails":
        user.emails = [Email(value=value, primary=True)] if value else None
    elif name in EXTENDED:
        enterprise = user[EnterpriseUser] or EnterpriseUser()
        said = Superior(value=value) if name == "manager" and value else value
        setattr(enterprise, name, said or None)
        user[EnterpriseUser] = enterprise
    else:
        setattr(user, name, value if value != "" else None)


def _kept(user: FeedUser) -> dict[str, Any]:
    if len(user.user_name or "") > MAX_USER_NAME:
        raise InvalidValueException(
            detail=f"userName is longer than {MAX_USER_NAME} characters", attribute="userName"
        )
    # As in a creation request: read-only attributes are left out.
    kept: dict[str, Any] = user.model_dump(scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    kept.pop("password", None)
    if len(json.dumps(kept, ensure_ascii=False).encode()) > MAX_BYTES:
        raise InvalidValueException(detail=f"the resource is larger than {MAX_BYTES} bytes")
    return kept
