"""Groups: named sets of people, by name or by rule."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.names import clean_line

from directory.access.domain.role_bindings import is_self_chosen
from directory.people.domain import profiles
from directory.people.domain.people import Kind
from directory.people.domain.refusals import GroupByName, GroupTooLarge
from directory.shared.domain.ids import DepartmentId, GroupId, TenantId

T = TypeVar("T")

MAX_MEMBERS: Final = 10_000
MAX_CHANGED: Final = 5_000
_MAX_VALUES: Final = 200
_MAX_DESCRIPTION: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Membership rule: each field that is set must match, by any of its values.

    Departments include the people of those below. Titles match exactly, the person's own or a
    post's. Only active people belong.
    """

    department_ids: tuple[DepartmentId, ...] = ()
    titles: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of people; `rule` is None for one by name.

    `version` counts changes of the group and of its members, `size` the members.
    """

    id: GroupId
    tenant_id: TenantId
    name: str
    description: str
    department_id: str
    rule: Rule | None
    external_id: str
    version: int
    removed: bool = False
    size: int = 0

    @property
    def self_chosen(self) -> bool:
        """True if people can join by editing their own profile: such a group can hold no role."""
        return self.rule is not None and is_self_chosen(
            skills=self.rule.skills, locales=self.rule.locales
        )


def rule(
    *,
    department_ids: Iterable[str],
    titles: Iterable[str],
    skills: Iterable[str],
    locales: Iterable[str],
    kinds: Iterable[Kind],
) -> Rule:
    """Check a rule: at least one field is set, none holds more than 200 values.

    Raises:
        InvalidArgument: nothing is set, which would mean everyone, or a field has too many values.
    """
    made = Rule(
        department_ids=_values(map(DepartmentId, department_ids), "department_ids"),
        titles=_values(titles, "titles"),
        skills=_values(skills, "skills"),
        locales=_values(locales, "locales"),
        kinds=_values(kinds, "kinds"),
    )
    if made == Rule():
        raise InvalidArgument(field="rule", problem="sets no field; name kinds for everybody")
    return made


def create(
    *,
    group_id: GroupId,
    tenant_id: TenantId,
    name: str,
    description: str,
    department_id: str,
    by: Rule | None,
    external_id: str,
    size: int,
) -> Group:
    """Make a group at version 1.

    Raises:
        InvalidArgument: name, description or external id are not allowed.
        GroupTooLarge: more than 10,000 would belong to it.
    """
    return sized(
        Group(
            id=group_id,
            tenant_id=tenant_id,
            name=profiles.display_name(name, field="name"),
            description=_description(description),
            department_id=department_id,
            rule=by,
            external_id=external_id and profiles.external_id(external_id),
            version=1,
        ),
        size,
    )


def change(
    group: Group,
    *,
    name: str | None,
    description: str | None,
    by: Rule | None,
    expected_version: int,
) -> Group:
    """Change the set fields; None leaves a field unchanged.

    Out: the same object when nothing differs, else the next version.

    Raises:
        VersionConflict: `expected_version` is neither 0 nor the current one.
        InvalidArgument: a field is not allowed.
        GroupByName: a rule is given for a group without one.
    """
    if expected_version < 0:
        raise InvalidArgument(field="expected_version", problem="is negative")
    if expected_version not in {0, group.version}:
        raise VersionConflict(expected_version=expected_version, current_version=group.version)
    if by is not None and group.rule is None:
        raise GroupByName
    changed = replace(
        group,
        name=group.name if name is None else profiles.display_name(name, field="name"),
        description=group.description if description is None else _description(description),
        rule=group.rule if by is None else by,
    )
    return group if changed == group else next_version(changed)


def remove(group: Group) -> Group:
    """Remove a group: it has no members any more, and its name is free."""
    return next_version(replace(group, removed=True, size=0))


def next_version(group: Group) -> Group:
    """Increase the version, because the group or its membership changed."""
    return replace(group, version=group.version + 1)


def sized(group: Group, size: int) -> Group:
    """Set the size of a group.

    Raises:
        GroupTooLarge: more than 10,000 members.
    """
    if size > MAX_MEMBERS:
        raise GroupTooLarge(group_id=group.id, most=MAX_MEMBERS)
    return replace(group, size=size)


def rehomed(group: Group, *, closed: DepartmentId, into: DepartmentId) -> Group:
    """Follow a department that was merged into another: its groups, and rules that name it.

    Out: the same object when the group has nothing to do with it, else the next version.
    """
    changed = group
    if group.department_id == closed:
        changed = replace(changed, department_id=into)
    if group.rule is not None and closed in group.rule.department_ids:
        named = (into if each == closed else each for each in group.rule.department_ids)
        by = replace(group.rule, department_ids=tuple(dict.fromkeys(named)))
        changed = replace(changed, rule=by)
    return group if changed == group else next_version(changed)


def _description(value: str) -> str:
    return clean_line(value, field="description", max_chars=_MAX_DESCRIPTION)


def _values(values: Iterable[T], field: str) -> tuple[T, ...]:
    given = tuple(dict.fromkeys(values))
    if len(given) > _MAX_VALUES:
        raise InvalidArgument(field=f"rule.{field}", problem=f"holds more than {_MAX_VALUES}")
    return given
