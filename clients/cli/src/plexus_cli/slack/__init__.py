"""Conversion of a Slack export to the requests of the import (MSG-19).

It reads and translates without any network: `open_export`, `survey`, then `people_requests`,
`conversation_requests` and `message_requests`. `Resolve` supplies ids of Plexus: import the people,
map them, import the conversations, map them, import the messages.
"""

from plexus_cli.slack.conversations import Channel, ChannelKind, Resolve, conversation_requests
from plexus_cli.slack.export import USERS, Export, open_export
from plexus_cli.slack.fields import escaped
from plexus_cli.slack.markup import Named, Names, Rendered, render, unescape
from plexus_cli.slack.messages import message_requests, names_of
from plexus_cli.slack.people import SlackPerson, people_requests
from plexus_cli.slack.problems import (
    ConversationNotMapped,
    ExportBroken,
    ExportUntidy,
    Oddity,
    OddityKind,
    PersonNotMapped,
    Problems,
)
from plexus_cli.slack.survey import Workspace, survey

__all__ = [
    "USERS",
    "Channel",
    "ChannelKind",
    "ConversationNotMapped",
    "Export",
    "ExportBroken",
    "ExportUntidy",
    "Named",
    "Names",
    "Oddity",
    "OddityKind",
    "PersonNotMapped",
    "Problems",
    "Rendered",
    "Resolve",
    "SlackPerson",
    "Workspace",
    "conversation_requests",
    "escaped",
    "message_requests",
    "names_of",
    "open_export",
    "people_requests",
    "render",
    "survey",
    "unescape",
]
