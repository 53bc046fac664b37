"""The hits that a caller's token, roles, columns and policies allow (GW-3, GW-9, GW-10)."""

import asyncio
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plexus_access.decisions import Asker, Decisions
from plexus_access.objects import CONVERSATION, PERSON, TASK, Object

from search.domain.access import Readable
from search.domain.columns import Parts, parts_of
from search.domain.documents import DocumentType
from search.store import Found

_PERMISSIONS: Final = MappingProxyType(
    {
        DocumentType.MESSAGE: "messages.read",
        DocumentType.TASK: "tasks.read",
        DocumentType.PERSON: "people.read",
    }
)
_KINDS: Final = MappingProxyType({DocumentType.TASK: TASK, DocumentType.PERSON: PERSON})
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
        return tuple(each for each in asked if self.decisions.holds(self.asker, _PERMISSIONS[each]))

    def parts(self, types: tuple[DocumentType, ...]) -> dict[DocumentType, Parts]:
        """Return the parts of each type that no mask hides from the caller (GW-3).

        Columns that a role shows in single conversations only are not searched.
        """
        return {
            each: parts_of(each, self.decisions.masks(self.asker, _PERMISSIONS[each]))
            for each in types
        }

    async def readable(self, containers: Readable) -> Readable:
        """Return the containers without the conversations that a policy refuses.

        So neither hits nor totals count anything in them.
        """
        if not self.decisions.concern(self.asker.tenant_id, _PERMISSIONS[DocumentType.MESSAGE]):
            return containers
        refused: set[str] = set()
        for number, name in enumerate((*containers.whole, *containers.partly)):
            kind, _, id_ = name.partition(":")
            if kind == CONVERSATION and not self._allows(
                DocumentType.MESSAGE, Object(CONVERSATION, id_)
            ):
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

        Policies on single tasks and people are decided on hits only.
        """
        return not any(
            self.decisions.concern(self.asker.tenant_id, _PERMISSIONS[each])
            for each in types
            if each in _KINDS
        )

    def shows(self, found: Found) -> bool:
        """Return whether a hit may be shown."""
        if found.type is DocumentType.MESSAGE:
            return self._allows(found.type, Object(CONVERSATION, found.conversation_id))
        return self._allows(found.type, Object(_KINDS[found.type], found.id))

    def _allows(self, type_: DocumentType, object_: Object) -> bool:
        return self.decisions.allows(self.asker, [(_PERMISSIONS[type_], object_)])
