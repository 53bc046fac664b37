"""The edge: requests in, operations and queries called, responses out; nothing is decided here."""

from messaging.api.authority import AuthorityApi
from messaging.api.importing import ImportApi
from messaging.api.log import LogApi
from messaging.api.messaging import MessagingApi
from messaging.api.personal import PersonalApi, read_scheduled
from messaging.api.signals import SignalApi

__all__ = [
    "AuthorityApi",
    "ImportApi",
    "LogApi",
    "MessagingApi",
    "PersonalApi",
    "SignalApi",
    "read_scheduled",
]
