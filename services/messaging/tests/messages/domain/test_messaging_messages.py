"""Bounds of drafts: MSG-3, MSG-13, MSG-18."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.messages.domain.messages import (
    TEXT_LIMIT_BYTES,
    Attachment,
    Imported,
    Span,
    SpanKind,
    new_message,
)
from messaging.messages.domain.refusals import MessageEmpty, TextTooLong, TooManyMentions
from plexuskit.errors import InvalidArgument


def make(text="hello", **fields):
    values = {"conversation_id": "cnv_1", "sender_id": "per_1", "request_id": "r1"}
    return new_message(**(values | {"text": text} | fields))


def test_msg_18_the_limit_of_text_counts_bytes():
    assert make("x" * TEXT_LIMIT_BYTES)
    with pytest.raises(TextTooLong):
        make("x" * (TEXT_LIMIT_BYTES + 1))
    with pytest.raises(TextTooLong):
        make("字" * (TEXT_LIMIT_BYTES // 3 + 1))


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_a_message_says_something_or_brings_something(text):
    with pytest.raises(MessageEmpty):
        make(text)
    assert make(text, attachments=(Attachment("a.pdf", "https://x/a.pdf", "", 1),)).attachments
    assert make(text, imported=Imported(sent_at=datetime(2018, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("request_id", ["", "x" * 129])
def test_msg_03_a_request_id_has_1_to_128_characters(request_id):
    with pytest.raises(InvalidArgument):
        make(request_id=request_id)


def test_msg_13_at_most_200_people_are_named_each_once():
    people = tuple(f"per_{n}" for n in range(200))
    assert make(mentions=people + people).mentions == people
    with pytest.raises(TooManyMentions):
        make(mentions=(*people, "per_x"))


def test_msg_13_nobody_is_mentioned_inside_code_or_quotes():
    text = "@ann see `@bob` @all"
    spans = (
        Span(0, 4, SpanKind.MENTION, "per_ann"),
        Span(9, 6, SpanKind.CODE),
        Span(10, 4, SpanKind.MENTION, "per_bob"),
        Span(16, 4, SpanKind.MENTION_ALL),
    )
    made = make(text, spans=spans, mentions=("per_ann", "per_bob"), mention_all=True)

    assert made.mentions == ("per_ann",)
    assert made.mention_all
    assert [span.value for span in made.spans if span.kind is SpanKind.MENTION] == ["per_ann"]


def test_msg_13_all_inside_a_quote_addresses_nobody():
    spans = (Span(0, 6, SpanKind.QUOTE), Span(2, 4, SpanKind.MENTION_ALL))

    assert not make("> @all", spans=spans, mention_all=True).mention_all


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=50),
    st.integers(-5, 60),
    st.integers(-5, 60),
)
def test_spans_lie_within_the_text(text, start, length):
    spans = (Span(start, length, SpanKind.BOLD),)
    inside = start >= 0 and length > 0 and start + length <= len(text)
    if inside:
        assert make(text, spans=spans).spans == spans
    else:
        with pytest.raises(InvalidArgument):
            make(text, spans=spans)


def test_markdown_becomes_text_and_spans_and_addresses_whom_it_mentions():
    made = make("**重点：**<@per_b|@林薇> `<@per_c>` <!all> <!dep_1>", markdown=True)

    assert made.text == "重点：@林薇 <@per_c> @all @dep_1"
    assert [span.kind.value for span in made.spans] == [
        *("bold", "mention", "code", "mention_all", "mention_department"),
    ]
    assert (made.mentions, made.mention_all, made.department_ids) == (
        ("per_b",),
        True,
        ("dep_1",),
    )
    with pytest.raises(InvalidArgument):
        make("**a**", markdown=True, spans=(Span(0, 1, SpanKind.BOLD),))


def test_the_same_marks_as_plain_text_stay_as_they_are():
    assert make("**a** <@per_b>").text == "**a** <@per_b>"


def test_msg_03_departments_are_part_of_the_content():
    assert make(department_ids=("dep_1",)).content_hash != make().content_hash
    assert make(department_ids=("dep_1", "dep_1")).department_ids == ("dep_1",)


def test_what_no_utf_8_can_hold_is_refused_and_nothing_but_controls_is_empty():
    with pytest.raises(InvalidArgument) as refused:
        make("half \ud83d")
    assert refused.value.metadata["field"] == "text"
    with pytest.raises(MessageEmpty):
        make("\x00\x1b")


CONTENTS = st.fixed_dictionaries(
    {
        "text": st.text(
            st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1, max_size=8
        ).filter(lambda t: not t.isspace()),
        "mentions": st.lists(st.sampled_from(["a", "b", "ab", "c"]), unique=True).map(tuple),
        "mention_all": st.booleans(),
        "reply_to_seq": st.integers(0, 3),
    }
)


@given(CONTENTS, CONTENTS)
def test_msg_03_the_content_hash_is_equal_exactly_for_equal_content(one, other):
    same = make(**one).content_hash == make(**other).content_hash

    assert same == (one == other)


@given(CONTENTS)
def test_msg_03_the_content_hash_does_not_depend_on_who_or_when(content):
    one = make(**content, request_id="r1", sender_id="a", conversation_id="x")
    other = make(**content, request_id="r2", sender_id="b", conversation_id="y")

    assert one.content_hash == other.content_hash
