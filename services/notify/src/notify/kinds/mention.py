"""A message mentions a member by id, everyone, or a department (MSG-13)."""

from typing import Final

from plexus.notify.v1 import notifications_pb2 as pb

from notify.domain.conversations import Conversation
from notify.domain.definitions import Definition
from notify.domain.kinds import EVERY_CHANNEL, MESSAGE, Kind
from notify.domain.messages import Audience, MessageRule, SentMessage
from notify.domain.wording import Text

KIND: Final = Kind(
    name="mention",
    number=pb.NOTIFICATION_KIND_MENTION,
    source=MESSAGE,
    channels=EVERY_CHANNEL,
    texts={
        "person": Text(
            zh="{actor} 在「{conversation}」中提到了你",
            en="{actor} mentioned you in {conversation}",
        ),
        "person_nowhere": Text(zh="{actor} 提到了你", en="{actor} mentioned you"),
        "all": Text(
            zh="{actor} 在「{conversation}」中提到了所有人",
            en="{actor} mentioned everyone in {conversation}",
        ),
        "all_nowhere": Text(zh="{actor} 提到了所有人", en="{actor} mentioned everyone"),
        "department": Text(
            zh="{actor} 在「{conversation}」中提到了你的部门",
            en="{actor} mentioned your department in {conversation}",
        ),
        "department_nowhere": Text(
            zh="{actor} 提到了你的部门", en="{actor} mentioned your department"
        ),
    },
    hidden=Text(zh="有人提到了你", en="Someone mentioned you"),
)


def _applies(message: SentMessage, _: Conversation) -> bool:
    return message.addressing.anybody


def _needs_members(message: SentMessage) -> bool:
    return message.addressing.everybody or bool(message.addressing.department_ids)


def _recipients(audience: Audience) -> dict[str, Text]:
    """Return the mentioned members; a mention by id takes precedence over a wider one.

    By id: current members, including those who joined after the message. `@all` and departments:
    the members at the time of posting, except the sender.
    """
    others, found = audience.others, dict[str, str]()
    if audience.message.addressing.everybody:
        found |= dict.fromkeys(others, "all")
    found |= dict.fromkeys(others & audience.in_departments, "department")
    current = {each for each in audience.named if audience.members[each].active}
    found |= dict.fromkeys(current, "person")
    suffix = "" if audience.conversation.name else "_nowhere"
    return {person_id: KIND.texts[f"{name}{suffix}"] for person_id, name in found.items()}


DEFINITION: Final = Definition(
    kind=KIND,
    messages=MessageRule(applies=_applies, needs_members=_needs_members, recipients=_recipients),
)
