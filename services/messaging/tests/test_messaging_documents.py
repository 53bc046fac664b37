"""Documents of messaging beside the log: the bytes of releases, and older documents."""

from functools import partial
from pathlib import Path
from typing import Final

from messaging.conversations.domain.people import Department, Person
from messaging.conversations.domain.settings import ConversationSettings
from messaging.conversations.store.people import DEPARTMENTS, PEOPLE
from messaging.conversations.store.settings import SETTINGS, settings_document
from messaging.importing.domain import Following
from messaging.importing.store.imports import FOLLOWING, following_document
from messaging.personal.domain.scheduled import Authority, Scheduled
from messaging.personal.store.scheduled import SCHEDULED
from plexus_testkit.samples import Mapped, differences

GOLDEN: Final = Path(__file__).with_name("documents.json")
COLLECTIONS: Final = {
    "settings": Mapped(
        model=ConversationSettings,
        write=partial(settings_document, tenant_id="ten_a"),
        read=SETTINGS.from_document,
        missing={"mention_seqs": {"mention_seqs": ()}},
    ),
    "people": Mapped(model=Person, write=PEOPLE.to_document, read=PEOPLE.from_document),
    "departments": Mapped(
        model=Department, write=DEPARTMENTS.to_document, read=DEPARTMENTS.from_document
    ),
    "scheduled": Mapped(
        model=Scheduled,
        write=SCHEDULED.to_document,
        read=SCHEDULED.from_document,
        missing={"authority": {"authority": Authority()}, "ended_at": {"ended_at": None}},
    ),
    "imports": Mapped(
        model=Following,
        write=partial(following_document, tenant_id="ten_a"),
        read=FOLLOWING.from_document,
        missing={"exported": {"exported": None}},
    ),
}


def test_documents_are_stored_as_releases_store_them(tmp_path: Path) -> None:
    assert differences(GOLDEN, COLLECTIONS, made=tmp_path / "documents.json") == []
