"""Documents of notify's projections: the bytes of releases."""

from pathlib import Path
from typing import Final

from notify.domain.conversations import Conversation, Member
from notify.domain.people import Person
from notify.domain.tasks import Task
from notify.store.conversations import CONVERSATIONS, member_document, member_of
from notify.store.people import PEOPLE
from notify.store.tasks import TASKS
from plexus_testkit.samples import Mapped, differences

GOLDEN: Final = Path(__file__).with_name("documents.json")
COLLECTIONS: Final = {
    "conversations": Mapped(
        model=Conversation,
        write=CONVERSATIONS.to_document,
        read=CONVERSATIONS.from_document,
        missing={"confidential": {"confidential": False}},
    ),
    "members": Mapped(model=Member, write=member_document, read=member_of),
    "people": Mapped(
        model=Person,
        write=PEOPLE.to_document,
        read=PEOPLE.from_document,
        missing={"email_since": {"email_since": None}},
    ),
    "tasks": Mapped(model=Task, write=TASKS.to_document, read=TASKS.from_document),
}


def test_documents_are_stored_as_releases_store_them(tmp_path: Path) -> None:
    assert differences(GOLDEN, COLLECTIONS, made=tmp_path / "documents.json") == []
