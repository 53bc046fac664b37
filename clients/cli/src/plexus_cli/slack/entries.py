"""Tells entries apart: said by somebody, told by the conversation itself, or no message."""

from plexus_cli.slack.fields import Entry, string

TOMBSTONE = "tombstone"
ME_MESSAGE = "me_message"

_IGNORED = frozenset({"message_changed", "message_deleted", "message_replied", "reply_broadcast"})
"""Traces of changes and copies: the message they speak of stands in the export as it is now."""

_SYSTEM_PREFIXES = ("channel_", "group_", "mpim_", "conversation_")
_SYSTEM = frozenset(
    {
        "bot_add",
        "bot_enable",
        "bot_disable",
        "bot_remove",
        "huddle_thread",
        "joiner_notification",
        "pinned_item",
        "unpinned_item",
        "reminder_add",
        "reminder_delete",
        "sh_room_created",
        "sh_room_shared",
        "ekm_access_denied",
        "app_conversation_join",
        "assistant_app_thread",
    }
)


def is_message(entry: Entry) -> bool:
    """Answer whether `entry` stands for a message at all."""
    kind = string(entry, "type") or "message"
    return kind == "message" and string(entry, "subtype") not in _IGNORED


def is_system(entry: Entry) -> bool:
    """Answer whether the conversation itself tells `entry`: joined, left, renamed."""
    subtype = string(entry, "subtype")
    return subtype in _SYSTEM or subtype.startswith(_SYSTEM_PREFIXES)
