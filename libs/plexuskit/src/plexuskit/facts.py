"""Facts by their full names, with their options in proto/ (`plexus.event.v1.fact`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.event.v1.facts_pb2 import Fact
from plexus.event.v1.facts_pb2 import fact as fact_option
from plexus.facts import FACTS

_OF_ENVELOPE: Final = "envelope."

_Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class FactType:
    """A kind of fact.

    Attributes:
        message: its class.
        topic: name in the catalogue.
        subject: kind of the object that it is about.
        about_message: whether it is about one message of a conversation.
        recorded: whether it is an entry of the ledger.
        sparse: whether versions of the object skip numbers.
    """

    message: type[Message]
    topic: str
    subject: str
    about_message: bool
    recorded: bool
    sparse: bool
    _seq: tuple[_Read, ...]
    _subject_id: tuple[tuple[bool, _Read], ...]

    def seq_of(self, fact: Message) -> int:
        """Return the `seq` of the message that a fact is about; 0: of no single message."""
        for read in self._seq:
            if seq := int(read(fact)):
                return seq
        return 0

    def subject_id_of(self, envelope: Envelope, fact: Message) -> str:
        """Return the id of the object that a fact is about."""
        for of_envelope, read in self._subject_id:
            if found := read(envelope if of_envelope else fact):
                return str(found)
        return envelope.entity_id


def _described(message: type[Message]) -> FactType:
    option = message.DESCRIPTOR.GetOptions().Extensions[fact_option]
    return FactType(
        message=message,
        topic=option.topic,
        subject=option.subject,
        about_message=bool(option.seq),
        recorded=option.ledger == Fact.LEDGER_RECORDED,
        sparse=option.sparse,
        _seq=tuple(attrgetter(path) for path in option.seq),
        _subject_id=tuple(
            (path.startswith(_OF_ENVELOPE), attrgetter(path.removeprefix(_OF_ENVELOPE)))
            for path in option.subject_id
        ),
    )


FACT_TYPES: Final[Mapping[str, FactType]] = MappingProxyType(
    {message.DESCRIPTOR.full_name: _described(message) for message in FACTS}
)
"""All facts of the catalogue, by the `type` of their envelopes."""
