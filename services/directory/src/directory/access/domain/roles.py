"""Roles: named sets of permissions, and the columns that they show."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from plexus_access.masks import Masks
from plexus_access.roles import ADMIN, BUILT_IN, NAMES, PERMISSIONS
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.names import clean_line, clean_name

from directory.access.domain.refusals import PermissionUnknown, RoleBuiltIn, RoleNameTaken
from directory.shared.domain.ids import RoleId, TenantId

MAX_DESCRIPTION: Final = 500
MAX_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMask:
    """The columns of a message, by its full name, that a role shows."""

    message: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A named set of permissions; version 0 for a built-in one that shows every column."""

    id: RoleId
    tenant_id: TenantId
    name: str
    description: str
    permissions: frozenset[str]
    masks: tuple[FieldMask, ...]
    version: int
    removed: bool = False

    @property
    def columns(self) -> Masks:
        """Visible columns of messages; empty for all."""
        return columns(self.masks)

    @property
    def built_in(self) -> bool:
        """True if it is part of the product and the same in every tenant."""
        return self.id in BUILT_IN

    @property
    def name_key(self) -> str:
        """The name as it is compared and sorted."""
        return self.name.casefold()

    @property
    def key(self) -> str:
        """Key unique across tenants: a built-in role has the same id in all of them."""
        return f"{self.tenant_id}:{self.id}" if self.built_in else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanges:
    """Changes of a role; None leaves a field unchanged."""

    name: str | None = None
    description: str | None = None
    permissions: Iterable[str] | None = None
    masks: Iterable[FieldMask] | None = None


def columns(masks: Iterable[FieldMask]) -> Masks:
    """Return the visible columns of field masks."""
    return Masks({mask.message: frozenset(mask.fields) for mask in masks})


def built_in(tenant_id: TenantId, *, changed: Iterable[Role] = ()) -> list[Role]:
    """Return the roles of the product as a tenant has them.

    Args:
        tenant_id: of the tenant.
        changed: those of them whose masks the tenant has set.
    """
    stored = {role.id: role for role in changed}
    return [
        stored.get(RoleId(name))
        or Role(
            id=RoleId(name),
            tenant_id=tenant_id,
            name=name,
            description="",
            permissions=BUILT_IN[name],
            masks=(),
            version=0,
        )
        for name in NAMES
    ]


def create(
    *,
    role_id: RoleId,
    tenant_id: TenantId,
    name: str,
    description: str,
    permissions: Iterable[str],
    masks: Iterable[FieldMask],
) -> Role:
    """Make a role at version 1.

    Raises:
        InvalidArgument: a field holds what it may not.
        RoleNameTaken: the name is that of a built-in role.
        PermissionUnknown: no contract names a permission.
    """
    return Role(
        id=role_id,
        tenant_id=tenant_id,
        name=_name(name),
        description=_description(description),
        permissions=_permissions(permissions),
        masks=_masks(masks),
        version=1,
    )


def change(role: Role, changes: RoleChanges, *, expected_version: int = 0) -> Role:
    """Apply the set changes. Out: the same object when nothing differs, else the next version.

    Of a built-in role only the masks change, and `admin` shows everything: one role must always be
    able to show what another hides.

    Raises:
        RoleBuiltIn: this change of a built-in role is not allowed.
        VersionConflict: `expected_version` is neither 0 nor the current one.
        InvalidArgument: the value of a field is not allowed.
        RoleNameTaken: the name is that of a built-in role.
        PermissionUnknown: a permission is in no contract.
    """
    if role.built_in and (role.id == ADMIN or changes != RoleChanges(masks=changes.masks)):
        raise RoleBuiltIn(role_id=role.id)
    check_version(expected_version, current=role.version)
    changed = replace(
        role,
        name=role.name if changes.name is None else _name(changes.name),
        description=(
            role.description if changes.description is None else _description(changes.description)
        ),
        permissions=(
            role.permissions if changes.permissions is None else _permissions(changes.permissions)
        ),
        masks=role.masks if changes.masks is None else _masks(changes.masks),
    )
    return role if changed == role else replace(changed, version=role.version + 1)


def remove(role: Role) -> Role:
    """Delete a role of the tenant; it grants nothing any more.

    Raises:
        RoleBuiltIn: a built-in role cannot be deleted.
    """
    check_own(role)
    return replace(role, removed=True, version=role.version + 1)


def check_own(role: Role) -> None:
    """Check that a role is the tenant's own.

    Raises:
        RoleBuiltIn: it is part of the product.
    """
    if role.built_in:
        raise RoleBuiltIn(role_id=role.id)


def check_version(expected: int, *, current: int) -> None:
    """Check the version that a change was made for; 0 stands for any version.

    Raises:
        VersionConflict: it is another one.
        InvalidArgument: it is negative.
    """
    if expected < 0:
        raise InvalidArgument(field="expected_version", problem="is negative")
    if expected not in {0, current}:
        raise VersionConflict(expected_version=expected, current_version=current)


def _name(value: str) -> str:
    clean = clean_name(value, field="name", max_chars=MAX_NAME)
    # A role that is called like a built-in one would be taken for it.
    if clean.casefold() in BUILT_IN:
        raise RoleNameTaken(name=clean)
    return clean


def _description(value: str) -> str:
    return clean_line(value, field="description", max_chars=MAX_DESCRIPTION)


def _permissions(values: Iterable[str]) -> frozenset[str]:
    given = frozenset(values)
    if unknown := given - PERMISSIONS:
        raise PermissionUnknown(permission=min(unknown))
    return given


def _masks(values: Iterable[FieldMask]) -> tuple[FieldMask, ...]:
    given = tuple(values)
    messages = [mask.message for mask in given]
    if len(set(messages)) < len(messages):
        raise InvalidArgument(field="masks", problem="names a message twice")
    return tuple(
        sorted(
            (replace(mask, fields=tuple(sorted(set(mask.fields)))) for mask in given),
            key=lambda mask: mask.message,
        )
    )
