"""Python client for Plexus: calls, live sessions that resume, typed helpers.

async with connect() as client:
    await client.messages.send("general", "Good morning")
"""

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
from plexus_sdk.conversations import Conversations
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
from plexus_sdk.messages import Messages, Sent
from plexus_sdk.people import People
from plexus_sdk.positions import FilePositions, MemoryPositions, Position, PositionStore
from plexus_sdk.profiles import Profile, Profiles, api_token_profile
from plexus_sdk.retries import AS_ASKED, THOROUGH, RetryPolicy
from plexus_sdk.session import Session
from plexus_sdk.tasks import Tasks

__all__ = [
    "AS_ASKED",
    "AUTHORITIES",
    "CALL_SECONDS",
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
