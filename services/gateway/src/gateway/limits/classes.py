"""Classes of methods for rates, derived from the contracts."""

from enum import StrEnum
from typing import Final

from plexus.authz.v1.options_pb2 import Requirement
from plexuskit.grpc import MethodInfo

_CHANGES: Final = frozenset({Requirement.EFFECT_CHANGE, Requirement.EFFECT_LOGGED})
# A company moves in, and its HR feed follows, faster than people work; sizes stay limited (MSG-19).
_BULK: Final = frozenset({"messages.import", "people.import", "people.provision"})
# They change nothing visible to others yet and cost as much as a send, or reach as many people.
_LIKE_SENDS: Final = frozenset(
    {
        "/plexus.messaging.v1.PersonalService/ScheduleMessage",
        "/plexus.messaging.v1.PersonalService/UpdateScheduledMessage",
        "/plexus.messaging.v1.SignalService/SignalTyping",
    }
)


class MethodClass(StrEnum):
    """A sort of work with a rate of its own."""

    READ = "read"
    CHANGE = "change"
    # Without a token: signing in.
    PUBLIC = "public"
    # Callers with the permission to import are not limited.
    BULK = "bulk"


def class_of(method: MethodInfo) -> MethodClass:
    """Return the class of a method, from the declarations in its contract.

    A change that others cannot see (cursors, drafts) counts as a read, since it is as frequent. A
    scheduled message counts as a send, since it is checked like one, and so does typing, since it
    goes to everyone in the conversation.
    """
    required = method.requirement
    if required.public:
        return MethodClass.PUBLIC
    if required.permission in _BULK:
        return MethodClass.BULK
    changes = required.effect in _CHANGES or method.path in _LIKE_SENDS
    return MethodClass.CHANGE if changes else MethodClass.READ
