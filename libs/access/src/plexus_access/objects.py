"""Text form of objects and subjects: `kind:id`, and `kind:id#relation` for the people of one."""

from typing import Final, NamedTuple

TENANT: Final = "tenant"
PERSON: Final = "person"
DEPARTMENT: Final = "department"
GROUP: Final = "group"
CONVERSATION: Final = "conversation"
PROJECT: Final = "project"
TASK: Final = "task"

MEMBER: Final = "member"
PARTICIPANT: Final = "participant"
KINDS: Final = frozenset({TENANT, PERSON, DEPARTMENT, GROUP, CONVERSATION, PROJECT, TASK})
SCOPES: Final = frozenset({TENANT, DEPARTMENT, GROUP, CONVERSATION, PROJECT})
"""Kinds that a role can be bound for."""


class Object(NamedTuple):
    """Object of a permission."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Subject(NamedTuple):
    """A person, or all members of a department or a group."""

    kind: str
    id: str

    def __str__(self) -> str:
        written = f"{self.kind}:{self.id}"
        return written if self.kind == PERSON else f"{written}#{MEMBER}"


def object_of(written: str) -> Object:
    """Read `kind:id`. Raises ValueError for anything else, or an unknown kind."""
    kind, colon, id_ = written.partition(":")
    if not colon or not id_ or kind not in KINDS or "#" in id_:
        raise ValueError(f"{written!r} is no object; write kind:id, for example task:tsk_1")
    return Object(kind, id_)


def subject_of(written: str) -> Subject:
    """Read `person:id`, `department:id#member` or `group:id#member`.

    Raises ValueError for anything else.
    """
    plain, hash_, relation = written.partition("#")
    kind, colon, id_ = plain.partition(":")
    of_a_set = kind in {DEPARTMENT, GROUP}
    if not colon or not id_ or (hash_ and not of_a_set) or (of_a_set and relation != MEMBER):
        raise ValueError(f"{written!r} is no subject; write person:id or group:id#member")
    if not of_a_set and kind != PERSON:
        raise ValueError(f"{written!r} is no subject; only people, departments and groups are")
    return Subject(kind, id_)
