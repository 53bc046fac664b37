"""Messages that concern many people, and how many calls they count as (GW-13).

A message to 2,000 members is as much work for other services as 40 changes that name 50 people,
and so is one that names 2,000 of them one by one. So is an edit of such a message, whatever it says
now: the notifications of all get the new text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.messaging.v1.messages_pb2 import FORMAT_MARKDOWN
from plexuskit.grpc import MethodInfo

from gateway.limits.costs import NAMED_PER_ITEM
from gateway.limits.counting import counted

Members = Callable[[str], int | None]
"""Returns how many members a conversation has, None for one that is not known here (yet)."""

_MESSAGING: Final = "/plexus.messaging.v1.MessagingService"
_PERSONAL: Final = "/plexus.messaging.v1.PersonalService"
# Methods that bring messages, and the field that has them; empty: the request is the message.
MESSAGES: Final[Mapping[str, str]] = {
    f"{_MESSAGING}/SendMessage": "",
    f"{_MESSAGING}/EditMessage": "",
    f"{_MESSAGING}/SendMessages": "items",
    f"{_PERSONAL}/ScheduleMessage": "message",
    f"{_PERSONAL}/UpdateScheduledMessage": "message",
}
# A conversation that was just made has at most as many members as one call can name. A larger one
# that is not known is counted too low, for as long as this copy of memberships is incomplete.
UNKNOWN_MEMBERS: Final = 2_000
_EDIT: Final = f"{_MESSAGING}/EditMessage"
_MARKDOWN_MANY: Final = ("<!all", "<!dep_")
_MARKDOWN_PERSON: Final = re.compile(r"<@([^<>|\s]+)")


def further_calls(method: MethodInfo, request: bytes, *, members: Members) -> int:
    """Return how many calls a request counts as beside one for each of its messages.

    A message without mentions and spans is not decoded; what is unreadable is left to its owner.
    """
    field, edit = MESSAGES.get(method.path), method.path == _EDIT
    if field is None or not (field or edit or _may_address(method, request)):
        return 0
    try:
        message: Any = method.request_class.FromString(request)
    except DecodeError:
        return 0
    if edit and (known := members(message.conversation_id)) is not None:
        return _further(known)
    if not field:
        return further_calls_of(message, members=members)
    found: Any = getattr(message, field)
    messages: Iterable[Any] = found if field == "items" else (found,)
    return sum(further_calls_of(each, members=members) for each in messages)


def further_calls_of(message: Any, *, members: Members) -> int:
    """Return how many calls a message counts as beside its own: one for each 50 people, less one.

    Args:
        message: a request to send, edit or schedule one. People whom it names count each once,
            whether they are members or not: the owner reads them all.
        members: of conversations; all of them count for a department too.
    """
    if not _addresses_many(message):
        return _further(_named(message))
    known = members(message.conversation_id)
    return _further(UNKNOWN_MEMBERS if known is None else known)


def _further(reached: int) -> int:
    return max(-(-reached // NAMED_PER_ITEM) - 1, 0)


def _named(message: Any) -> int:
    """Return how many people a message mentions by their ids."""
    ids = {each.person_id for each in message.mentions if each.person_id}
    ids.update(each.mention_person_id for each in message.spans if each.mention_person_id)
    if message.format == FORMAT_MARKDOWN:
        ids.update(_MARKDOWN_PERSON.findall(message.text))
    return len(ids)


def _may_address(method: MethodInfo, request: bytes) -> bool:
    fields = method.request_class.DESCRIPTOR.fields_by_name
    return (
        b"<!" in request
        or b"<@" in request
        or any(
            counted(request, fields[name].number, maximum=1, packed=False)
            for name in ("mentions", "spans")
        )
    )


def _addresses_many(message: Any) -> bool:
    return (
        any(each.all or each.department_id for each in message.mentions)
        or any(each.mention_all or each.mention_department_id for each in message.spans)
        or (
            message.format == FORMAT_MARKDOWN
            and any(mention in message.text for mention in _MARKDOWN_MANY)
        )
    )
