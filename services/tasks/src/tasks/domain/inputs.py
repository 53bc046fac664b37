"""Validation of input: lengths, counts and formats, with a remedy in each refusal."""

import re
from collections.abc import Iterable
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_name

from tasks.domain.identity import PersonId
from tasks.domain.refusals import TooManyAssignees, TooManyMembers

TITLE_CHARACTERS: Final = 500
NAME_CHARACTERS: Final = 200
DESCRIPTION_BYTES: Final = 64 * 1024
ASSIGNEES: Final = 50
MEMBERS: Final = 1000
ID_CHARACTERS: Final = 128
PAGE_DEFAULT: Final = 50
PAGE_LIMIT: Final = 200

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]*")


def line(text: str, *, field: str, limit: int) -> str:
    """Return a single line of 1 to `limit` characters without tricks: see `plexuskit.names`.

    Refusals: InvalidArgument.
    """
    return clean_name(text, field=field, max_chars=limit)


def title(text: str) -> str:
    """Return a task's title: one line, 1 to 500 characters. Refusals: InvalidArgument."""
    return line(text, field="title", limit=TITLE_CHARACTERS)


def body(text: str, *, field: str) -> str:
    """Return a longer text unchanged, at most 64 KB of UTF-8. Refusals: InvalidArgument."""
    size = len(text.encode())
    if size > DESCRIPTION_BYTES:
        problem = f"has {size} bytes; shorten it to {DESCRIPTION_BYTES} at most"
        raise InvalidArgument(field=field, problem=problem)
    if "\x00" in text:
        raise InvalidArgument(field=field, problem="has a null character; remove it")
    return text


def identifier(value: str, *, field: str) -> str:
    """Return an id as it is when it has the form of one. Refusals: InvalidArgument."""
    if len(value) > ID_CHARACTERS or not _ID.fullmatch(value):
        raise InvalidArgument(field=field, problem="is not an id; use one that Plexus gave you")
    return value


def assignees(values: Iterable[str]) -> tuple[PersonId, ...]:
    """Return the assignees of a task without duplicates, in the order given, at most 50.

    Refusals: InvalidArgument, TooManyAssignees.
    """
    people = _people(values, field="assignee_ids")
    if len(people) > ASSIGNEES:
        raise TooManyAssignees(count=len(people), limit=ASSIGNEES)
    return people


def members(values: Iterable[str], *, owner_id: PersonId) -> tuple[PersonId, ...]:
    """Return the members of a project, its owner first, each once, at most 1,000.

    Refusals: InvalidArgument, TooManyMembers.
    """
    people = _people((owner_id, *values), field="member_ids")
    if len(people) > MEMBERS:
        raise TooManyMembers(count=len(people), limit=MEMBERS)
    return people


def page_size(value: int) -> int:
    """Return the size of a page: 0 is 50, more than 200 is 200. Refusals: InvalidArgument."""
    if value < 0:
        raise InvalidArgument(field="page_size", problem="is negative; leave it out or raise it")
    return min(value or PAGE_DEFAULT, PAGE_LIMIT)


def _people(values: Iterable[str], *, field: str) -> tuple[PersonId, ...]:
    return tuple(dict.fromkeys(PersonId(identifier(value, field=field)) for value in values))
