"""The markdown subset: parsing, writing what was parsed, and bounded time for any text."""

import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from messaging.messages.domain.content import Span, SpanKind, read_markdown, settle, write_markdown
from messaging.messages.domain.content.markdown import cost
from plexuskit.errors import InvalidArgument

K = SpanKind


def seen(source):
    """Read markdown and return (text of a span, kind, value) instead of numbers."""
    text, spans = read_markdown(source)
    return text, [(text[s.start : s.end], s.kind.value, s.value) for s in spans]


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("plain # text\n- [ ] no list", "plain # text\n- [ ] no list", []),
        ("**b** *i* _i_ ~~s~~", "b i i s", ["b bold", "i italic", "i italic", "s strike"]),
        ("***both***", "both", ["both bold", "both italic"]),
        ("snake_case_name 2*3*4=24", "snake_case_name 234=24", ["3 italic"]),
        ("`a*b*` ``x`y`` ``` ` ```", "a*b* x`y `", ["a*b* code", "x`y code", "` code"]),
        (r"\*no\* \`no\` \<@per_1> \\", r"*no* `no` <@per_1> \ ".strip(), []),
        ("**a\nb**", "a\nb", ["a bold", "b bold"]),
        ("**a\n\nb**", "**a\n\nb**", []),
        ("`unfinished **bold", "`unfinished **bold", []),
        ("  kept   as it is  \n\n\n x", "  kept   as it is  \n\n\n x", []),
    ],
)
def test_inline_marks_become_spans(source, text, spans):
    read, found = seen(source)
    assert read == text
    assert [f"{shown} {kind}" for shown, kind, _ in found] == spans


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("**重点：**后文", "重点："),
        ("请看**“附件”**后回复", "“附件”"),
        ("这是**加粗（bold）**的", "加粗（bold）"),
        ("**【紧急】**今天完成", "【紧急】"),
        ("前文**《合同》**，后文", "《合同》"),
        ("金额**$100**万", "$100"),
        ("**この文を強調できますか？**はい", "この文を強調できますか？"),
        ("**이 용어(This term)**를", "이 용어(This term)"),
        ("我可以强调**这个`code`**吗", "这个code"),
    ],
)
def test_emphasis_beside_cjk_punctuation_works(source, shown):
    assert (shown, "bold", "") in seen(source)[1]


def test_other_marks_work_beside_cjk_punctuation_too():
    assert seen("*注意：*后文~~删除。~~后文") == (
        "注意：后文删除。后文",
        [("注意：", "italic", ""), ("删除。", "strike", "")],
    )


def test_emphasis_among_latin_words_stays_commonmark():
    assert seen('a*"foo"*')[1] == []
    assert seen("a * b * c")[1] == []


def test_fences_become_code_blocks_with_their_language():
    assert seen("see\n```Python title\nx = '*y*'\n\n> z\n```\nend") == (
        "see\nx = '*y*'\n\n> z\nend",
        [("x = '*y*'\n\n> z", "code_block", "python")],
    )
    assert seen("~~~\n```\n~~~")[1] == [("```", "code_block", "text")]
    assert seen("```\nnever closed")[1] == [("never closed", "code_block", "text")]
    assert seen("```") == ("```", [])


def test_quotes_are_lines_with_marks_and_inner_ones_join_them():
    assert seen("> one\n>> **two**\nout\n> three") == (
        "one\ntwo\nout\nthree",
        [("one\ntwo", "quote", ""), ("two", "bold", ""), ("three", "quote", "")],
    )
    assert seen("> ```\n> > kept\n> ```")[1] == [
        ("> kept", "quote", ""),
        ("> kept", "code_block", "text"),
    ]


def test_links_and_bare_addresses():
    assert seen(
        "[docs](https://a.com/x) <https://b.com> 见https://c.com/y，谢谢 mailto:a@b.cn."
    ) == (
        "docs https://b.com 见https://c.com/y，谢谢 mailto:a@b.cn.",
        [
            ("docs", "link", "https://a.com/x"),
            ("https://b.com", "link", "https://b.com"),
            ("https://c.com/y", "link", "https://c.com/y"),
            ("mailto:a@b.cn", "link", "mailto:a@b.cn"),
        ],
    )
    assert seen("(https://a.com/b_(c)) **https://d.com**")[1][0][0] == "https://a.com/b_(c)"
    assert seen("[](https://a.com)") == (
        "https://a.com",
        [("https://a.com", "link", "https://a.com")],
    )


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))",
        "[x](JAVASCRIPT:alert(1))",
        "[x](data:text/html;base64,PHN2Zz4=)",
        "<javascript:alert(1)>",
        "[x](https://user:pw@a.com)",
        "[x](/relative)",
        "<script>alert(1)</script>",
        "![x](javascript:alert(1))",
        "[x](java&#115;cript:alert(1))",
    ],
)
def test_what_no_client_should_follow_stays_text(source):
    text, found = seen(source)
    assert text == source
    assert found == []


def test_a_text_that_is_another_address_is_followed_by_the_true_one():
    assert seen("[https://bank.com](https://evil.com/a)") == (
        "https://bank.com (https://evil.com/a)",
        [("https://evil.com/a", "link", "https://evil.com/a")],
    )


def test_msg_13_mentions_are_ids_and_none_is_inside_code_or_quotes():
    assert seen("<@per_1|@林薇> <!all> <!dep_2|@研发部> <@per_3>") == (
        "@林薇 @all @研发部 @per_3",
        [
            ("@林薇", "mention", "per_1"),
            ("@all", "mention_all", ""),
            ("@研发部", "mention_department", "dep_2"),
            ("@per_3", "mention", "per_3"),
        ],
    )
    for source in ("`<@per_1>`", "```\n<!all>\n```", "> <@per_1>"):
        assert not {"mention", "mention_all"} & {kind for _, kind, _ in seen(source)[1]}


def test_offsets_count_code_points():
    text, spans = read_markdown("👩‍💻😀 **字**")
    assert text[spans[0].start : spans[0].end] == "字"


SCRAPS = (
    *"*_~`[]()<>!\\: \n@|-&#a1字：“😀\t\u00a0\x0b",
    *("**", "~~", "```", "> ", "<!-- -->"),
    *("https://a.cn", "[x](https://b.cn)", "<@per_1|@x>", "<!all>"),
)
MARKED = st.lists(st.sampled_from(SCRAPS), max_size=40).map("".join)


@given(MARKED)
@settings(max_examples=500)
def test_every_source_is_read_and_what_is_read_is_in_normal_form(source):
    text, spans = read_markdown(source)
    assert settle(text, spans) == spans
    assert read_markdown(write_markdown(text, spans)) == (text, spans)


@st.composite
def said(draw):
    text = draw(MARKED.filter(bool).map(lambda t: t.replace("\x0b", " ")))
    values = {
        K.LINK: "https://z.cn/?a=(b)&copy;",
        K.MENTION: "per_9",
        K.MENTION_DEPARTMENT: "dep_9",
    }
    spans = []
    for kind in draw(st.lists(st.sampled_from(list(K)), max_size=6)):
        start = draw(st.integers(0, len(text) - 1))
        length = draw(st.integers(1, len(text) - start))
        spans.append(Span(start, length, kind, values.get(kind, "")))
    return text, tuple(spans)


@given(said())
@settings(max_examples=800)
@example(("(a)(b)", (Span(0, 3, K.BOLD), Span(3, 3, K.ITALIC), Span(1, 4, K.STRIKE))))
@example(("abcdef", (Span(0, 4, K.BOLD), Span(2, 4, K.LINK, "https://z.cn/"))))
def test_written_markdown_reads_back_as_text_and_spans_in_normal_form(content):
    text, spans = content
    try:
        settled = settle(text, spans)
    except InvalidArgument:
        return
    assert settle(text, settled) == settled
    assert read_markdown(write_markdown(text, spans)) == (text, settled)


def test_written_markdown_is_what_a_person_would_write():
    text = "重点：见 docs 或 x = 1"
    spans = (Span(0, 3, K.BOLD), Span(5, 4, K.LINK, "https://a.com/d"), Span(12, 5, K.CODE))
    assert write_markdown(text, spans) == "**重点：**见 [docs](<https://a.com/d>) 或 `x = 1`"


BOMBS = [
    *("*[", "(((", "[", "[a](", "_*", "~~*a", "`", "<", "<@a|", "\\", "]("),
    *("[a](b ", "a**b_", "> ", ">", "```\n", "https:", "http://a@", "**字：", "![[", "<!-- "),
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_source_takes_time_out_of_proportion(bomb, monkeypatch):
    """Four times the source takes four times the work: a quadratic reader takes sixteen."""
    monkeypatch.setattr(cost, "MARK_LIMIT", 10**6)

    def seconds(size):
        source = (bomb * size)[:size]
        best = 10.0
        for _ in range(4):
            begun = time.process_time()
            with suppress(InvalidArgument):
                read_markdown(source)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(20_000) < 10 * seconds(5_000) + 0.02


def test_a_source_with_too_many_marks_is_refused_before_it_is_read():
    with pytest.raises(InvalidArgument) as refused:
        read_markdown("*[" * 75_000)
    assert refused.value.metadata["field"] == "text"
    assert read_markdown("```\n" + "*[" * 70_000)[1][0].kind is K.CODE_BLOCK
