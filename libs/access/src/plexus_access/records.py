"""What a tenant consists of, as its owners' facts tell of it; each record with its version."""

from dataclasses import dataclass, field
from datetime import datetime

from plexus_access.masks import Masks
from plexus_access.objects import Object, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may ask.

    Attributes:
        departments: ids, the main one first; those above are not among them.
        roles: names of built-in roles, held for the tenant.
        guest_until: when a guest's time ends; None for everybody else.
        as_of: when the fact was made that says so.
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
        """Whether the person is from outside (GW-5)."""
        return self.kind == "guest"

    def may_act(self, now: datetime) -> bool:
        """Tell whether the person may do anything at all."""
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
    """A named set of people; `department` says whose administrators manage it."""

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
    """Somebody holds a role for a scope and everything in it."""

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
    """A part of the product; for the excepted departments it is the other way round."""

    name: str
    version: int
    enabled: bool = True
    exceptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Who belongs to a conversation or project, or takes part in a task of its own.

    Attributes:
        project: of a task in a project; its members then are the task's.
    """

    object: Object
    version: int
    people: frozenset[str] = frozenset()
    project: str = ""
