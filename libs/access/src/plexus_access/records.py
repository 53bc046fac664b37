"""Records of a tenant, from its owners' facts; each with its version."""

from dataclasses import dataclass, field
from datetime import datetime

from plexus_access.masks import Masks
from plexus_access.objects import Object, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Person who may make requests.

    Attributes:
        departments: ids, the main one first, without those above.
        roles: names of built-in roles, held for the tenant.
        guest_until: expiry of a guest; None for all others.
        as_of: creation time of the fact.
    """

    id: str
    version: int
    active: bool
    kind: str
    roles: frozenset[str] = frozenset()
    departments: tuple[str, ...] = ()
    title: str = ""
    locale: str = ""
    time_zone: str = "UTC"
    guest_until: datetime | None = None
    as_of: datetime | None = field(default=None, compare=False)

    @property
    def guest(self) -> bool:
        """True if the person is a guest (GW-5)."""
        return self.kind == "guest"

    def may_act(self, now: datetime) -> bool:
        """Return whether the person may do anything at all."""
        return self.active and (self.guest_until is None or now < self.guest_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """A node of the tree; `path` leads from the root to this one, itself included."""

    id: str
    version: int
    path: tuple[str, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of people; `department` is the one whose administrators manage it."""

    id: str
    version: int
    members: frozenset[str]
    department: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of the tenant's own."""

    id: str
    version: int
    name: str
    permissions: frozenset[str]
    masks: Masks = field(default_factory=Masks)
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A subject's role for a scope and everything in it."""

    id: str
    version: int
    role: str
    subject: Subject
    scope: Object
    expires_at: datetime | None = None
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A rule over attributes, in Cedar."""

    id: str
    version: int
    name: str
    cedar: str
    enabled: bool = True
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A part of the product; the excepted departments have the opposite setting."""

    name: str
    version: int
    enabled: bool = True
    exceptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Members of a conversation or project, or participants of a task outside projects.

    Attributes:
        project: project of a task; its members are then the task's.
    """

    object: Object
    version: int
    people: frozenset[str] = frozenset()
    project: str = ""
