"""Slack's markup: readable text, spans in code points and mentions by id (MSG-13)."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexus_cli.slack.fields import escaped
from plexus_cli.slack.markup import MAX_MENTIONS, Named, Names, Rendered, render, unescape

PEOPLE = {
    "U1": Named(handle="lanette", person_id="per_1"),
    "U2": Named(handle="wang.fang", person_id="per_2"),
}
NAMES = Names(person=PEOPLE.get, channel={"C1": "general"}.get)

PIECES = st.sampled_from(
    [
        *("<@U1>", "<@U2|fang>", "<@U9>", "<@", "<#C1|general>", "<!here>", "<!", "<>", "<|>"),
        *("<http://x.y|z>", "<http://x.y/?a=1&amp;b>", "&lt;", "&gt;", "&amp;", "&amp;lt;", "&"),
        *("*", "_", "`", "```", "\n", " ", "|", ">", "<", "报表", "👍🏽", "a", "\u0301", "\ud83d"),
    ]
)
MESSY = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


def meanings(rendered: Rendered) -> list[tuple[str, str]]:
    return [
        (rendered.text[span.start : span.start + span.length], str(span.WhichOneof("meaning")))
        for span in rendered.spans
    ]


@given(source=MESSY)
def test_no_text_crashes_and_every_span_lies_within_it(source: str) -> None:
    rendered = render(source, names=NAMES)

    for span in rendered.spans:
        assert span.start >= 0
        assert span.length > 0
        assert span.start + span.length <= len(rendered.text)
        assert span.WhichOneof("meaning") is not None


@given(source=MESSY)
def test_msg_13_nothing_inside_code_or_quotes_is_a_mention(source: str) -> None:
    spans = render(source, names=NAMES).spans

    shut = [span for span in spans if span.code or span.code_block or span.quote]
    for span in spans:
        if span.mention_person_id or span.mention_all:
            assert not any(
                other.start < span.start + span.length and span.start < other.start + other.length
                for other in shut
            )


@given(source=MESSY)
def test_msg_13_mentions_are_exactly_the_people_of_the_spans(source: str) -> None:
    rendered = render(source, names=NAMES)

    spanned = {span.mention_person_id for span in rendered.spans if span.mention_person_id}
    assert {mention.person_id for mention in rendered.mentions if mention.person_id} == spanned
    assert any(mention.all for mention in rendered.mentions) == any(
        span.mention_all for span in rendered.spans
    )


@given(text=st.text())
def test_unescape_undoes_escape(text: str) -> None:
    assert unescape(escaped(text)) == text


@given(text=st.text(alphabet=string.ascii_letters + " <>&;|@#!.数据" + string.digits))
def test_an_escaped_text_reads_as_it_was_written(text: str) -> None:
    # A `>` at the start of a line is a quotation, so the line starts with another character.
    text = f"x{text}\n{text.lstrip('>')}"

    assert render(escaped(text), names=NAMES) == Rendered(text=text)


@given(code=st.text(alphabet=string.ascii_letters + "<>&*_ 码\n", min_size=1))
def test_a_code_block_shows_its_code_untouched(code: str) -> None:
    rendered = render(f"```\n{escaped(code)}\n```", names=NAMES)

    assert rendered.text == code
    assert meanings(rendered) == [(code, "code_block")]


@pytest.mark.parametrize(
    ("source", "text", "spans"),
    [
        ("ask <@U1>", "ask @lanette", [("@lanette", "mention_person_id")]),
        ("<@U2|old name> 好", "@wang.fang 好", [("@wang.fang", "mention_person_id")]),
        ("<@U9> <@U8|bob>", "@U9 @bob", []),
        ("see <#C1> <#C2|random> <#C3>", "see #general #random #C3", []),
        ("<!channel>", "@channel", [("@channel", "mention_all")]),
        ("<!here|here>", "@here", [("@here", "mention_all")]),
        ("<!everyone>", "@everyone", [("@everyone", "mention_all")]),
        ("<!subteam^S1|@ops>!", "@ops!", []),
        ("<!date^1392734382^{date}|18 Feb>", "18 Feb", []),
        ("<http://a.b/c|docs>", "docs", [("docs", "link")]),
        ("<https://a.b/?x=1&amp;y=2>", "https://a.b/?x=1&y=2", [("https://a.b/?x=1&y=2", "link")]),
        ("<mailto:a@b.c>", "a@b.c", [("a@b.c", "link")]),
        ("<javascript:alert(1)|click>", "<javascript:alert(1)|click>", []),
        ("a &lt; b &amp;&amp; b &gt; c", "a < b && b > c", []),
        ("&amp;lt;", "&lt;", []),
        ("*bold* _it_", "bold it", [("bold", "bold"), ("it", "italic")]),
        ("*_both_*", "both", [("both", "bold"), ("both", "italic")]),
        ("~old~ new ~ x~y~z", "old new ~ x~y~z", [("old", "strike")]),
        ("请看*重点*部分_斜_。", "请看重点部分斜。", [("重点", "bold"), ("斜", "italic")]),
        ("done :tada: `:tada:` 80:100:443", "done 🎉 :tada: 80:100:443", [(":tada:", "code")]),
        (":wave::skin-tone-3: :party-owl:", "👋🏼 :party-owl:", []),
        ("2*3*4 a_b_c * x * #:*-proc", "2*3*4 a_b_c * x * #:*-proc", []),
        ("*<@U1>*", "@lanette", [("@lanette", "bold"), ("@lanette", "mention_person_id")]),
        ("`<@U1> *x*`", "@lanette *x*", [("@lanette *x*", "code")]),
        ("```<!here>```", "@here", [("@here", "code_block")]),
        ("run ```ls``` now", "run ls now", [("ls", "code")]),
        ("<ftp://a.b/c|files>", "files (ftp://a.b/c)", []),
        ("<https://evil.com|https://bank.com>", "https://bank.com (https://evil.com)", []),
        ("&gt; said <@U1>\nyes", "said @lanette\nyes", [("said @lanette", "quote")]),
        ("&gt; a\n&gt; b\nc", "a\nb\nc", [("a\nb", "quote")]),
        ("&gt;&gt;&gt;a\nb", "a\nb", [("a\nb", "quote")]),
        ("1 &gt; 0", "1 > 0", []),
        ("报表 👍🏽 <@U1>", "报表 👍🏽 @lanette", [("@lanette", "mention_person_id")]),
        ("", "", []),
    ],
)
def test_markup_is_read_as_slack_shows_it(
    source: str, text: str, spans: list[tuple[str, str]]
) -> None:
    rendered = render(source, names=NAMES)

    assert rendered.text == text
    assert meanings(rendered) == spans


def test_an_unknown_mention_is_reported_and_stays_a_label() -> None:
    rendered = render("<@U9> and <@U9> and <@U1>", names=NAMES)

    assert rendered.unknown == ("U9",)
    assert [mention.person_id for mention in rendered.mentions] == ["per_1"]


def test_a_link_keeps_its_target_apart_from_its_label() -> None:
    (span,) = render("<https://a.b/?x=1&amp;y=2|here>", names=NAMES).spans

    assert span.link == "https://a.b/?x=1&y=2"


def test_msg_13_names_at_most_200_people() -> None:
    names = Names(
        person=lambda key: Named(handle=key.lower(), person_id=f"per_{key}"), channel=NAMES.channel
    )

    rendered = render(" ".join(f"<@U{number}>" for number in range(203)), names=names)

    assert len(rendered.mentions) == MAX_MENTIONS
    assert rendered.beyond_limit == 3
    assert rendered.text.endswith("@u202")
