"""Cost of bringing the longest texts into stored form, counted and not timed (GW-13)."""

import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messaging.messages.domain.content import Content, Span, SpanKind, compose, settle
from messaging.messages.domain.content import lines as lines_module
from messaging.messages.domain.content.markdown import read_markdown
from messaging.messages.domain.content.markdown.cost import MARK_LIMIT, MAX_LINES
from messaging.messages.domain.messages import TEXT_LIMIT_BYTES
from plexuskit.errors import InvalidArgument

K = SpanKind
MAX_BYTES = TEXT_LIMIT_BYTES
# Calls of functions; two thousand links of markdown take some 400,000, 40 ms on a quiet machine.
MAX_CALLS = 600_000


def calls_of(content, *, markdown):
    """Count the functions that composing a content calls, those written in C among them."""
    calls = 0

    def count(_frame, event, _arg):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        with suppress(InvalidArgument):
            compose(content, markdown=markdown)
    finally:
        sys.setprofile(None)
    return calls


def full(pattern, size=MAX_BYTES):
    """Repeat a pattern up to the longest text of a message."""
    return (pattern * (size // len(pattern.encode()) + 1)).encode()[:size].decode(errors="ignore")


def limited(pattern, times):
    return full(pattern, len(pattern.encode()) * times)


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize("kinds", [(K.BOLD, K.ITALIC, K.STRIKE), (K.LINK,), (K.CODE,)])
def test_no_span_is_built_of_a_line_that_is_one_too_many(kinds, monkeypatch):
    text = full("a\n")
    built = 0

    def counted(*args):
        nonlocal built
        built += 1
        return Span(*args)

    monkeypatch.setattr(lines_module, "Span", counted)
    spans = [Span(0, len(text), kind, "https://a.cn" if kind is K.LINK else "") for kind in kinds]
    with pytest.raises(InvalidArgument, match="2000"):
        settle(text, spans)
    assert built == 2_001


def test_lines_of_a_code_block_cost_a_style_around_it_nothing(monkeypatch):
    text = "a\n" + "x\n" * 50_000 + "b"
    built = 0

    def counted(*args):
        nonlocal built
        built += 1
        return Span(*args)

    monkeypatch.setattr(lines_module, "Span", counted)
    block = Span(2, 99_999, K.CODE_BLOCK, "text")
    kept = settle(text, (Span(0, len(text), K.BOLD), block))
    assert kept == (Span(0, 1, K.BOLD), block, Span(100_002, 1, K.BOLD))
    assert built == 2


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize(
    "text",
    [
        full("\r\n"),
        full("\r"),
        full("\0"),
        full("\u202a\u202c"),
        full("\u202c"),
        full("a \u3000"),
        full("\u200d"),
        full("https://a.cn/ "),
        "".join(f"https://例{number}.cn/ " for number in range(7_000)),
    ],
)
def test_a_plain_text_costs_little_for_each_of_its_characters(text):
    links = [Span(0, len(text), K.LINK, "https://a.cn/")]
    styles = [Span(at, 50, K.BOLD) for at in range(0, 100_000, 100)]
    assert calls_of(Content(text), markdown=False) < MAX_CALLS / 4
    assert calls_of(Content(text, tuple(links)), markdown=False) < MAX_CALLS
    assert calls_of(Content(text, tuple(styles)), markdown=False) < MAX_CALLS


@pytest.mark.rule("GW-13")
def test_hosts_in_other_letters_are_refused_before_they_are_converted():
    words = "ab" * 2_000
    spans = [Span(2 * at, 2, K.LINK, f"https://例{at}.cn/") for at in range(2_000)]
    assert calls_of(Content(words, tuple(spans)), markdown=False) < MAX_CALLS
    few = tuple(spans[:100])
    assert len(compose(Content(words, few)).spans) == 100


SOURCES = [
    *map(full, ("\n", ">\n", "> a\n", "```\n", "```\na\n", ":", "$", "#", "http:", "http://x ")),
    *map(full, ("mailto:a@b ", "tel:", ">", "]", "[]", "[" + "$" * 24, "![", "https:", "a\r\n")),
    *map(full, ("| a ", "- a\n", "1. a\n", ":smile:", "&amp;", "\\a", "<@p1>", "😀", "**字：")),
    *(limited(pattern, 6_000) for pattern in ("*a ", "_", "*a*b", "[", "`a", "<a", "~~", "<@x|")),
    *(
        limited(pattern, 2_900)
        for pattern in ("[*", "](", "[](", '[](a "', "[](<b", "[a](b ", "*_")
    ),
    *(
        limited(pattern, 1_900)
        for pattern in ("https://a.cn/ ", "[a](https://b.cn)", "[*a*](tel:1)")
    ),
    limited("[](https:" + "a" * 60 + "(", 2_000),
    limited("[" + "$" * 20, 5_900) + "](",
    "[" * 5_000 + "*a" * 490 + "](https://a.cn)",
    "*a[" * 1_990 + "](",
    "".join(f"[http://例{number}.cn](http://a.cn) " for number in range(1_900)),
    "".join(f"http://xn--fiq{number}s.cn " for number in range(1_900)),
]


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: repr(source[:12]))
def test_no_source_of_markdown_occupies_the_loop(source):
    assert calls_of(Content(source), markdown=True) < MAX_CALLS


ATOMS = [
    "[",
    "]",
    "](",
    "(",
    ")",
    "<",
    ">",
    "*",
    "_",
    "~~",
    "`",
    "\\",
    "\n",
    "> ",
    "```\n",
    " ",
    "a",
]
ATOMS += ["https://a.cn", "http:", "<@p>", "<!all>", "字", "：", '"', "$", "例.cn", "mailto:a@b"]


@pytest.mark.rule("GW-13")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=8), st.sampled_from([1_900, 5_900]))
def test_no_drawn_pattern_occupies_the_loop(atoms, times):
    pattern = "".join(atoms)
    source = limited(pattern, min(times, MAX_BYTES // len(pattern.encode())))
    assert calls_of(Content(source), markdown=True) < MAX_CALLS


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("\n" * MAX_LINES, "lines"),
        ("]" * (MARK_LIMIT + 1), "marks"),
        ("tel: " * 2_001, "addresses"),
        ("*a[" * 1_990 + "](", "brackets"),
    ],
)
def test_what_would_take_too_long_is_refused_with_what_to_do(source, problem):
    with pytest.raises(InvalidArgument, match=f"{problem}.*send it as plain text"):
        read_markdown(source)
    assert compose(Content(source)).text == source
