"""Complete translation of a real export of 245 people and 16,466 messages."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from plexus_cli.slack import OddityKind

EXPORT = Path(__file__).parents[4] / "shared" / "data" / "slack" / "racket-export.zip"

pytestmark = pytest.mark.skipif(
    not EXPORT.is_file(), reason=f"the real export is not here: {EXPORT}"
)


def test_everything_translates(read: Callable[..., Any]) -> None:
    reading = read(EXPORT)
    people, conversations = reading.people(), reading.conversations()
    messages = {
        channel.key: reading.messages(channel.key) for channel in reading.workspace.channels
    }

    assert len(people) == 245
    assert [len(item.member_ids) for item in conversations] == [85, 144]
    assert sorted(len(items) for items in messages.values()) == [6_757, 9_709]
    assert reading.problems.counts == {OddityKind.MENTION_UNKNOWN: 1}


def test_msg_19_order_threads_and_times_are_those_of_the_export(read: Callable[..., Any]) -> None:
    reading = read(EXPORT)
    replies = 0
    for channel in reading.workspace.channels:
        messages = reading.messages(channel.key)
        times = [(item.sent_at.seconds, item.sent_at.nanos) for item in messages]
        assert all(before < after for before, after in pairwise(times))
        assert all(
            item.request_id == f"slack:{channel.key}:{seconds}.{nanos // 1_000:06d}"
            for item, (seconds, nanos) in zip(messages, times, strict=True)
        )
        known = set()
        for item in messages:
            assert not item.root_request_id or item.root_request_id in known
            known.add(item.request_id)
            replies += bool(item.root_request_id)
    assert replies == 14_813


def test_batches_of_the_real_export_keep_their_limits(read: Callable[..., Any]) -> None:
    reading = read(EXPORT)
    for channel in reading.workspace.channels:
        for batch in reading.batches(channel.key):
            assert 1 <= len(batch.messages) <= 256
            assert batch.ByteSize() <= 2_000_000
