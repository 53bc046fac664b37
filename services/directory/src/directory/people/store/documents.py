"""Documents of tenants, people and departments."""

from collections.abc import Sequence
from typing import Final

from plexuskit.mongo import Codec, Computed, Documents

from directory.people.domain.departments import Department
from directory.people.domain.people import Person
from directory.people.domain.posts import Post
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import DEFAULT, Window, WorkingHours
from directory.shared.domain.texts import fold
from directory.shared.store.documents import Document

_WINDOW: Final = Codec(
    lambda window: [window.start, window.end], lambda stored: Window(stored[0], stored[1])
)
# Documents from before there were working hours have the default.
_HOURS: Final = {
    "working_hours": Documents(WorkingHours, codecs={Window: _WINDOW}).to_document(DEFAULT)
}

PEOPLE: Final = Documents(
    Person,
    names={"id": "_id"},
    # The text in which parts of handle and name are searched.
    computed={
        "search": Computed(
            lambda person: f"{person.handle}\n{fold(person.display_name)}", after="display_name"
        )
    },
    # Absent rather than empty: the unique indexes hold only people that have one.
    omitted=("external_id", "former_handles", "employee_number", "reactivated_at"),
    missing={"external_id": "", **_HOURS},
    codecs={Window: _WINDOW},
)
DEPARTMENTS: Final = Documents(
    Department,
    names={"id": "_id"},
    # Orders parents before children.
    computed={"depth": Computed(lambda department: department.depth, after="path")},
    omitted=("external_id",),
    missing={"external_id": ""},
)
TENANTS: Final = Documents(Tenant, names={"id": "_id"}, missing=_HOURS, codecs={Window: _WINDOW})
_POSTS: Final = Documents(Post)


def posts_document(posts: Sequence[Post]) -> list[Document]:
    """Return the posts of a person as they are stored."""
    return list(map(_POSTS.to_document, posts))
