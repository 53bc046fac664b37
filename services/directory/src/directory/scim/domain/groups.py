"""Groups as the feed sees them, and the effect of its resources on a group."""

from collections.abc import Collection
from dataclasses import replace

from scim2_models import InvalidValueException, Meta, Reference

from directory.people.domain import groups, profiles
from directory.people.domain.groups import Group
from directory.scim.domain import resources
from directory.scim.domain.people import SOURCE
from directory.scim.domain.resources import GroupMember
from directory.shared.domain.ids import PersonId

_PERSON = "User"


def etag(group: Group) -> str:
    """Return the weak entity tag of a group with its members."""
    return f'W/"{group.version}"'


def resource(group: Group, members: Collection[PersonId], *, base_url: str) -> resources.Group:
    """Return the resource of a group; `base_url` precedes ids. In: its members, in no order."""
    said = group.external_id.removeprefix(f"{SOURCE}:")
    return resources.Group(
        id=group.id,
        external_id=said if said != group.external_id else None,
        display_name=group.name,
        members=[
            GroupMember(
                value=person_id,
                ref=Reference(f"{base_url}{resources.USERS}/{person_id}"),
                type=_PERSON,
            )
            for person_id in sorted(members)
        ]
        or None,
        meta=Meta(
            resource_type="Group",
            location=f"{base_url}{resources.GROUPS}/{group.id}",
            version=etag(group),
        ),
    )


def member_ids(wanted: resources.Group) -> frozenset[PersonId]:
    """Name who is to belong to a group.

    Raises:
        InvalidValueException: a member has no id, or is a group.
    """
    named = set()
    for member in wanted.members or []:
        if not member.value or (member.type or _PERSON).lower() != _PERSON.lower():
            raise InvalidValueException(detail="members are people, by their ids")
        named.add(PersonId(member.value))
    return frozenset(named)


def external_id(wanted: resources.Group) -> str:
    """Return the group's key with the feed as its source; empty for none.

    Raises:
        InvalidArgument: it holds what it may not.
    """
    said = wanted.external_id
    return profiles.external_id(f"{SOURCE}:{said}", field="externalId") if said else ""


def changed(group: Group, wanted: resources.Group) -> Group:
    """Update name and key of a group to the wanted ones; out: the same object if nothing differs.

    Another system's key stays, since that system finds the group by it.

    Raises:
        InvalidArgument: a name or key is not allowed.
    """
    others = group.external_id and not group.external_id.startswith(f"{SOURCE}:")
    named = replace(
        group,
        name=profiles.display_name(wanted.display_name or "", field="displayName"),
        external_id=group.external_id if others else external_id(wanted),
    )
    return group if named == group else groups.next_version(named)
