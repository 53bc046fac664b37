"""Kinds of notifications, their channels, and the kinds of their sources."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb

from notify.domain.wording import Text

MESSAGE: Final = "message"
TASK: Final = "task"
CONVERSATION: Final = "conversation"
FEED: Final = "feed"
PERSON: Final = "person"

OWNERS: Final[Mapping[str, str]] = MappingProxyType(
    {MESSAGE: "messaging", CONVERSATION: "messaging", TASK: "tasks"}
)
"""The services that own sources with content, by the kind of the source.

A source without an owner has no content of a user: its notifications are never hidden, and no
service is asked before a mail.
"""


class Channel(enum.StrEnum):
    """Ways to deliver a notification."""

    IN_APP = "in_app"
    EMAIL = "email"


IN_APP: Final = frozenset({Channel.IN_APP})
EVERY_CHANNEL: Final = frozenset(Channel)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """A kind of notification, compared by identity.

    Attributes:
        name: stored with each notification; the contract has `NOTIFICATION_KIND_<NAME>`.
        number: the value in the contract.
        source: the kind of object that it is about, such as `message`.
        channels: the channels of users who have chosen none.
        texts: titles and bodies, by a name of the kind's own.
        hidden: the title in place of one whose words are hidden; None for sources without content.
    """

    name: str
    number: "pb.NotificationKind.ValueType"
    source: str
    channels: frozenset[Channel]
    texts: Mapping[str, Text]
    hidden: Text | None = None

    def __post_init__(self) -> None:
        """Check that content can be hidden.

        Raises:
            ValueError: the source has content and `hidden` is missing.
        """
        if self.source in OWNERS and self.hidden is None:
            raise ValueError(f"{self.name} lacks `hidden`: the words of a {self.source} can be")
