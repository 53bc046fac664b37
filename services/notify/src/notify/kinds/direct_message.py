"""A message in a direct conversation, for the other person; edits do not notify (MSG-11)."""

from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb

from notify.domain.conversations import Conversation
from notify.domain.definitions import Definition
from notify.domain.kinds import IN_APP, MESSAGE, Kind
from notify.domain.messages import Audience, MessageRule, SentMessage
from notify.domain.wording import Text

KIND: Final = Kind(
    name="direct_message",
    number=pb.NOTIFICATION_KIND_DIRECT_MESSAGE,
    source=MESSAGE,
    channels=IN_APP,
    texts={"title": Text(zh="{actor} 给你发来消息", en="New message from {actor}")},
    hidden=Text(zh="你有一条新消息", en="You have a new message"),
)


def _applies(message: SentMessage, conversation: Conversation) -> bool:
    return conversation.direct and message.fresh


def _needs_members(_: SentMessage) -> bool:
    return True


def _recipients(audience: Audience) -> dict[str, Text]:
    return dict.fromkeys(audience.others, KIND.texts["title"])


DEFINITION: Final = Definition(
    kind=KIND,
    messages=MessageRule(applies=_applies, needs_members=_needs_members, recipients=_recipients),
)
