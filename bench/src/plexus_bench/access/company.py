"""Random company of a seed: departments, administrators and conversations of each person."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from plexus_access.roles import PERMISSIONS

TENANT_ID: Final = "ten_01J00000000000000000000001"
ADMINISTRATING: Final = frozenset({"people.manage", "departments.manage", "groups.manage"})
"""Permissions of unit administrators in their department."""

ROLES: Final = 8
_SECOND_HOME: Final = 0.05
# Members of a conversation: bounds of a uniform choice, and the share of such conversations.
_SIZES: Final = ((2, 2), (3, 15), (20, 100), (150, 400), (1000, 5000))
_SHARES: Final = (0.50, 0.35, 0.12, 0.025, 0.005)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of a company.

    Attributes:
        memberships: number of memberships in all conversations.
        max_conversation: members of the largest conversation.
    """

    people: int = 10_000
    departments: int = 600
    groups: int = 200
    bindings: int = 300
    memberships: int = 1_000_000
    max_conversation: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Binding of a role to a subject for a scope; both in the notation of tuples."""

    id: str
    role: str
    subject: str
    scope: str
    expires: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """All input of decisions, before its conversion to facts.

    Attributes:
        homes: departments of each person, without their ancestors.
        paths: from the top to each department, itself included.
        roles: permissions of its own roles; the first is that of unit administrators.
        rosters: indexes in `people` by conversation.
    """

    people: Sequence[str]
    homes: Mapping[str, tuple[str, ...]]
    paths: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    roles: Mapping[str, frozenset[str]]
    bindings: Sequence[Bound]
    rosters: Mapping[str, Sequence[int]] = field(repr=False)

    @property
    def memberships(self) -> int:
        """Number of memberships, counted once per conversation."""
        return sum(map(len, self.rosters.values()))

    def administrators(self) -> list[tuple[str, str]]:
        """Return each department administrator with the department."""
        first = next(iter(self.roles))
        return [
            (each.subject.removeprefix("person:"), each.scope.removeprefix("department:"))
            for each in self.bindings
            if each.role == first
        ]


def make_company(size: Size, *, seed: int) -> Company:
    """Create a company; the same size and seed give the same one."""
    chance = random.Random(seed)  # noqa: S311 - the same company for the same seed
    paths = _tree(size.departments)
    people = [id_of("per", number) for number in range(size.people)]
    homes = {person: _homes(chance, list(paths)) for person in people}
    groups = {
        id_of("grp", number): tuple(chance.sample(people, min(chance.randint(5, 200), len(people))))
        for number in range(size.groups)
    }
    roles = _roles(chance)
    return Company(
        people=people,
        homes=homes,
        paths=paths,
        groups=groups,
        roles=roles,
        bindings=_bindings(
            chance, size.bindings, people=people, paths=paths, groups=groups, roles=list(roles)
        ),
        rosters=_rosters(chance, size),
    )


def id_of(prefix: str, number: int) -> str:
    """Return an id in the form of Plexus: the prefix and 26 characters."""
    return f"{prefix}_01J{number:023d}"


def _tree(count: int) -> dict[str, tuple[str, ...]]:
    """Return a tree of three levels: a hundredth at the top, a tenth below, then the rest."""
    tops, seconds = max(1, count // 100), max(1, count // 10)
    paths: dict[str, tuple[str, ...]] = {}
    ids = [id_of("dep", number) for number in range(count)]
    for number, id_ in enumerate(ids):
        if number < tops:
            above: tuple[str, ...] = ()
        elif number < tops + seconds:
            above = paths[ids[number % tops]]
        else:
            above = paths[ids[tops + number % seconds]]
        paths[id_] = (*above, id_)
    return paths


def _homes(chance: random.Random, departments: Sequence[str]) -> tuple[str, ...]:
    count = 2 if chance.random() < _SECOND_HOME and len(departments) > 1 else 1
    return tuple(chance.sample(departments, count))


def _roles(chance: random.Random) -> dict[str, frozenset[str]]:
    others = sorted(PERMISSIONS - ADMINISTRATING)
    return {id_of("rol", 0): ADMINISTRATING} | {
        id_of("rol", number): frozenset(chance.sample(others, chance.randint(1, 8)))
        for number in range(1, ROLES)
    }


def _bindings(
    chance: random.Random,
    count: int,
    *,
    people: Sequence[str],
    paths: Mapping[str, tuple[str, ...]],
    groups: Mapping[str, tuple[str, ...]],
    roles: Sequence[str],
) -> list[Bound]:
    """Bind two fifths to administrators of a department, the rest to groups and departments."""
    departments, names = list(paths), list(groups)
    found = []
    for number in range(count):
        role, scope = chance.choice(roles[1:]), f"department:{chance.choice(departments)}"
        if number * 5 < count * 2:
            role, subject = roles[0], f"person:{chance.choice(people)}"
        elif number % 2:
            subject = f"group:{chance.choice(names)}#member"
        else:
            subject, scope = (
                f"department:{chance.choice(departments)}#member",
                f"group:{chance.choice(names)}",
            )
        found.append(
            Bound(
                id=id_of("bnd", number),
                role=role,
                subject=subject,
                scope=scope,
                expires=number % 3 == 0,
            )
        )
    return found


def _rosters(chance: random.Random, size: Size) -> dict[str, list[int]]:
    """Fill conversations of varied size until the number of memberships is reached."""
    rosters: dict[str, list[int]] = {}
    left, places = size.memberships, range(size.people)
    while left > 0:
        minimum, maximum = chance.choices(_SIZES, _SHARES)[0]
        members = min(chance.randint(minimum, maximum), size.max_conversation, size.people, left)
        rosters[id_of("cnv", len(rosters))] = chance.sample(places, members)
        left -= members
    return rosters
