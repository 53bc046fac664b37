"""Batches of an import: a refused item does not prevent the import of the others."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import grpc
from plexus.directory.v1.directory_service_pb2 import ImportedPerson
from plexus.messaging.v1.import_service_pb2 import ImportedConversation
from plexus_sdk import Refused

OnRefusal = Callable[[str, str], None]
"""Called with an external id and the reason why some fields or the whole item were left out."""

_OF_ONE_ITEM = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)
_REASONS_OF_ONE_ITEM = frozenset({"GRANT_EXCEEDS_OWN"})


class Item(Protocol):
    """A person or a conversation of another system."""

    external_id: str


ItemT = TypeVar("ItemT", bound=Item)
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, kw_only=True)
class Sending(Generic[ItemT, AnswerT]):
    """A call that accepts all of its items or none.

    Attributes:
        call: sends items.
        reduced: yields versions of an item with fewer and fewer fields, for a refused item.
        on_refusal: called for each refused item; without it the first refusal ends the import.
    """

    call: Callable[[Sequence[ItemT]], Awaitable[AnswerT]]
    reduced: Callable[[ItemT], Iterable[ItemT]]
    on_refusal: OnRefusal | None

    async def send(self, items: Sequence[ItemT]) -> list[tuple[Sequence[ItemT], AnswerT]]:
        """Send items in one call, or in halves after a refusal; return answers with their items.

        Raises:
            Refused: the refusal does not concern an item.
        """
        answers: list[tuple[Sequence[ItemT], AnswerT]] = []
        waiting: list[Sequence[ItemT]] = [items]
        while waiting:
            part = waiting.pop()
            try:
                answers.append((part, await self.call(part)))
            except Refused as refused:
                if self.on_refusal is None or not _is_of_one_item(refused):
                    raise
                if len(part) > 1:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                    continue
                found = await self._accepted(part[0])
                outcome = "it is left out" if found is None else "it comes in with less"
                self.on_refusal(part[0].external_id, f"{refused} ({outcome})")
                if found is not None:
                    answers.append(found)
        return answers

    async def _accepted(self, item: ItemT) -> tuple[Sequence[ItemT], AnswerT] | None:
        for reduced in self.reduced(item):
            try:
                return [reduced], await self.call([reduced])
            except Refused as refused:
                if not _is_of_one_item(refused):
                    raise
        return None


def reduced_person(person: ImportedPerson) -> Iterator[ImportedPerson]:
    """Yield a person without the optional fields, then without the deactivation as well."""
    reduced = ImportedPerson(
        external_id=person.external_id,
        handle=person.handle,
        display_name=person.display_name,
        deactivated=person.deactivated,
        service_account=person.service_account,
    )
    yield reduced
    if person.deactivated:
        active = ImportedPerson()
        active.CopyFrom(reduced)
        active.deactivated = False
        yield active


def reduced_conversation(conversation: ImportedConversation) -> Iterator[ImportedConversation]:
    """Yield a conversation named after its external id and without a topic."""
    reduced = ImportedConversation()
    reduced.CopyFrom(conversation)
    reduced.topic = ""
    if reduced.name:
        reduced.name = reduced.external_id
    yield reduced


def _is_of_one_item(refused: Refused) -> bool:
    return refused.code in _OF_ONE_ITEM or refused.reason in _REASONS_OF_ONE_ITEM
