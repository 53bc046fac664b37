"""Python client for Plexus: calls, live sessions that resume, typed helpers.

async with connect() as client:
    await client.messages.send("general", "Good morning")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from plexus_sdk.client import Client, connect
    from plexus_sdk.connection import (
        AUTHORITIES,
        CALL_SECONDS,
        Plexus,
        answer,
        new_request_id,
        open_channel,
        open_plexus,
        token_fields,
    )
    from plexus_sdk.conversations import Conversations, Place
    from plexus_sdk.endings import responses
    from plexus_sdk.errors import (
        NameAmbiguous,
        NameNotFound,
        Refused,
        SignedOut,
        Unreachable,
        refusal_of,
        refusals,
    )
    from plexus_sdk.events import (
        ChangesExpired,
        ConversationChanged,
        ConversationClosed,
        ConversationEvent,
        Event,
        MembersAdded,
        MembersRemoved,
        MessageEdited,
        MessageLabeled,
        MessagePinned,
        MessagePosted,
        MessageReacted,
        MessageRecalled,
        MessageUpdated,
        NotificationRaised,
        PresenceSignal,
        TypingSignal,
    )
    from plexus_sdk.mentions import Mentions, TypedMentions
    from plexus_sdk.messages import Messages, Sent
    from plexus_sdk.people import People
    from plexus_sdk.positions import FilePositions, MemoryPositions, Position, PositionStore
    from plexus_sdk.profiles import CREDENTIALS, Profile, Profiles, api_token_profile
    from plexus_sdk.retries import AS_ASKED, THOROUGH, RetryPolicy
    from plexus_sdk.session import Session
    from plexus_sdk.tasks import Tasks

__all__ = [
    "AS_ASKED",
    "AUTHORITIES",
    "CALL_SECONDS",
    "CREDENTIALS",
    "THOROUGH",
    "ChangesExpired",
    "Client",
    "ConversationChanged",
    "ConversationClosed",
    "ConversationEvent",
    "Conversations",
    "Event",
    "FilePositions",
    "MembersAdded",
    "MembersRemoved",
    "MemoryPositions",
    "Mentions",
    "MessageEdited",
    "MessageLabeled",
    "MessagePinned",
    "MessagePosted",
    "MessageReacted",
    "MessageRecalled",
    "MessageUpdated",
    "Messages",
    "NameAmbiguous",
    "NameNotFound",
    "NotificationRaised",
    "People",
    "Place",
    "Plexus",
    "Position",
    "PositionStore",
    "PresenceSignal",
    "Profile",
    "Profiles",
    "Refused",
    "RetryPolicy",
    "Sent",
    "Session",
    "SignedOut",
    "Tasks",
    "TypedMentions",
    "TypingSignal",
    "Unreachable",
    "answer",
    "api_token_profile",
    "connect",
    "new_request_id",
    "open_channel",
    "open_plexus",
    "refusal_of",
    "refusals",
    "responses",
    "token_fields",
]

_MODULES: Final = {
    "client": ("Client", "connect"),
    "connection": (
        "AUTHORITIES",
        "CALL_SECONDS",
        "Plexus",
        "answer",
        "new_request_id",
        "open_channel",
        "open_plexus",
        "token_fields",
    ),
    "conversations": ("Conversations", "Place"),
    "endings": ("responses",),
    "errors": (
        "NameAmbiguous",
        "NameNotFound",
        "Refused",
        "SignedOut",
        "Unreachable",
        "refusal_of",
        "refusals",
    ),
    "events": (
        "ChangesExpired",
        "ConversationChanged",
        "ConversationClosed",
        "ConversationEvent",
        "Event",
        "MembersAdded",
        "MembersRemoved",
        "MessageEdited",
        "MessageLabeled",
        "MessagePinned",
        "MessagePosted",
        "MessageReacted",
        "MessageRecalled",
        "MessageUpdated",
        "NotificationRaised",
        "PresenceSignal",
        "TypingSignal",
    ),
    "mentions": ("Mentions", "TypedMentions"),
    "messages": ("Messages", "Sent"),
    "people": ("People",),
    "positions": ("FilePositions", "MemoryPositions", "Position", "PositionStore"),
    "profiles": ("CREDENTIALS", "Profile", "Profiles", "api_token_profile"),
    "retries": ("AS_ASKED", "THOROUGH", "RetryPolicy"),
    "session": ("Session",),
    "tasks": ("Tasks",),
}
_HOMES: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that a program loads only the parts that it uses."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
