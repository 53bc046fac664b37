"""Documents of the index: one shape for every type.

Words are in three fields: `title` (the name), `text` (the content), `names` (files, handles,
addresses). `keys` are matched as a whole only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from search.domain.types import DocumentType

MAX_ID_BYTES: Final = 256


class Unreadable(Exception):  # noqa: N818 - named after the fact, like every refusal
    """Fact that can never become a document; the text gives the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Searchable state of one object at a version.

    Attributes:
        type: type of the object.
        id: its id at the owner.
        tenant_id: its tenant.
        version: its version at the owner; a newer one replaces an older one, never the reverse.
        gone: true for a tombstone: only these first fields are set.
        containers: `<kind>:<id>` of objects that make it readable; without any it is never found.
        silent: counted, but never found: system messages, service accounts.
        author_id: its author.
        at: time of the message, or of the last change.
        title: its name.
        text: its content.
        names: its files, handles and addresses.
        keys: its exact identifiers.
        details: fields of this type alone.
        labels: of a message, with a guard of their own: facts of labels do not repeat the text.
        partial: true if only the labels are known at this version.
    """

    type: DocumentType
    id: str
    tenant_id: str
    version: int
    gone: bool = False
    containers: tuple[str, ...] = ()
    silent: bool = False
    author_id: str = ""
    at: datetime | None = None
    title: str = ""
    text: str = ""
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    labels: tuple[str, ...] = ()
    partial: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no index can store.

        Raises:
            Unreadable: an id is missing or too long, or the version is none.
        """
        for name, value in (("id", self.id), ("tenant id", self.tenant_id)):
            if not 0 < len(value.encode()) <= MAX_ID_BYTES:
                raise Unreadable(
                    f"the {name} has {len(value.encode())} bytes, not 1 to {MAX_ID_BYTES}"
                )
        if self.version < 1:
            raise Unreadable(f"version {self.version} is less than 1")


def container(kind: str, id_: str) -> str:
    """Return the name by which documents and readers agree on a container."""
    return f"{kind}:{id_}"


Key = TypeVar("Key")


def newest(documents: Iterable[tuple[Key, Document]]) -> list[tuple[Key, Document]]:
    """Return the newest version of every document, in the order of their first appearance (SRC-3).

    Of two with the same version the later one stays, with its key. Partial and whole documents are
    both kept: neither has all fields of the other.
    """
    kept: dict[tuple[DocumentType, str, bool], tuple[Key, Document]] = {}
    for key, document in documents:
        place = (document.type, document.id, document.partial)
        previous = kept.get(place)
        if previous is None or document.version >= previous[1].version:
            kept[place] = (key, document)
    return list(kept.values())


def without_marks(text: str) -> str:
    """Return the text without the characters that mark matches, here or in the index's answers."""
    return text.translate(_MARKS)


MATCH_BEGINS: Final = "\x02"
MATCH_ENDS: Final = "\x03"
# OpenSearch trims fragments, and with them control characters such as the contract's marks: it is
# given tags that it keeps, of private-use characters that are taken out of every text.
TAG_BEGINS: Final = "\ue0f0\ue0f2"
TAG_ENDS: Final = "\ue0f1\ue0f2"
_MARKS: Final = dict.fromkeys(map(ord, MATCH_BEGINS + MATCH_ENDS + TAG_BEGINS + TAG_ENDS))
