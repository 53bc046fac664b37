"""Types of documents, and the fields that their indexes have."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

KEYS: Final = "keys"
AUTHOR: Final = "author"
AT: Final = "at"
PLACE: Final = "place"

PARTS_VERSION: Final = "parts_version"
"""The field with the version of a merged document's parts."""


class Field(Enum):
    """Types of index fields."""

    KEYWORD = "keyword"
    LONG = "long"
    # Returned with a hit, never searched.
    STORED = "stored"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DocumentType:
    """A type of searchable object, compared by identity.

    Attributes:
        name: the type in requests and answers, such as `message`.
        number: its place among the types; a new one takes the next.
        plural: the name of its index.
        owner: the service that owns the objects and decides who may read them.
        permission: needed to find and to read an object.
        object_kind: the kind of object on which policies decide.
        in_container: policies decide on the container of a document, not on the object itself.
        columns: the columns of the contract that each part of a document is made of (GW-3).
        fields: the fields that only this type has.
        added: those of the fields that an index of an earlier version may lack.
        merged: some facts have a part of the object only, which is merged into its document.
        counts_silent: silent documents count in the status.
    """

    name: str
    number: int
    plural: str
    owner: str
    permission: str
    object_kind: str
    columns: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, Field]
    added: frozenset[str] = frozenset()
    in_container: bool = False
    merged: bool = False
    counts_silent: bool = True
