"""Posts and skills of a person: titles in departments, and abilities."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_name

from directory.shared.domain.ids import DepartmentId
from directory.shared.domain.texts import fold

MAX_POSTS: Final = 20
MAX_SKILLS: Final = 50
_MAX_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Post:
    """A post in a department that its holder belongs to."""

    department_id: DepartmentId
    title: str


def posts(values: Iterable[Post], *, field: str = "posts") -> tuple[Post, ...]:
    """Check posts: at most 20, each with a title, repetitions dropped.

    `people.check` checks that their departments are the person's.

    Raises:
        InvalidArgument: there are more, or a title is missing or too long.
    """
    clean = (
        Post(post.department_id, clean_name(post.title, field=field, max_chars=_MAX_CHARACTERS))
        for post in values
    )
    given = tuple(dict.fromkeys(clean))
    if len(given) > MAX_POSTS:
        raise InvalidArgument(field=field, problem=f"holds more than {MAX_POSTS}")
    return given


def within(held: Sequence[Post], departments: Sequence[DepartmentId]) -> tuple[Post, ...]:
    """Keep the posts in these departments: people who leave a department lose their post there."""
    return tuple(post for post in held if post.department_id in departments)


def moved(held: Sequence[Post], *, previous: DepartmentId, after: DepartmentId) -> tuple[Post, ...]:
    """Move the posts of one department to another, duplicates dropped."""
    taken = (
        replace(post, department_id=after) if post.department_id == previous else post
        for post in held
    )
    return tuple(dict.fromkeys(taken))


def skills(values: Iterable[str], *, field: str = "skills") -> tuple[str, ...]:
    """Check skills: at most 50 lines, in the order given; those that differ only in case are one.

    Raises:
        InvalidArgument: there are more, or one is empty or longer than 100 characters.
    """
    clean = (clean_name(value, field=field, max_chars=_MAX_CHARACTERS) for value in values)
    first: dict[str, str] = {}
    for skill in clean:
        first.setdefault(fold(skill), skill)
    if len(first) > MAX_SKILLS:
        raise InvalidArgument(field=field, problem=f"holds more than {MAX_SKILLS}")
    return tuple(first.values())
