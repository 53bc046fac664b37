"""Translation of a messy export: no silent loss; original times, order and threads (MSG-19)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus.messaging.v1 import conversations_pb2, messages_pb2
from plexus_cli.slack import ExportUntidy, OddityKind

WriteExport = Callable[..., Path]
Read = Callable[..., Any]
DAY = "general/2023-11-14"
KIND = messages_pb2.Message


def ts(number: int) -> str:
    return f"1700000{number:03d}.000{number:03d}"


def said(number: int, text: str = "hi", **fields: object) -> dict[str, object]:
    return {"type": "message", "user": "U1", "text": text, "ts": ts(number), **fields}


def texts(reading: Any, key: str = "C1") -> list[str]:
    return [message.text for message in reading.messages(key)]


def test_msg_19_a_message_keeps_its_time_author_and_key(
    write_export: WriteExport, read: Read
) -> None:
    edited = {"user": "U1", "ts": ts(5)}
    (message,) = read(write_export({DAY: [said(1, "a &lt; b", edited=edited)]})).messages()

    assert message.text == "a < b"
    assert message.conversation_id == "cnv_slack:C1"
    assert message.sender_id == "per_slack:U1"
    assert message.request_id == "slack:C1:1700000001.000001"
    assert (message.sent_at.seconds, message.sent_at.nanos) == (1_700_000_001, 1_000)
    assert (message.edited_at.seconds, message.edited_at.nanos) == (1_700_000_005, 5_000)
    assert message.kind == KIND.KIND_TEXT


def test_msg_19_messages_come_in_order_of_time_whatever_file_they_lie_in(
    write_export: WriteExport, read: Read
) -> None:
    days = {
        "general/2023-11-14": [said(3, "3"), said(1, "1")],
        "general/2023-11-15": [said(2, "2"), said(4, "4")],
        "general/2023-11-16": [said(6, "6"), said(5, "5")],
    }

    assert texts(read(write_export(days))) == ["1", "2", "3", "4", "5", "6"]


def test_msg_15_replies_name_the_first_message_of_their_thread(
    write_export: WriteExport, read: Read
) -> None:
    root, reply, nested = read(
        write_export(
            {
                DAY: [
                    said(1, thread_ts=ts(1)),
                    said(2, thread_ts=ts(1), subtype="thread_broadcast"),
                    said(3, thread_ts=ts(2)),
                ]
            }
        )
    ).messages()

    assert root.root_request_id == ""
    assert reply.root_request_id == nested.root_request_id == root.request_id


@pytest.mark.parametrize("root", [ts(9), ts(800), "soon", 7])
def test_a_reply_without_its_root_stands_outside_threads(
    write_export: WriteExport, read: Read, root: object
) -> None:
    reading = read(write_export({DAY: [said(1, thread_ts=root)]}))

    assert reading.messages()[0].root_request_id == ""
    assert reading.problems.counts == {OddityKind.ROOT_MISSING: 1}


def test_an_unknown_author_becomes_a_deactivated_placeholder(
    write_export: WriteExport, read: Read
) -> None:
    profile = {"real_name": "Zoë Guest", "name": "zoe"}
    reading = read(write_export({DAY: [said(1, user="U77", user_profile=profile)]}))
    placeholder = reading.people()[-1]

    assert placeholder.external_id == "slack:U77"
    assert placeholder.display_name == "Zoë Guest"
    assert placeholder.handle == "zoe-guest"
    assert placeholder.deactivated
    assert reading.messages()[0].sender_id == "per_slack:U77"
    (oddity,) = reading.problems.examples
    assert (oddity.kind, oddity.index, oddity.ts) == (OddityKind.AUTHOR_UNKNOWN, 0, ts(1))


def test_people_keep_name_zone_locale_and_state(write_export: WriteExport, read: Read) -> None:
    lanette, bo, ci = read(write_export({})).people()

    assert (lanette.handle, lanette.display_name) == ("lanette", "Lanette Ott")
    assert (lanette.email, lanette.deactivated) == ("l@e.org", False)
    assert (bo.deactivated, bo.time_zone) == (True, "Europe/Berlin")
    assert (ci.service_account, ci.locale) == (True, "zh-CN")


def test_bots_are_service_accounts_by_user_id_or_name(
    write_export: WriteExport, read: Read
) -> None:
    bot = {"type": "message", "subtype": "bot_message", "text": "x"}
    reading = read(
        write_export(
            {
                DAY: [
                    bot | {"bot_id": "B3", "ts": ts(1)},
                    bot | {"bot_id": "B9", "username": "Deploy Bot", "ts": ts(2)},
                    bot | {"username": "cron", "ts": ts(3)},
                ]
            }
        )
    )

    senders = [message.sender_id for message in reading.messages()]
    assert senders == ["per_slack:U3", "per_slack:B9", "per_slack:bot:cron"]
    added = {person.external_id: person for person in reading.people()[3:]}
    assert added["slack:B9"].display_name == "Deploy Bot"
    assert added["slack:B9"].handle == "deploy-bot"
    assert all(person.service_account and not person.deactivated for person in added.values())
    assert not reading.problems.counts


def test_a_bot_without_text_speaks_through_its_attachments(
    write_export: WriteExport, read: Read
) -> None:
    alert = {"title": "Disk full", "text": "db-3 at *97%*", "title_link": "https://m.example/1"}
    (message,) = read(write_export({DAY: [said(1, "", attachments=[alert])]})).messages()

    assert message.text == "Disk full\ndb-3 at 97%"
    assert [(item.name, item.url) for item in message.attachments] == [
        ("Disk full", "https://m.example/1")
    ]


@pytest.mark.parametrize(
    ("subtype", "kind", "text"),
    [
        ("channel_join", KIND.KIND_SYSTEM, "@lanette has joined"),
        ("channel_topic", KIND.KIND_SYSTEM, "@lanette has joined"),
        ("group_leave", KIND.KIND_SYSTEM, "@lanette has joined"),
        ("file_share", KIND.KIND_TEXT, "@lanette has joined"),
        ("me_message", KIND.KIND_TEXT, "@lanette has joined"),
    ],
)
def test_subtypes_become_text_or_system_messages(
    write_export: WriteExport, read: Read, subtype: str, kind: int, text: str
) -> None:
    entry = said(1, "<@U1> has joined", subtype=subtype)
    (message,) = read(write_export({DAY: [entry]})).messages()

    assert (message.kind, message.text) == (kind, text)
    assert bool(message.mentions) == (kind == KIND.KIND_TEXT and bool(text))


def test_traces_of_changes_are_no_messages(write_export: WriteExport, read: Read) -> None:
    changed = {"type": "message", "subtype": "message_changed", "message": said(1), "ts": "x"}
    reading = read(write_export({DAY: [changed, said(2, "stays")]}))

    assert texts(reading) == ["stays"]


def test_msg_16_reactions_are_sets_of_people_per_emoji(
    write_export: WriteExport, read: Read
) -> None:
    reactions = [
        {"name": "+1::skin-tone-2", "users": ["U1"], "count": 1},
        {"name": "+1", "users": ["U1", "U2"], "count": 3},
        {"name": "thumbsup", "users": ["U1"], "count": 1},
        {"name": "tada", "users": [], "count": 0},
    ]
    reading = read(write_export({DAY: [said(1, reactions=reactions)]}))
    (reaction,) = reading.messages()[0].reactions

    assert (reaction.emoji, list(reaction.person_ids)) == ("👍", ["per_slack:U1", "per_slack:U2"])
    assert reading.problems.counts == {OddityKind.REACTORS_MISSING: 1}


def test_files_become_attachments(write_export: WriteExport, read: Read) -> None:
    file = {"id": "F1", "name": "报价.pdf", "mimetype": "application/pdf", "size": 1200}
    entry = said(
        1, files=[file | {"url_private": "https://f/1"}, {"id": "F2", "mode": "tombstone"}]
    )
    first, second = read(write_export({DAY: [entry]})).messages()[0].attachments

    assert (first.name, first.url) == ("报价.pdf", "https://f/1")
    assert (first.media_type, first.size_bytes) == ("application/pdf", 1200)
    assert (second.name, second.url) == ("Deleted file", "")


def test_equal_times_are_told_apart_the_same_way_every_time(
    write_export: WriteExport, read: Read
) -> None:
    entries = [said(1, "a"), said(1, "b"), said(1, "a"), said(2, "re", thread_ts=ts(1))]
    reading = read(write_export({DAY: entries}))
    messages = reading.messages()

    assert [message.text for message in messages] == ["a", "b", "re"]
    assert [message.request_id.removeprefix(f"slack:C1:{ts(1)}") for message in messages[:2]] == [
        "",
        ":2",
    ]
    assert messages[2].root_request_id == messages[0].request_id
    assert reading.problems.counts == {OddityKind.DUPLICATE_TS: 2}


def test_msg_18_a_text_beyond_150_kb_is_refused_and_the_rest_goes_in(
    write_export: WriteExport, read: Read
) -> None:
    reading = read(write_export({DAY: [said(1, "长" * 51_201), said(2, "x" * 153_600)]}))

    assert len(texts(reading)[0]) == 153_600
    assert reading.problems.counts == {OddityKind.TEXT_TOO_LONG: 1}


def test_batches_hold_at_most_256_messages_and_2_mb(write_export: WriteExport, read: Read) -> None:
    small = [said(number, str(number)) for number in range(300)]
    large = [said(300 + number, "y" * 140_000) for number in range(30)]
    batches = list(read(write_export({DAY: small + large})).batches("C1"))

    assert [len(batch.messages) for batch in batches[:1]] == [256]
    assert sum(len(batch.messages) for batch in batches) == 330
    assert all(batch.ByteSize() <= 2_000_000 for batch in batches)
    assert len(batches) == 4


def test_the_same_export_gives_the_same_requests(write_export: WriteExport, read: Read) -> None:
    root = write_export({DAY: [said(2, user="U9"), said(1, "<@U8>", thread_ts=ts(0))]})
    first, second = read(root), read(root)

    assert first.people() == second.people()
    assert list(first.batches("C1")) == list(second.batches("C1"))


@pytest.mark.parametrize("stamp", ["never", "", None, "99999999999.0", "-1.0", "12.0", True, {}])
def test_an_absurd_time_is_named_and_everything_else_comes_in(
    write_export: WriteExport, read: Read, stamp: object
) -> None:
    reading = read(
        write_export(
            {
                "general/2023-11-14": [said(1, "1")],
                "general/2023-11-15": [said(2, "2"), said(3, "3") | {"ts": stamp}, said(4, "4")],
                "general/2023-11-16": [said(5, "5")],
            }
        )
    )

    assert texts(reading) == ["1", "2", "4", "5"]
    (oddity,) = reading.problems.examples
    assert (oddity.kind, oddity.index) == (OddityKind.TIME_ABSURD, 1)
    assert oddity.file == "general/2023-11-15.json"


def test_replies_to_a_root_that_is_lost_stay_together(
    write_export: WriteExport, read: Read
) -> None:
    lost = ts(0)
    reading = read(
        write_export({DAY: [said(number, thread_ts=lost) for number in (1, 2, 3)] + [said(4)]})
    )
    first, second, third, other = reading.messages()

    assert first.root_request_id == other.root_request_id == ""
    assert second.root_request_id == third.root_request_id == first.request_id
    assert reading.problems.counts == {OddityKind.ROOT_MISSING: 1}


def test_files_beyond_fifty_are_named(write_export: WriteExport, read: Read) -> None:
    files = [
        {"id": f"F{n}", "name": f"{n}.txt", "url_private": f"https://f/{n}"} for n in range(70)
    ]
    reading = read(write_export({DAY: [said(1, files=files)]}))

    assert len(reading.messages()[0].attachments) == 50
    (oddity,) = reading.problems.examples
    assert (oddity.kind, oddity.index, oddity.ts) == (OddityKind.TOO_MANY_FILES, 0, ts(1))
    assert "20 of 70 files" in oddity.detail
    assert "'50.txt'" in oddity.detail


def test_messages_of_one_moment_that_differ_in_their_blocks_are_two(
    write_export: WriteExport, read: Read
) -> None:
    def block(text: str) -> list[dict[str, object]]:
        return [{"type": "header", "text": {"type": "plain_text", "text": text}}]

    entries = [said(1, "", blocks=block("a")), said(1, "", blocks=block("b"))]

    assert texts(read(write_export({DAY: entries}))) == ["a", "b"]


@pytest.mark.parametrize(
    "entry",
    [
        said(1, user="U99"),
        said(1, "<@U99>"),
        said(1, thread_ts=ts(0)),
        said(1, "x" * 153_601),
        said(1, reactions=[{"name": "+1", "users": ["U99"], "count": 1}]),
    ],
)
def test_strictness_refuses_what_is_otherwise_worked_around(
    write_export: WriteExport, read: Read, entry: dict[str, object]
) -> None:
    root = write_export({DAY: [entry]})
    assert read(root).messages() is not None

    with pytest.raises(ExportUntidy) as caught:
        read(root, strict=True).messages()
    assert (caught.value.oddity.file, caught.value.oddity.index) == (f"{DAY}.json", 0)


def test_chats_of_every_kind_become_conversations(write_export: WriteExport, read: Read) -> None:
    lists = {
        "channels.json": [
            {"id": "C1", "name": "general", "members": ["U2", "U1"], "creator": "U2"}
            | {"topic": {"value": "see <#C1>"}, "created": 1_600_000_000, "is_archived": True}
        ],
        "groups.json": [{"id": "G1", "name": "board", "members": ["U1"], "creator": "U2"}],
        "mpims.json": [{"id": "M1", "name": "mpdm-lanette--bo-1", "members": ["U1", "U2", "U3"]}],
        "dms.json": [{"id": "D1", "members": ["U1", "U2"]}, {"id": "D2", "members": ["U1"]}],
    }
    reading = read(write_export({"D1/2023-11-14": [said(1, "psst")]}, lists=lists))
    general, board, group, pair, alone = reading.conversations()

    assert (general.name, general.topic, general.archived) == ("general", "see #general", True)
    assert general.created_at.seconds == 1_600_000_000
    # The creator is deactivated, so an active member becomes the owner of the channel.
    assert general.owner_id == "per_slack:U1"
    # A creator who has left is not added again.
    assert (list(board.member_ids), board.owner_id) == (["per_slack:U1"], "per_slack:U1")
    assert group.name == "Lanette Ott, Bo, ci"
    assert pair.kind == conversations_pb2.Conversation.KIND_DIRECT
    assert (pair.name, list(pair.member_ids)) == ("", ["per_slack:U1", "per_slack:U2"])
    assert alone.kind == conversations_pb2.Conversation.KIND_GROUP
    assert texts(reading, "D1") == ["psst"]
    assert reading.problems.counts == {OddityKind.NOT_A_PAIR: 1}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([ts(1), "U1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "users", "ts", "user", "text", "url_private", "title", "elements"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = ("user", "text", "subtype", "thread_ts", "edited", "reactions", "files", "attachments")
MESSY = st.dictionaries(
    st.sampled_from((*FIELDS, "bot_id", "username", "blocks", "comment", "user_profile")), JSON
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=st.lists(MESSY, max_size=12), stamps=st.permutations(range(12)))
def test_msg_19_whatever_shape_entries_have_they_come_out_in_order(
    write_export: WriteExport,
    read: Read,
    entries: list[dict[str, object]],
    stamps: list[int],
) -> None:
    days = {
        f"general/2023-11-{14 + position % 3}": [
            {"type": "message", "ts": ts(stamps[place])} | entry
            for place, entry in enumerate(entries)
            if place % 3 == position
        ]
        for position in range(3)
    }
    reading = read(write_export(days))
    messages = reading.messages()

    assert len(messages) == reading.workspace.message_count
    times = [(message.sent_at.seconds, message.sent_at.nanos) for message in messages]
    assert times == sorted(times)
    assert len({message.request_id for message in messages}) == len(messages)
    gone_by: set[str] = set()
    for message in messages:
        assert not message.root_request_id or message.root_request_id in gone_by
        gone_by.add(message.request_id)
