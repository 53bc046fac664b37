"""Definitions of searchable kinds: the type, its consumer group and its documents."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import Consumer

from search.domain.documents import Document
from search.domain.types import DocumentType

Reader = Callable[[Envelope], Document | None]
"""Makes the document of a fact, or None of a fact that changes no document.

Raises Unreadable when the fact breaks its contract.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Everything about one searchable kind.

    Attributes:
        type: its name, permissions, columns and index.
        group: the consumer group that indexes it.
        read: makes the documents of the group's facts.
    """

    type: DocumentType
    group: Consumer
    read: Reader


class Kinds:
    """The searchable kinds, in the order of their numbers."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        """Index the definitions.

        Raises:
            ValueError: two have the same name, number or index.
        """
        self.definitions: Final = tuple(sorted(definitions, key=lambda each: each.type.number))
        for values in zip(*((each.name, each.number, each.plural) for each in self), strict=True):
            if len(set(values)) < len(values):
                raise ValueError(f"two searchable kinds have the same value of {values}")
        self._by_name = {each.name: each for each in self}

    def __iter__(self) -> Iterator[DocumentType]:
        """Iterate over the types."""
        return (each.type for each in self.definitions)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the types."""
        return tuple(self._by_name)

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the names of the consumer groups."""
        return tuple(each.group.group for each in self.definitions)

    def named(self, name: str) -> DocumentType:
        """Return the type of a name; raises KeyError for an unknown one."""
        return self._by_name[name]
