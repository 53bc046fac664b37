"""Definitions of kinds: the facts and messages that notify, and their recipients."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar

from google.protobuf.message import Message
from plexus.messaging.v1.events_pb2 import MessageEdited, MessagePosted

from notify.domain.conversations import Conversation, Member
from notify.domain.kinds import Kind
from notify.domain.messages import MessageRule
from notify.domain.outcomes import Reason
from notify.domain.people import Person
from notify.domain.requests import NotificationRequest
from notify.domain.tasks import Task

FactT = TypeVar("FactT", bound=Message)

# One message notifies a person once, by the rules for messages alone.
_MESSAGES: Final = (MessagePosted, MessageEdited)


class People(Protocol):
    """People as they are stored."""

    async def find(self, person_ids: Iterable[str], /) -> Mapping[str, Person]:
        """Return those of the people who are known, by id."""
        ...


class Conversations(Protocol):
    """Conversations and members as they are stored."""

    async def find(self, conversation_ids: Iterable[str], /) -> Mapping[str, Conversation]:
        """Return those of the conversations that are known, by id."""
        ...

    async def members(
        self, conversation_ids: Iterable[str], /
    ) -> Mapping[str, Mapping[str, Member]]:
        """Return all members, past ones included, by conversation and person."""
        ...


class Tasks(Protocol):
    """Tasks as they are stored."""

    async def get(self, task_id: str, /) -> Task | None:
        """Return the newest state of a task."""
        ...


class Projections(Protocol):
    """The state of other services as notify stores it; the fact itself is in it already."""

    @property
    def people(self) -> People:
        """Return people."""
        ...

    @property
    def conversations(self) -> Conversations:
        """Return conversations and members."""
        ...

    @property
    def tasks(self) -> Tasks:
        """Return tasks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The envelope of a fact.

    Attributes:
        id: claimed by its notifications (NTF-2).
        tenant_id: of the fact.
        actor_id: the person who caused it.
        at: when it occurred.
        imported: an import wrote it, which notifies no one (MSG-19).
    """

    id: str
    tenant_id: str
    actor_id: str
    at: datetime
    imported: bool = False


async def display_name(projections: Projections, person_id: str) -> str:
    """Return the name of a person, empty for an unknown one; texts then use "someone"."""
    person = (await projections.people.find([person_id])).get(person_id)
    return person.display_name if person else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRule(Generic[FactT]):
    """A fact that notifies; `request` returns None when it notifies no one.

    `request` may be called again for the same fact, and must not decide by the time.
    """

    fact: type[FactT]
    request: Callable[[FactT, Event, Projections], Awaitable[NotificationRequest | None]]

    @property
    def name(self) -> str:
        """Return the full name of the fact, as envelopes have it."""
        return self.fact.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Everything about one kind of notification.

    Attributes:
        kind: name, channels and texts.
        facts: the facts that cause it.
        messages: its rule for messages.
        outdated: for kinds about tasks: why a notification with a `step` is untrue in the current
            state of its task, None while it is true; an untrue one is not mailed.
    """

    kind: Kind
    facts: tuple[FactRule[Any], ...] = ()
    messages: MessageRule | None = None
    outdated: Callable[[str, Task], Reason | None] | None = None


class Kinds:
    """The kinds of notifications, in the order of their numbers."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        """Check and index the definitions.

        Raises:
            ValueError: two have one name or number, or a rule for facts is about messages.
        """
        self.definitions: Final = tuple(sorted(definitions, key=lambda each: each.kind.number))
        self._by_name = {each.kind.name: each for each in self.definitions}
        self._by_number: dict[int, Kind] = {
            each.kind.number: each.kind for each in self.definitions
        }
        if not len(self.definitions) == len(self._by_name) == len(self._by_number):
            raise ValueError("two kinds of notifications have the same name or number")
        self._by_fact: dict[str, list[tuple[Kind, FactRule[Any]]]] = {}
        for each in self.definitions:
            for rule in each.facts:
                if rule.fact in _MESSAGES:
                    raise ValueError(f"{each.kind.name}: use `messages` instead of {rule.name}")
                self._by_fact.setdefault(rule.name, []).append((each.kind, rule))
        self.message_rules: Final = tuple(
            (each.kind, each.messages) for each in self.definitions if each.messages
        )
        self.outdated: Final[Mapping[Kind, Callable[[str, Task], Reason | None]]] = (
            MappingProxyType(
                {each.kind: each.outdated for each in self.definitions if each.outdated}
            )
        )

    def __iter__(self) -> Iterator[Kind]:
        """Iterate over the kinds."""
        return (each.kind for each in self.definitions)

    def named(self, name: str) -> Kind:
        """Return the kind of a stored name.

        Raises:
            ValueError: this version of the service does not know it.
        """
        try:
            return self._by_name[name].kind
        except KeyError:
            raise ValueError(f"{name!r} is no kind of notification of this version") from None

    def numbered(self, number: int) -> Kind | None:
        """Return the kind of a number of the contract, None for an unknown one."""
        return self._by_number.get(number)

    def facts(self) -> frozenset[str]:
        """Return the full names of the facts that notify, without those of messages."""
        return frozenset(self._by_fact)

    def rules(self, fact: str) -> Sequence[tuple[Kind, FactRule[Any]]]:
        """Return the rules for a fact, by its full name."""
        return self._by_fact.get(fact, ())
