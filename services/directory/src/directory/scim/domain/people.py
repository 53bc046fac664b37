"""Effect of the feed's attributes on a person."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument

from directory.people.domain import handles, profiles
from directory.people.domain.people import Changes, Draft, Person
from directory.scim.domain.resources import EnterpriseUser, FeedUser
from directory.shared.domain.ids import DepartmentId

SOURCE: Final = "scim"
# Names that are written family name first and without a space.
_JOINED_NAMES: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A person as the feed wants them; empty, or None, for values that it does not send."""

    display_name: str
    email: str
    title: str
    time_zone: str
    locale: str
    external_id: str
    employee_number: str
    cost_center: str
    manager_id: str
    active: bool | None

    def draft(self, *, handle: str, department_id: DepartmentId | None) -> Draft:
        """Return the draft of a new person."""
        return Draft(
            handle=handle,
            display_name=self.display_name,
            email=self.email,
            department_ids=(department_id,) if department_id else (),
            title=self.title,
            time_zone=self.time_zone,
            locale=self.locale,
            employee_number=self.employee_number,
            cost_center=self.cost_center,
            manager_id=self.manager_id,
        )

    def changes(self, *, department_ids: Sequence[DepartmentId]) -> Changes:
        """Return the changes of an existing person; their role is never changed by the feed."""
        return Changes(
            display_name=self.display_name,
            email=self.email,
            title=self.title,
            time_zone=self.time_zone or None,
            locale=self.locale or None,
            department_ids=department_ids,
            employee_number=self.employee_number,
            cost_center=self.cost_center,
            manager_id=self.manager_id,
        )


def wanted(user: FeedUser) -> Wanted:
    """Read the wanted person from a resource.

    Raises:
        InvalidArgument: the display name, address, title or externalId is not allowed.
    """
    external_id = user.external_id or ""
    enterprise = user[EnterpriseUser] or EnterpriseUser()
    return Wanted(
        display_name=_display_name(user),
        email=profiles.email(_email(user), field="emails"),
        title=profiles.title(user.title or "", field="title"),
        time_zone=_if_valid(user.timezone, profiles.time_zone),
        locale=_if_valid(
            (user.preferred_language or user.locale or "").replace("_", "-"), profiles.locale
        ),
        external_id=external_id
        and profiles.external_id(f"{SOURCE}:{external_id}", field="externalId"),
        employee_number=profiles.line(enterprise.employee_number or "", field="employeeNumber"),
        cost_center=profiles.line(enterprise.cost_center or "", field="costCenter"),
        manager_id=(enterprise.manager.value or "") if enterprise.manager else "",
        active=user.active,
    )


def wanted_handle(user: FeedUser) -> str:
    """Make a handle of the userName, of an address its local part; never refuses."""
    name = user.user_name or ""
    local, at, _ = name.partition("@")
    return handles.derive(local if at and local else name, otherwise=user.external_id or "")


def departments_of(
    person: Person, *, said: DepartmentId | None, now_said: DepartmentId | None
) -> tuple[DepartmentId, ...]:
    """Put the feed's department first, in place of the feed's previous one.

    The person's other departments were set here, and stay.
    """
    others = [id_ for id_ in person.department_ids if id_ not in {said, now_said}]
    return tuple([now_said, *others] if now_said else others)


def department_path(user: FeedUser, *, template: str, separator: str) -> tuple[str, ...]:
    """Return the names of departments, from the root down, in the enterprise extension.

    In: `{organization}`, `{division}` and `{department}` in a template, whose parts are separated
        by the separator. Out: names, none of them empty; nothing for a person without a department.

    Raises:
        InvalidArgument: a value contains the separator: only the template leads from one department
            to another, so that no value reaches a department of its own choice.
    """
    names = department_words(user)
    for name, value in names.items():
        if f"{{{name}}}" in template and separator in value:
            raise InvalidArgument(
                field=name,
                problem=(
                    f"holds {separator!r}, which parts levels: send one name in each of"
                    " organization, division and department and set DIRECTORY_SCIM__DEPARTMENT_PATH"
                    " to them, or set another DIRECTORY_SCIM__DEPARTMENT_SEPARATOR"
                ),
            )
    parts = (part.format_map(names).strip() for part in template.split(separator))
    return tuple(part for part in parts if part)


def department_words(user: FeedUser) -> dict[str, str]:
    """Return the department attributes of the enterprise extension; empty if there are none."""
    extension: EnterpriseUser | None = user[EnterpriseUser]
    return {
        name: (getattr(extension, name, None) or "") if extension else ""
        for name in ("organization", "division", "department")
    }


def _display_name(user: FeedUser) -> str:
    name = user.name
    said = user.display_name or (name.formatted if name else None)
    if not said and name and (name.family_name or name.given_name):
        family, given = name.family_name or "", name.given_name or ""
        joined = bool(_JOINED_NAMES.search(family + given))
        said = family + given if joined else f"{given} {family}".strip()
    return profiles.display_name(said or user.user_name or "", field="displayName")


def _email(user: FeedUser) -> str:
    """Choose the primary address, else the first of work, else the first."""
    emails = [email for email in user.emails or [] if email.value]
    ranked = sorted(emails, key=lambda email: (not email.primary, email.type != "work"))
    return ranked[0].value or "" if ranked else ""


def _if_valid(value: str | None, check: Callable[[str], str]) -> str:
    """Return a value that the person can have; the feed's own word is kept beside them anyway."""
    try:
        return check(value) if value else ""
    except InvalidArgument:
        return ""
