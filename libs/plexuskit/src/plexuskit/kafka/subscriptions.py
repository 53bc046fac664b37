"""Declarations of handlers: group, topics and types of facts, as subscribers of FastStream.

A service declares each handler once. The runner builds its client from the declaration and hands
over only the facts that it names; `docs/asyncapi.yaml` is generated from all declarations.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from faststream.kafka import KafkaBroker
from faststream.middlewares import AckPolicy
from google.protobuf.message import Message
from plexus.topics import TOPICS, Consumer

from plexuskit.config import KafkaSection
from plexuskit.kafka.names import group_name, topic_name
from plexuskit.kafka.records import Handler, Record

if TYPE_CHECKING:
    from faststream.kafka.subscriber.usecase import BatchSubscriber

OwnerT = TypeVar("OwnerT")

_FACTS: Final[Mapping[str, frozenset[str]]] = {topic.name: topic.facts for topic in TOPICS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Declaration of one handler of a consumer group.

    Attributes:
        consumer: the group, from the catalogue.
        topics: those of the group's topics that the handler reads, by the catalogue's names.
        facts: full names of the facts for the handler; all others are finished without it.
        max_batch: maximum records per call.
        linger_ms: time to wait for more records once there is one, in milliseconds.
        bury_unknown: whether facts of types that this build does not know become dead letters, for
            a group that must have all of them once it is deployed too.
        handler: module and name of the handler.
        description: first paragraph of its docstring.
    """

    consumer: Consumer
    topics: tuple[str, ...]
    facts: frozenset[str]
    max_batch: int = 500
    linger_ms: int = 20
    bury_unknown: bool = False
    handler: str = ""
    description: str = ""

    def read_by(self, handler: Callable[..., Any]) -> "Subscription":
        """Return the declaration with the handler's name and description."""
        paragraph = (handler.__doc__ or "").strip().partition("\n\n")[0]
        return replace(
            self,
            handler=f"{handler.__module__}.{handler.__qualname__}",
            description=" ".join(paragraph.split()),
        )

    def of(self, handle: Handler) -> "Subscriber":
        """Bind the declaration to a handler."""
        return Subscriber(subscription=self, handle=handle)

    def __call__(
        self, method: Callable[[OwnerT, Sequence[Record]], Awaitable[None]]
    ) -> "DeclaredMethod[OwnerT]":
        """Decorate the method that handles the records."""
        return DeclaredMethod(self.read_by(method), method)

    def declare(
        self, broker: KafkaBroker, section: KafkaSection, **options: Any
    ) -> "BatchSubscriber":
        """Add the subscriber to a broker of FastStream, without a handler.

        FastStream would start its own loop for a handler (ADR 33). A reader without dead letters
        has no group in Kafka.
        """
        subscriber: BatchSubscriber = broker.subscriber(
            *(topic_name(section, topic) for topic in self.topics),
            group_id=group_name(section, self.consumer.group) if self.consumer.dlq else None,
            batch=True,
            max_records=self.max_batch,
            ack_policy=AckPolicy.MANUAL,
            title=self.consumer.group,
            description=self.description,
            **options,
        )
        return subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A handler with its declaration; call it as the handler itself."""

    subscription: Subscription
    handle: Handler

    async def __call__(self, records: Sequence[Record]) -> None:
        """Handle the records."""
        await self.handle(records)


class DeclaredMethod(Generic[OwnerT]):
    """A method that handles records; of an instance a subscriber, of its class the declaration."""

    def __init__(
        self,
        subscription: Subscription,
        method: Callable[[OwnerT, Sequence[Record]], Awaitable[None]],
    ) -> None:
        self._subscription = subscription
        self._method = method

    @overload
    def __get__(self, instance: None, owner: type[OwnerT]) -> Subscription: ...
    @overload
    def __get__(self, instance: OwnerT, owner: type[OwnerT]) -> Subscriber: ...
    def __get__(self, instance: OwnerT | None, owner: type[OwnerT]) -> Subscription | Subscriber:
        """Return the declaration, bound to the instance if there is one."""
        if instance is None:
            return self._subscription
        return self._subscription.of(self._method.__get__(instance, owner))


def subscription(
    consumer: Consumer,
    *facts: type[Message] | str,
    topics: Sequence[str] | None = None,
    max_batch: int = 500,
    linger_ms: int = 20,
    bury_unknown: bool = False,
) -> Subscription:
    """Declare a handler; without `facts` it takes all facts of the topics.

    Args:
        consumer: the group, from the catalogue.
        facts: the types of facts that the handler takes, or their full names.
        topics: the catalogue's names of the topics that it reads; None: all of the group.
        max_batch: maximum records per call.
        linger_ms: time to wait for more records once there is one, in milliseconds.
        bury_unknown: make facts of unknown types dead letters.

    Raises:
        ValueError: the group does not read one of the topics, or no topic has one of the facts.
    """
    read = consumer.topics if topics is None else tuple(topics)
    foreign = {*read} - {*consumer.topics}
    known = frozenset().union(*(_FACTS.get(topic, frozenset()) for topic in read))
    named = frozenset(
        each if isinstance(each, str) else each.DESCRIPTOR.full_name for each in facts
    )
    if foreign or named - known:
        raise ValueError(f"{consumer.group} does not read {sorted(foreign | (named - known))}")
    return Subscription(
        consumer=consumer,
        topics=read,
        facts=named or known,
        max_batch=max_batch,
        linger_ms=linger_ms,
        bury_unknown=bury_unknown,
    )
