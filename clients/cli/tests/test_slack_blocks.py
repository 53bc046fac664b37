"""Texts of blocks of every kind, with their style; texts of attachments beside the message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plexus.messaging.v1 import messages_pb2
from plexus_cli.slack import OddityKind
from plexus_cli.slack.blocks import mrkdwn_of

WriteExport = Callable[..., Path]
Read = Callable[..., Any]
Fields = dict[str, Any]


def text(value: str, **style: bool) -> Fields:
    return {"type": "text", "text": value} | ({"style": style} if style else {})


def section(*elements: Fields) -> Fields:
    return {"type": "rich_text_section", "elements": elements}


def rich(*parts: Fields) -> list[Fields]:
    return [{"type": "rich_text", "elements": parts}]


def bullets(*texts: str, style: str = "bullet", indent: int = 0, **fields: object) -> Fields:
    elements = [section(text(each)) for each in texts]
    return {
        "type": "rich_text_list",
        "style": style,
        "indent": indent,
        "elements": elements,
    } | fields


def plain(value: str) -> Fields:
    return {"type": "plain_text", "text": value}


def mrkdwn(value: str) -> Fields:
    return {"type": "mrkdwn", "text": value}


def button(label: str, **fields: object) -> Fields:
    return {"type": "button", "text": plain(label)} | fields


@pytest.fixture
def translate(write_export: WriteExport, read: Read) -> Callable[..., Any]:
    """Return a function that translates one message; it returns the message and its oddities."""

    def translated(**fields: object) -> tuple[messages_pb2.Message, list[str]]:
        entry = {"type": "message", "user": "U1", "text": "", "ts": "1700000001.000000", **fields}
        reading = read(write_export({"general/2023-11-14": [entry]}))
        (message,) = reading.messages()
        return message, [str(oddity.kind) for oddity in reading.problems.examples]

    return translated


def meanings(message: messages_pb2.Message) -> list[tuple[str, str]]:
    return [
        (message.text[span.start : span.start + span.length], str(span.WhichOneof("meaning")))
        for span in message.spans
    ]


@pytest.mark.parametrize(
    ("blocks", "shown", "spans"),
    [
        (
            rich(
                section(text("甲乙 "), text("丙", bold=True), text(" 丁", italic=True, strike=True))
            ),
            "甲乙 丙 丁",
            [("丙", "bold"), (" 丁", "italic"), (" 丁", "strike")],
        ),
        (rich(section(text("a*b", code=True))), "a*b", [("a*b", "code")]),
        (rich(section(text("rename *.py /usr/*/bin"))), "rename *.py /usr/*/bin", []),
        (rich(section(text("_private_ ~x~ :tada:"))), "_private_ ~x~ :tada:", []),
        (rich(bullets("one", "two")), "• one\n• two", []),
        (
            rich(
                section(text("do:\n")),
                bullets("one", style="ordered"),
                bullets("deep", indent=1),
                bullets("two", style="ordered"),
                bullets("five", style="ordered", offset=4),
            ),
            "do:\n1. one\n    ◦ deep\n2. two\n5. five",
            [],
        ),
        (
            rich(
                section(text("see")),
                {"type": "rich_text_preformatted", "elements": [text("a = 1\n")]},
            ),
            "see\na = 1",
            [("a = 1", "code_block")],
        ),
        (
            rich(
                {"type": "rich_text_quote", "elements": [text("two\nlines")]}, section(text("me"))
            ),
            "two\nlines\nme",
            [("two\nlines", "quote")],
        ),
        (
            rich(bullets("quoted", border=1)),
            "• quoted",
            [("• quoted", "quote")],
        ),
        (
            rich(
                section(
                    {"type": "link", "url": "https://wiki.example/1", "text": "the page"},
                    text(" "),
                    {"type": "link", "url": "https://wiki.example/2"},
                    text(" "),
                    {"type": "link", "url": "javascript:x", "text": "bad"},
                )
            ),
            "the page https://wiki.example/2 bad (javascript:x)",
            [("the page", "link"), ("https://wiki.example/2", "link")],
        ),
        (
            rich(
                section(
                    {"type": "user", "user_id": "U1"},
                    {"type": "channel", "channel_id": "C1"},
                    {"type": "broadcast", "range": "here"},
                    {"type": "usergroup", "usergroup_id": "S1"},
                    {"type": "color", "value": "#ff0000"},
                    {"type": "team", "team_id": "T1"},
                )
            ),
            "@lanette#general@here@S1#ff0000@T1",
            [("@lanette", "mention_person_id"), ("@here", "mention_all")],
        ),
        (
            rich(
                section(
                    {"type": "emoji", "name": "tada", "unicode": "1f389"},
                    {"type": "emoji", "name": "wave", "skin_tone": 4},
                    {"type": "emoji", "name": "newest", "unicode": "1fae9"},
                    {"type": "emoji", "name": "party-owl"},
                    {"type": "date", "timestamp": 1_700_000_000, "fallback": "14 November"},
                    text(" "),
                    {"type": "date", "timestamp": 1_700_000_000, "format": "{date}"},
                )
            ),
            "🎉👋🏽🫩:party-owl:14 November 2023-11-14 22:13 UTC",
            [],
        ),
        (
            [{"type": "section", "text": mrkdwn("*s* text"), "fields": [mrkdwn("A"), plain("B")]}],
            "s text\nA\nB",
            [("s", "bold")],
        ),
        (
            [
                {"type": "header", "text": plain("Head :tada:")},
                {"type": "divider"},
                {
                    "type": "context",
                    "elements": [mrkdwn("_c_"), {"type": "image", "alt_text": "pic"}],
                },
            ],
            "Head 🎉\nc pic",
            [("Head 🎉", "bold"), ("c", "italic")],
        ),
        (
            [
                {"type": "section", "text": plain("Go?"), "accessory": button("Open")},
                {
                    "type": "actions",
                    "elements": [
                        button("Approve", url="https://ci.example/9"),
                        button("Deny"),
                        {"type": "static_select", "placeholder": plain("Choose")},
                    ],
                },
            ],
            "Go?\n[Open]\nApprove [Deny] [Choose]",
            [("Approve", "link")],
        ),
        (
            [
                {
                    "type": "video",
                    "title": plain("Film"),
                    "title_url": "https://v.example/1",
                    "description": plain("about"),
                },
                {
                    "type": "call",
                    "call": {"v1": {"name": "Daily", "join_url": "https://z.example/1"}},
                },
                {
                    "type": "input",
                    "label": plain("Name"),
                    "element": {"placeholder": plain("yours")},
                },
            ],
            "Film\nabout\nDaily\nName\n[yours]",
            [("Film", "link"), ("Daily", "link")],
        ),
        (
            [
                {
                    "type": "table",
                    "rows": [
                        [{"type": "raw_text", "text": "head"}, {"type": "raw_text", "text": "qty"}],
                        [
                            rich(section(text("bolt", bold=True)))[0],
                            {"type": "raw_number", "value": 40},
                        ],
                    ],
                }
            ],
            "head | qty\nbolt | 40",
            [("bolt", "bold")],
        ),
        (
            [
                {
                    "type": "markdown",
                    "text": "# Title\n**b** and *i* and [t](https://t.example)\n> q",
                }
            ],
            "Title\nb and i and t\nq",
            [("Title", "bold"), ("b", "bold"), ("i", "italic"), ("t", "link"), ("q", "quote")],
        ),
    ],
)
def test_blocks_of_every_kind_keep_words_and_style(
    translate: Callable[..., Any], blocks: list[Fields], shown: str, spans: list[tuple[str, str]]
) -> None:
    message, oddities = translate(blocks=blocks)

    assert message.text == shown
    assert sorted(meanings(message)) == sorted(spans)
    assert not oddities


def test_blocks_say_what_the_text_beside_them_only_guesses(translate: Callable[..., Any]) -> None:
    blocks = rich(section(text("ask "), {"type": "usergroup", "usergroup_id": "S1"}, text(" *.py")))
    message, _ = translate(text="ask <!subteam^S1|@buyers> *.py *", blocks=blocks)

    assert (message.text, meanings(message)) == ("ask @buyers *.py", [])


def test_a_text_stands_where_blocks_have_no_words(translate: Callable[..., Any]) -> None:
    message, _ = translate(text="words", blocks=[{"type": "divider"}, None, 7])

    assert message.text == "words"


def test_msg_13_blocks_mention_nobody_inside_code_and_quotes(translate: Callable[..., Any]) -> None:
    someone = {"type": "user", "user_id": "U1"}
    quote = {
        "type": "rich_text_quote",
        "elements": [someone, {"type": "broadcast", "range": "here"}],
    }
    code = {"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U2"}]}
    message, _ = translate(blocks=rich(quote, code))

    assert message.text == "@lanette@here\n@bo"
    assert {kind for _, kind in meanings(message)} == {"quote", "code_block"}
    assert not message.mentions


def test_mentions_beyond_the_limit_stay_labels(write_export: WriteExport, read: Read) -> None:
    users = [{"id": f"U{n}", "name": f"p{n}"} for n in range(1, 251)]
    people = [{"type": "user", "user_id": f"U{n}"} for n in range(1, 251)]
    entry = {"type": "message", "user": "U1", "ts": "1700000001.000000"}
    days = {"general/2023-11-14": [entry | {"blocks": rich(section(*people))}]}
    reading = read(write_export(days, users=users))
    (message,) = reading.messages()

    assert len(message.mentions) == len(message.spans) == 200
    assert reading.problems.counts == {OddityKind.TOO_MANY_MENTIONS: 1}


def test_words_of_unknown_blocks_are_kept_and_told(translate: Callable[..., Any]) -> None:
    carousel = {"type": "carousel", "cards": [{"title": plain("Card"), "body": mrkdwn("*b*")}]}
    strange = rich(section({"type": "hologram", "text": "wave"}))
    message, oddities = translate(blocks=[carousel, *strange])

    assert message.text == "Card\nb\nwave"
    assert oddities == ["block unknown", "block unknown"]


def test_a_bot_says_its_text_and_its_attachments(translate: Callable[..., Any]) -> None:
    attachment = {
        "pretext": "CI:",
        "title": "build 88 failed",
        "title_link": "https://ci.example/88",
        "text": "the *reason*",
        "fields": [{"title": "branch", "value": "main"}, {"value": "only"}],
        "footer": "ci",
    }
    message, _ = translate(text="Look", subtype="bot_message", attachments=[attachment])

    assert message.text == "Look\nCI:\nbuild 88 failed\nthe reason\nbranch: main\nonly\nci"
    assert meanings(message) == [("reason", "bold")]
    assert [item.url for item in message.attachments] == ["https://ci.example/88"]


def test_blocks_inside_attachments_are_read(translate: Callable[..., Any]) -> None:
    blocks = [{"type": "section", "text": mrkdwn("in *blocks*")}]
    message, _ = translate(
        attachments=[{"blocks": blocks, "fallback": "[no preview available]"}, {"fallback": "else"}]
    )

    assert message.text == "in blocks\nelse"


def test_a_shared_message_is_quoted(translate: Callable[..., Any]) -> None:
    shared = {
        "is_msg_unfurl": True,
        "author_name": "Bo",
        "text": "the <@U1> words",
        "from_url": "https://home.example/1",
    }
    message, _ = translate(text="see", attachments=[shared])

    assert message.text == "see\nBo\nthe @lanette words"
    assert meanings(message) == [("Bo\nthe @lanette words", "quote")]


def test_the_preview_of_a_page_is_no_word_of_the_writer(translate: Callable[..., Any]) -> None:
    preview = {"from_url": "https://n.example", "title": "News", "text": "Rain tomorrow"}
    message, _ = translate(text="<https://n.example>", attachments=[preview])

    assert message.text == "https://n.example"
    assert [(item.name, item.url) for item in message.attachments] == [
        ("News", "https://n.example")
    ]


def test_pictures_of_blocks_become_attachments(translate: Callable[..., Any]) -> None:
    image = {"type": "image", "image_url": "https://i.example/1.png", "alt_text": "chart of May"}
    message, _ = translate(blocks=[image | {"title": plain("Chart")}])

    assert message.text == "Chart\nchart of May"
    assert [(item.name, item.url) for item in message.attachments] == [
        ("Chart", "https://i.example/1.png")
    ]


@pytest.mark.parametrize(
    ("markdown", "mrkdwn_text"),
    [
        ("**a** __b__ *c* ~~d~~", "*a* *b* _c_ ~d~"),
        ("## Head\ntext", "*Head*\ntext"),
        ("`**a**` <b> & 2*3*4", "`**a**` &lt;b&gt; &amp; 2*3*4"),
        ("[t](https://t.example/a_b)", "<https://t.example/a_b|t>"),
    ],
)
def test_markdown_is_written_as_slacks_markup(markdown: str, mrkdwn_text: str) -> None:
    assert mrkdwn_of(markdown) == mrkdwn_text


KINDS = (
    *("rich_text", "rich_text_section", "rich_text_list", "rich_text_quote"),
    *("rich_text_preformatted", "text", "link", "user", "emoji", "date", "broadcast", "channel"),
    *("section", "header", "context", "actions", "button", "image", "video", "table", "markdown"),
    *("mrkdwn", "plain_text", "input", "call", "carousel"),
)
VALUES = st.sampled_from(
    ["", "a\nb", "*x*", "U1", "https://a.example", "javascript:x", ":tada:", "1f389", "`", "> q"]
)
BLOCK = st.recursive(
    st.none() | st.booleans() | st.integers() | VALUES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {"type": st.sampled_from(KINDS)},
            optional=dict.fromkeys(
                (
                    *("text", "elements", "fields", "style", "url", "user_id", "name", "rows"),
                    *("title", "alt_text", "unicode", "skin_tone", "timestamp", "fallback"),
                    *("indent", "offset", "border", "accessory", "label", "element", "image_url"),
                ),
                inner,
            ),
        )
    ),
    max_leaves=25,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fields=st.dictionaries(
        st.sampled_from(["text", "blocks", "attachments"]), st.lists(BLOCK, max_size=4) | VALUES
    )
)
def test_blocks_of_any_shape_give_a_text_with_spans_inside_it(
    translate: Callable[..., Any], fields: dict[str, object]
) -> None:
    message, _ = translate(**fields)

    closed = [span for span in message.spans if span.code or span.code_block or span.quote]
    for span in message.spans:
        assert span.start >= 0
        assert span.length > 0
        assert span.start + span.length <= len(message.text)
        if span.mention_person_id or span.mention_all:
            end = span.start + span.length
            assert not any(
                each.start < end and span.start < each.start + each.length for each in closed
            )
