"""Bounds of the feed's values, as the contract declares them for the same fields (GW-8).

A SCIM body is another format of the requests that create and change people, departments and groups.
Its values are checked here, before any other code reads them, as a server checks requests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from plexus.directory.v1 import directory_service_pb2 as pb
from plexuskit import bounds

from directory.scim.domain.changes import Change
from directory.scim.domain.people import SOURCE
from directory.scim.domain.resources import EnterpriseUser, FeedUser, Group

_PERSON: Final = pb.CreatePersonRequest
_DEPARTMENTS: Final = ("organization", "division", "department")

Word = tuple[str, type[Any], str, Any]
"""Attribute, the message and field that declare its bounds, and the feed's value."""


def check_user(user: FeedUser) -> FeedUser:
    """Return a user whose words are within their bounds.

    Raises:
        FieldOutOfRange: naming the attribute.
    """
    _check(_of_user(user))
    return user


def check_group(group: Group) -> Group:
    """Return a group whose words are within their bounds.

    Raises:
        FieldOutOfRange: naming the attribute.
    """
    _check(_of_group(group))
    return group


def checked(change: Change[Any]) -> Change[Any]:
    """Return a change that refuses a result outside its bounds.

    Applying it raises also FieldOutOfRange.
    """

    def apply(current: Any) -> Any:
        wanted = change.apply(current)
        return check_group(wanted) if isinstance(wanted, Group) else check_user(wanted)

    return replace(change, apply=apply)


def _check(words: Iterable[Word]) -> None:
    for attribute, message, field, said in words:
        refusal = bounds.violation(message(**{field: said})) if said else None
        if refusal is not None:
            raise refusal.at(attribute)


def _of_user(user: FeedUser) -> Iterator[Word]:
    name = user.name
    extension = user[EnterpriseUser] or EnterpriseUser()
    yield from (
        # An address as a rule; a handle is made of it.
        ("userName", _PERSON, "email", user.user_name),
        ("externalId", pb.ImportedPerson, "external_id", _key(user.external_id)),
        ("displayName", _PERSON, "display_name", user.display_name),
        ("title", _PERSON, "title", user.title),
        ("timezone", _PERSON, "time_zone", user.timezone),
        ("preferredLanguage", _PERSON, "locale", user.preferred_language),
        ("locale", _PERSON, "locale", user.locale),
        ("password", _PERSON, "password", user.password),
        ("employeeNumber", _PERSON, "employee_number", extension.employee_number),
        ("costCenter", _PERSON, "cost_center", extension.cost_center),
    )
    if name:
        yield ("name.formatted", _PERSON, "display_name", name.formatted)
        yield ("name.familyName", _PERSON, "display_name", name.family_name)
        yield ("name.givenName", _PERSON, "display_name", name.given_name)
    for email in user.emails or []:
        yield ("emails.value", _PERSON, "email", email.value)
    if extension.manager:
        yield ("manager.value", _PERSON, "manager_id", extension.manager.value)
    for attribute in _DEPARTMENTS:
        said = getattr(extension, attribute)
        yield (attribute, pb.CreateDepartmentRequest, "name", said)


def _of_group(group: Group) -> Iterator[Word]:
    yield ("displayName", pb.CreateGroupRequest, "name", group.display_name)
    yield ("externalId", pb.CreateGroupRequest, "external_id", _key(group.external_id))
    for member in group.members or []:
        yield ("members.value", pb.CreateGroupRequest, "member_ids", _ids(member.value))


def _ids(id_: str | None) -> list[str]:
    return [id_] if id_ else []


def _key(external_id: str | None) -> str | None:
    return f"{SOURCE}:{external_id}" if external_id else None
