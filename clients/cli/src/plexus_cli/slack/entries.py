"""Classification of entries: messages of people or bots, system messages, and others.

System messages get a text of their own where Slack leaves it empty.
"""

from collections.abc import Mapping, Sequence

from plexus_cli.slack.fields import Entry, child, children, escaped, string, strings, whole

TOMBSTONE = "tombstone"
ME_MESSAGE = "me_message"
HUDDLE = "huddle_thread"

_IGNORED = frozenset({"message_changed", "message_deleted", "message_replied", "reply_broadcast"})
"""Traces of changes and copies: the export contains the current state of their message."""

_SYSTEM_PREFIXES = ("channel_", "group_", "mpim_", "conversation_", "huddle_")
_SYSTEM = frozenset(
    {
        TOMBSTONE,
        "bot_add",
        "bot_enable",
        "bot_disable",
        "bot_remove",
        "document_mention",
        "joiner_notification",
        "pinned_item",
        "unpinned_item",
        "reminder_add",
        "reminder_delete",
        "sh_room_created",
        "sh_room_shared",
        "tabbed_canvas_updated",
        "ekm_access_denied",
        "app_conversation_join",
        "assistant_app_thread",
    }
)
_DONE: Mapping[str, str] = {
    "join": "joined",
    "leave": "left",
    "archive": "archived the conversation",
    "unarchive": "restored the conversation",
    "convert_to_private": "made the conversation private",
    "convert_to_public": "made the conversation public",
    "posting_permissions": "changed who can post",
}
_PINNED = {"pinned_item": "pinned a message", "unpinned_item": "unpinned a message"}
_SECONDS = 60


def is_message(entry: Entry) -> bool:
    """Return whether `entry` is a message."""
    kind = string(entry, "type") or "message"
    return kind == "message" and string(entry, "subtype") not in _IGNORED


def is_system(entry: Entry) -> bool:
    """Return whether `entry` is a system message, such as joined, left or renamed."""
    subtype = string(entry, "subtype")
    return subtype in _SYSTEM or subtype.startswith(_SYSTEM_PREFIXES)


def people_in_room(entry: Entry) -> Sequence[str]:
    """Return the Slack ids of the people who started or joined the huddle or call of `entry`."""
    room = child(entry, "room")
    began = string(room, "created_by")
    joined = (*strings(room, "participant_history"), *strings(room, "participants"))
    return tuple(dict.fromkeys(key for key in (began, *joined) if key))


def system_text(entry: Entry) -> str:
    """Return the text of a system message in Slack's markup.

    Empty if the entry has a text.
    """
    subtype = string(entry, "subtype")
    if subtype == TOMBSTONE:
        return "This message was deleted."
    if child(entry, "room"):
        return _room(entry)
    if "canvas" in subtype or subtype == "document_mention":
        return "" if string(entry, "text") else _canvas(entry)
    return "" if string(entry, "text") else _change(entry, subtype)


def _room(entry: Entry) -> str:
    room = child(entry, "room")
    what = "huddle" if string(entry, "subtype") == HUDDLE else "call"
    began, *others = people_in_room(entry) or ("",)
    if began and not string(room, "created_by"):
        began, others = "", [began, *others]
    sentence = f"{_person(began)} started a {what}" if began else f"A {what} took place"
    if name := string(room, "name"):
        sentence += f" “{escaped(name)}”"
    started, ended = whole(room, "date_start"), whole(room, "date_end")
    if 0 < started < ended:
        minutes = max((ended - started + _SECONDS // 2) // _SECONDS, 1)
        sentence += f" of {minutes} minute{'' if minutes == 1 else 's'}"
    if others:
        sentence += f" with {', '.join(map(_person, others))}"
    return f"{sentence}."


def _canvas(entry: Entry) -> str:
    files = (child(entry, "canvas"), child(entry, "file"), *children(entry, "files"))
    title = next(filter(None, (string(file, "title") for file in files)), "")
    named = f"canvas “{escaped(title)}”" if title else "canvas"
    who = _author(entry)
    return f"{_person(who)} updated the {named}." if who else f"The {named} was updated."


def _change(entry: Entry, subtype: str) -> str:
    """Return a sentence for a change of the conversation without a text."""
    who = _person(_author(entry)) if _author(entry) else "Slack"
    _, _, change = subtype.partition("_")
    for key, what in (("topic", "topic"), ("purpose", "purpose"), ("name", "name")):
        if change == key:
            value = escaped(string(entry, key))
            return f"{who} set the {what} to “{value}”." if value else f"{who} cleared the {what}."
    done = _PINNED.get(subtype) or _DONE.get(change)
    if done:
        return f"{who} {done}."
    return f"{who}: {subtype.replace('_', ' ')}." if is_system(entry) else ""


def _author(entry: Entry) -> str:
    user = string(entry, "user")
    return "" if user == "USLACKBOT" else user


def _person(key: str) -> str:
    return f"<@{key}>"
