"""The hits that a caller's token, roles, columns and policies allow (GW-3, GW-9, GW-10)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plexus_access.decisions import Asker, Decisions
from plexus_access.objects import Object

from search.domain.access import Readable
from search.domain.columns import Parts, parts_of
from search.domain.types import DocumentType
from search.store import Found

# A decision with a policy takes about 60 µs, and the event loop is shared.
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Permits:
    """Decides for one search.

    Raises AccessNotCurrent from every method while roles and policies are not known.
    """

    decisions: Decisions
    asker: Asker

    def types(self, asked: tuple[DocumentType, ...]) -> tuple[DocumentType, ...]:
        """Return the types whose reading the caller holds a permission for."""
        return tuple(each for each in asked if self.decisions.holds(self.asker, each.permission))

    def parts(self, types: tuple[DocumentType, ...]) -> dict[DocumentType, Parts]:
        """Return the parts of each type that no mask hides from the caller (GW-3).

        Columns that a role shows in single conversations only are not searched.
        """
        return {
            each: parts_of(each, self.decisions.masks(self.asker, each.permission))
            for each in types
        }

    async def readable(self, containers: Readable, *, kinds: Iterable[DocumentType]) -> Readable:
        """Return the containers without those that a policy refuses.

        So neither hits nor totals count anything in them.
        """
        decided = {
            each.object_kind: each for each in kinds if each.in_container and self._concerned(each)
        }
        if not decided:
            return containers
        refused: set[str] = set()
        for number, name in enumerate((*containers.whole, *containers.partly)):
            kind, _, id_ = name.partition(":")
            type_ = decided.get(kind)
            if type_ is not None and not self._allows(type_, id_):
                refused.add(name)
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return Readable(
            whole=containers.whole - refused,
            partly=MappingProxyType(
                {name: kept for name, kept in containers.partly.items() if name not in refused}
            ),
        )

    def counted(self, types: tuple[DocumentType, ...]) -> bool:
        """Return whether the index counts exactly what the caller may see.

        Policies on single objects are decided on hits only.
        """
        return not any(self._concerned(each) for each in types if not each.in_container)

    def shows(self, found: Found) -> bool:
        """Return whether a hit may be shown."""
        return self._allows(found.type, found.container_id if found.type.in_container else found.id)

    def _concerned(self, type_: DocumentType) -> bool:
        return self.decisions.concern(self.asker.tenant_id, type_.permission)

    def _allows(self, type_: DocumentType, object_id: str) -> bool:
        needs = [(type_.permission, Object(type_.object_kind, object_id))]
        return self.decisions.allows(self.asker, needs)
