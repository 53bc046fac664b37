"""Readable texts for system messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plexus.messaging.v1 import messages_pb2

Read = Callable[..., Any]
DAY = "general/2023-11-14"
ROOM = {
    "created_by": "U1",
    "participant_history": ["U1", "U2"],
    "date_start": 1_700_000_000,
    "date_end": 1_700_001_500,
}


def told(
    write_export: Callable[..., Path], read: Read, subtype: str, **fields: object
) -> messages_pb2.Message:
    entry = {"type": "message", "subtype": subtype, "user": "USLACKBOT", "ts": "1700000001.000000"}
    (message,) = read(write_export({DAY: [entry | {"text": ""} | fields]})).messages()
    return message


@pytest.mark.parametrize(
    ("subtype", "fields", "text"),
    [
        ("huddle_thread", {"room": ROOM}, "@lanette started a huddle of 25 minutes with @bo."),
        (
            "huddle_thread",
            {"room": {"participants": ["U2"], "name": "a & <b>"}, "text": "A huddle happened"},
            "A huddle took place “a & <b>” with @bo.",
        ),
        ("sh_room_created", {"room": {"created_by": "U2"}}, "@bo started a call."),
        ("channel_canvas_updated", {"user": "U1"}, "@lanette updated the canvas."),
        (
            "tabbed_canvas_updated",
            {"files": [{"title": "Plan"}]},
            "The canvas “Plan” was updated.",
        ),
        ("channel_canvas_updated", {"text": "<@U1> renamed it"}, "@lanette renamed it"),
        ("tombstone", {"text": "This message was deleted."}, "This message was deleted."),
        ("channel_join", {"user": "U1"}, "@lanette joined."),
        ("channel_topic", {"user": "U1", "topic": "a < b"}, "@lanette set the topic to “a < b”."),
        ("group_topic", {"user": "U1"}, "@lanette cleared the topic."),
        ("channel_convert_to_private", {}, "Slack made the conversation private."),
        ("pinned_item", {"user": "U2"}, "@bo pinned a message."),
        ("channel_something_new", {"user": "U1"}, "@lanette: channel something new."),
    ],
)
def test_an_entry_without_words_gets_a_sentence(
    write_export: Callable[..., Path],
    read: Read,
    subtype: str,
    fields: dict[str, object],
    text: str,
) -> None:
    message = told(write_export, read, subtype, **fields)

    assert (message.text, message.kind) == (text, messages_pb2.Message.KIND_SYSTEM)
    assert not message.spans
    assert not message.mentions


def test_a_deleted_message_is_told_as_deleted(
    write_export: Callable[..., Path], read: Read
) -> None:
    assert told(write_export, read, "tombstone").deleted
    assert not told(write_export, read, "channel_join").deleted


def test_people_of_a_huddle_who_are_not_listed_have_placeholders(
    write_export: Callable[..., Path], read: Read
) -> None:
    message = told(write_export, read, "huddle_thread", room={"created_by": "U44"})

    assert message.text == "@u44 started a huddle."
