"""Grants of a person by place: the owner's own decision on its own objects (GW-3).

A role is bound for a scope and everything in it. An object lies on one or more paths below the
tenant: a person in each of their departments, a department or a group in one. A person holds a
permission on it when they hold it for the whole tenant, or on every path.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from plexus_access.masks import NONE, Masks, union
from plexus_access.objects import DEPARTMENT, GROUP, Object
from plexus_access.roles import GUEST, MEMBER, PERMISSIONS, permissions_of

from directory.access.domain.refusals import GrantExceedsOwn
from directory.shared.domain.refusals import PermissionMissing

ACCOUNT: Final = frozenset({MEMBER, GUEST})
"""Roles that come with an account: giving them is no grant."""

Way = frozenset[Object]
"""Everything below the tenant that contains an object, itself included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Position of an object: its paths from the tenant; none for an object of the tenant itself."""

    ways: tuple[Way, ...] = ()


IN_TENANT: Final = Place()


def place_of_departments(paths: Iterable[Iterable[str]]) -> Place:
    """Return the position of an object in departments; in: the path of each, root first."""
    return Place(ways=tuple(frozenset(Object(DEPARTMENT, id_) for id_ in path) for path in paths))


def place_of_group(group_id: str, *, path: Iterable[str]) -> Place:
    """Place a group; in: the path of the department that manages it, empty for the tenant's."""
    way = frozenset(Object(DEPARTMENT, id_) for id_ in path)
    return Place(ways=(way | {Object(GROUP, group_id)},))


def shows_less(given: Masks, than: Masks) -> bool:
    """Return whether a role shows no column that another hides; one without masks shows all."""
    shown = dict(given.items())
    return all(message in shown and shown[message] <= fields for message, fields in than.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Grant by a binding: permissions for a scope, the scope's position, and visible columns."""

    permissions: frozenset[str]
    scope: Object
    place: Place
    masks: Masks = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """All grants of a person at one moment.

    Attributes:
        everywhere: permissions for the whole tenant.
        masked: columns visible only by those of `everywhere` that no role without masks grants.
        within: grants for a part of the tenant only.
        limited_to: permissions that an API token is limited to; empty for no limit.
    """

    everywhere: frozenset[str] = frozenset()
    masked: Mapping[str, Masks] = field(default_factory=dict)
    within: tuple[Held, ...] = ()
    limited_to: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """True if nothing is held at all."""
        return not self.everywhere and not self.within

    @property
    def holds_everything(self) -> bool:
        """True if nothing can be granted or taken over that is not held."""
        return self.everywhere >= PERMISSIONS and not self.masked and not self.limited_to

    def holds_everywhere(self, permission: str) -> bool:
        """Return whether the permission is held for the whole tenant."""
        return permission in self.everywhere and self._lets(permission)

    def holds(self, permission: str, place: Place) -> bool:
        """Return whether the permission is held on an object at that position."""
        if self.holds_everywhere(permission):
            return True
        scopes = self.scopes_of(permission)
        return bool(place.ways) and all(not scopes.isdisjoint(way) for way in place.ways)

    def scopes_of(self, permission: str) -> frozenset[Object]:
        """Return the scopes below the tenant for which the permission is held."""
        if not self._lets(permission):
            return frozenset()
        return frozenset(held.scope for held in self.within if permission in held.permissions)

    def masks(self, permission: str, place: Place) -> Masks:
        """Return the columns that are seen there by a permission that is held; none for all."""
        held = [
            each.masks
            for each in self.within
            if permission in each.permissions and any(each.scope in way for way in place.ways)
        ]
        if self.holds_everywhere(permission):
            held.append(self.masked.get(permission, NONE))
        return union(held)

    def require(self, permission: str) -> None:
        """Check that the permission is held somewhere.

        Raises:
            PermissionMissing: it is held nowhere.
        """
        if not self.holds_everywhere(permission) and not self.scopes_of(permission):
            raise PermissionMissing(permission=permission)

    def require_everywhere(self, permission: str) -> None:
        """Check that the permission is held for the whole tenant.

        Raises:
            PermissionMissing: it is not.
        """
        if not self.holds_everywhere(permission):
            raise PermissionMissing(permission=permission)

    def require_somewhere(self, permissions: Iterable[str]) -> None:
        """Check that each permission is held for the tenant or a part of it: a token limits to it.

        Raises:
            GrantExceedsOwn: one is held nowhere; the metadata names the first.
        """
        missing = [
            each
            for each in permissions
            if not self.holds_everywhere(each) and not self.scopes_of(each)
        ]
        if missing:
            raise GrantExceedsOwn(permission=min(missing))

    def require_giving(
        self, permissions: Iterable[str], place: Place, *, masks: Masks = NONE
    ) -> None:
        """Check that the grant adds nothing beyond the actor's own there, and no more columns.

        Raises:
            GrantExceedsOwn: something is; the metadata names the first such permission.
        """
        missing = [
            each
            for each in permissions
            if not self.holds(each, place) or not shows_less(masks, self.masks(each, place))
        ]
        if missing:
            raise GrantExceedsOwn(permission=min(missing))

    def require_roles(self, previous: Iterable[str], after: Iterable[str]) -> None:
        """Check that built-in roles may be granted and removed: both need all their permissions.

        Raises:
            GrantExceedsOwn: a role that changes hands holds more than is held for the tenant.
        """
        changed = frozenset(previous) ^ frozenset(after)
        self.require_giving(permissions_of(changed - ACCOUNT), IN_TENANT)

    def require_standing_over(self, other: "Grants") -> None:
        """Check that another person holds nothing beyond this, so a takeover gains nothing.

        Raises:
            GrantExceedsOwn: the other person holds more.
        """
        for permission in other.everywhere - permissions_of(ACCOUNT):
            columns = other.masked.get(permission, NONE)
            self.require_giving([permission], IN_TENANT, masks=columns)
        for held in other.within:
            given = held.permissions - permissions_of(ACCOUNT)
            self.require_giving(given, held.place, masks=held.masks)

    def _lets(self, permission: str) -> bool:
        return not self.limited_to or permission in self.limited_to
