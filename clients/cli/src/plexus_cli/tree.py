"""Map of commands: their words, and the module of their declaration."""

from collections.abc import Mapping
from typing import Final

GROUPS: Final[Mapping[str, str]] = {
    "access": "access",
    "admin": "admin",
    "admin dlq": "dead_letters",
    "admin feed": "feed",
    "admin sign-in": "sign_in",
    "audit": "auditing",
    "conversations": "conversations",
    "departments": "departments",
    "drafts": "drafts",
    "groups": "groups",
    "guests": "guests",
    "import": "importing",
    "modules": "modules",
    "notifications": "notifications",
    "people": "people",
    "policies": "policies",
    "projects": "projects",
    "roles": "roles",
    "schedule": "schedule",
    "second-factor": "second_factor",
    "sessions": "open_sessions",
    "settings": "settings",
    "tasks": "tasks",
    "tokens": "api_tokens",
}
"""Modules of `plexus_cli.commands` whose `app` is a group, by the words of the group."""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "anchors": ("anchors", "anchors"),
    "completion": ("completion", "completion"),
    "edit": ("altering", "edit"),
    "forward": ("altering", "forward"),
    "history": ("messages", "history"),
    "label": ("altering", "label"),
    "login": ("session", "login"),
    "logout": ("session", "logout"),
    "pin": ("altering", "pin"),
    "pins": ("altering", "pins"),
    "profiles": ("session", "profiles"),
    "react": ("altering", "react"),
    "read": ("messages", "read"),
    "recall": ("altering", "recall"),
    "receipts": ("messages", "receipts"),
    "search": ("finding", "search"),
    "send": ("messages", "send"),
    "status": ("status", "status"),
    "tail": ("tailing", "tail"),
    "unread": ("messages", "unread"),
    "verify": ("verifying", "verify"),
    "versions": ("altering", "versions"),
    "whoami": ("session", "whoami"),
    "conversations archive": ("group_conversations", "archive"),
    "conversations events": ("group_conversations", "events"),
    "conversations folder": ("arranging", "folder"),
    "conversations mark-unread": ("arranging", "mark_unread"),
    "conversations mute": ("arranging", "mute"),
    "conversations rename": ("group_conversations", "rename"),
    "conversations role": ("group_conversations", "role"),
    "conversations star": ("arranging", "star"),
    "conversations transfer": ("group_conversations", "transfer"),
    "conversations unarchive": ("group_conversations", "unarchive"),
    "conversations unmute": ("arranging", "unmute"),
    "conversations unstar": ("arranging", "unstar"),
    "conversations update": ("group_conversations", "update"),
    "people import": ("roster", "import_"),
    "tasks open-work": ("handovers", "open_work"),
    "tasks reassign": ("handovers", "reassign"),
}
"""Single commands: module and function by the command words."""

ALIASES: Final[Mapping[str, str]] = {
    "departments add": "departments create",
    "groups add": "groups create",
    "guests add": "guests create",
    "guests extend": "guests update",
    "people add": "people create",
    "policies put": "policies create",
    "schedule add": "schedule create",
    "schedule cancel": "schedule delete",
    "schedule edit": "schedule update",
    "second-factor remove": "second-factor delete",
    "tasks create-project": "projects create",
    "tasks projects": "projects list",
    "tokens revoke": "tokens delete",
    "sessions revoke": "sessions delete",
}
"""Names of earlier versions, hidden from help."""

LISTING: Final = ("people", "notifications")
"""Groups that list their objects for an option or an unknown word."""
