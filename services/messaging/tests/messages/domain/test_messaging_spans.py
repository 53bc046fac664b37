"""Spans in normal form: the stored forms, and those that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.messages.domain.content import Content, Span, SpanKind, compose, settle
from plexuskit.errors import InvalidArgument

K = SpanKind


def settled(text, *spans):
    return [(s.start, s.length, s.kind) for s in settle(text, spans)]


def test_spans_come_in_order_and_each_once():
    spans = (Span(4, 2, K.CODE), Span(0, 6, K.BOLD), Span(0, 2, K.ITALIC), Span(4, 2, K.CODE))
    assert settled("abcdef", *spans) == [(0, 6, K.BOLD), (0, 2, K.ITALIC), (4, 2, K.CODE)]


def test_runs_of_one_style_that_touch_are_one_and_end_with_words():
    assert settled("ab cd  ", Span(0, 3, K.BOLD), Span(3, 4, K.BOLD)) == [(0, 5, K.BOLD)]
    assert settled("a b", Span(1, 1, K.STRIKE)) == []


def test_spans_end_where_lines_end_and_quotes_take_whole_lines():
    assert settled("ab\n\ncd", Span(1, 4, K.ITALIC)) == [(1, 1, K.ITALIC), (4, 1, K.ITALIC)]
    assert settled("ab\ncd\nef", Span(1, 1, K.QUOTE), Span(4, 1, K.QUOTE)) == [(0, 5, K.QUOTE)]


@pytest.mark.parametrize("code", [K.CODE, K.CODE_BLOCK])
def test_msg_13_nothing_lies_inside_code(code):
    inner = (Span(1, 1, K.BOLD), Span(1, 1, K.LINK, "https://a.cn"), Span(0, 3, K.MENTION, "per_1"))
    assert settled("abc", Span(0, 3, code), *inner) == [(0, 3, code)]


def test_styles_and_links_may_lie_around_code_and_over_each_other():
    spans = (Span(0, 9, K.BOLD), Span(2, 3, K.CODE), Span(4, 5, K.LINK, "https://a.cn"))
    with pytest.raises(InvalidArgument):
        settle("abcdefghi", spans)
    kept = (Span(0, 7, K.BOLD), Span(2, 3, K.CODE), Span(5, 4, K.LINK, "https://a.cn"))
    assert settle("abcdefghi", kept) == kept


@pytest.mark.parametrize(
    "spans",
    [
        (Span(0, 4, K.BOLD), Span(2, 4, K.CODE)),
        (Span(0, 4, K.CODE), Span(2, 4, K.CODE)),
        (Span(0, 4, K.LINK, "https://a.cn"), Span(2, 4, K.LINK, "https://a.cn")),
        (Span(0, 4, K.MENTION, "per_1"), Span(0, 4, K.MENTION, "per_2")),
        (Span(0, 4, K.MENTION, "per_1"), Span(1, 2, K.CODE)),
        (Span(0, 3, K.CODE_BLOCK),),
        (Span(0, 6, K.CODE_BLOCK, "no language"),),
        (Span(0, 4, K.MENTION, "<x>"),),
        (Span(0, 4, K.LINK, "javascript:alert(1)"),),
        (Span(0, 4, K.LINK, "https://u:p@a.cn"),),
        (Span(0, 0, K.BOLD),),
        (Span(-1, 2, K.BOLD),),
        (Span(5, 2, K.BOLD),),
        tuple(Span(0, 1, K.BOLD) for _ in range(2_001)),
    ],
)
def test_spans_that_have_no_normal_form_are_refused(spans):
    with pytest.raises(InvalidArgument) as refused:
        settle("abcdef", spans)
    assert refused.value.metadata["field"].startswith("spans")


def test_a_link_whose_text_is_another_address_is_refused():
    with pytest.raises(InvalidArgument):
        settle("https://bank.com", (Span(0, 16, K.LINK, "https://evil.com"),))
    assert settle("https://bank.com", (Span(0, 16, K.LINK, "https://bank.com/a"),))


def test_values_are_written_in_one_form():
    (link,) = settle("docs", (Span(0, 4, K.LINK, "HTTPS://Аpple.COM/X"),))
    (block,) = settle("code", (Span(0, 4, K.CODE_BLOCK, ""),))
    assert link.value == "https://xn--pple-43d.com/X"
    assert block.value == "text"


def test_msg_13_who_is_only_mentioned_where_it_does_not_count_is_not_addressed():
    sent = Content(
        "@a @b\n@c @all",
        (
            Span(0, 2, K.MENTION, "per_a"),
            Span(6, 2, K.MENTION, "per_c"),
            Span(9, 4, K.MENTION_ALL),
            Span(6, 1, K.QUOTE),
        ),
        ("per_a", "per_c", "per_d"),
        mention_all=True,
    )
    stored = compose(sent)
    assert (stored.mentions, stored.mention_all) == (("per_a", "per_d"), False)


def test_mentions_that_are_only_spans_address_too():
    stored = compose(
        Content("@a @x", (Span(0, 2, K.MENTION, "p1"), Span(3, 2, K.MENTION_DEPARTMENT, "d1")))
    )
    assert (stored.mentions, stored.mention_departments) == (("p1",), ("d1",))


@given(
    st.text("ab \n", min_size=1, max_size=20),
    st.lists(
        st.tuples(st.integers(0, 19), st.integers(1, 20), st.sampled_from(sorted(K))), max_size=8
    ),
)
def test_settling_again_changes_nothing(text, drawn):
    values = {K.LINK: "https://a.cn/", K.MENTION: "per_1", K.MENTION_DEPARTMENT: "dep_1"}
    spans = [Span(start, length, kind, values.get(kind, "")) for start, length, kind in drawn]
    try:
        once = settle(text, spans)
    except InvalidArgument:
        return
    assert settle(text, once) == once
    assert all(0 <= s.start < s.end <= len(text) for s in once)
