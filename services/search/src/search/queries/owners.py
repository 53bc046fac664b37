"""Objects that a person may read now, as their owners state it (SRC-1, SRC-2)."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from search.domain.access import Readable, together
from search.domain.types import DocumentType
from search.queries.parallel import in_parallel

MAX_RECHECKED: Final = 500
"""Maximum number of objects in one request to an owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The person who searches."""

    tenant_id: str
    person_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One object in a query to an owner."""

    kind: str
    id: str
    container_id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Owner's answer on the objects a person may read; empty if unchanged."""

    version: str
    readable: Readable | None


class Owner(Protocol):
    """A service that owns something readable."""

    async def readable(self, reader: Reader, *, known_version: str) -> Answer:
        """Return the objects that the person may read now; raises DependencyDown."""
        ...

    async def recheck(self, reader: Reader, references: Sequence[Reference]) -> list[bool]:
        """Return for each of at most 500 objects whether the person may read it now."""
        ...


class Access:
    """Queries the owners, always; caches their answers so that they need not repeat them."""

    def __init__(self, owners: Mapping[DocumentType, Owner], *, readers_cached: int) -> None:
        self._owners = owners
        self._size = readers_cached
        self._kept: OrderedDict[tuple[DocumentType, Reader], tuple[str, Readable]] = OrderedDict()

    async def readable(self, reader: Reader, *, types: Sequence[DocumentType]) -> Readable:
        """Return the containers of these types that the person may read now.

        Raises:
            DependencyDown: an owner does not answer; its answer is never guessed.
        """
        return together(await in_parallel(self._ask(reader, type_) for type_ in types))

    async def recheck(
        self, reader: Reader, references: Mapping[DocumentType, Sequence[Reference]]
    ) -> set[tuple[DocumentType, str]]:
        """Return which of the objects the person may read now, each as its type and id.

        Raises:
            DependencyDown: an owner does not answer.
        """
        verdicts = await in_parallel(
            self._recheck(reader, type_, wanted) for type_, wanted in references.items()
        )
        return {
            (type_, reference.id)
            for (type_, wanted), said in zip(references.items(), verdicts, strict=True)
            for reference, is_readable in zip(wanted, said, strict=True)
            if is_readable
        }

    async def _ask(self, reader: Reader, type_: DocumentType) -> Readable:
        kept = self._kept.get((type_, reader))
        answer = await self._owners[type_].readable(reader, known_version=kept[0] if kept else "")
        if answer.readable is None and kept is not None and answer.version == kept[0]:
            readable = kept[1]
        elif answer.readable is None:
            raise UnchangedFromNothing(type_)
        else:
            readable = answer.readable
        self._kept[type_, reader] = (answer.version, readable)
        self._kept.move_to_end((type_, reader))
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return readable

    async def _recheck(
        self, reader: Reader, type_: DocumentType, references: Sequence[Reference]
    ) -> list[bool]:
        verdicts: list[bool] = []
        for start in range(0, len(references), MAX_RECHECKED):
            part = references[start : start + MAX_RECHECKED]
            verdicts += await self._owners[type_].recheck(reader, part)
        return verdicts


class UnchangedFromNothing(Exception):  # noqa: N818 - named after the fact
    """An owner answers "unchanged" to a request that named no known version."""
