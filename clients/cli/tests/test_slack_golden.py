"""A small export with every kind of entry, and its exact translation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

GOLDEN = Path(__file__).parent / "slack_golden"


def translated(reading: Any) -> dict[str, object]:
    def plain(items: Any) -> list[object]:
        return [MessageToDict(item, preserving_proto_field_name=True) for item in items]

    return {
        "people": plain(reading.people()),
        "conversations": plain(reading.conversations()),
        "messages": {
            channel.key: plain(reading.messages(channel.key))
            for channel in reading.workspace.channels
        },
        "oddities": [str(oddity) for oddity in reading.problems.examples],
    }


def test_msg_19_the_golden_export_becomes_exactly_these_requests(
    read: Callable[..., Any],
) -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text(encoding="utf-8"))

    assert translated(read(GOLDEN / "export")) == expected
