import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.domain.query import MAX_QUERY_CHARS, MAX_UNITS, Form, Query, Term, parse, units
from search.domain.refusals import QueryInvalid


def words(*texts: str) -> tuple[Term, ...]:
    return tuple(Term(text, Form.WORDS) for text in texts)


def test_src_05_every_word_between_spaces_is_required() -> None:
    assert parse("CRM系统 上线") == Query(required=words("CRM系统", "上线"))


@pytest.mark.parametrize("query", ['"a train"', "“a train”", "＂a train＂", "＂ａ train＂"])
def test_src_06_quotes_of_every_keyboard_make_a_phrase(query: str) -> None:
    assert parse(query) == Query(required=(Term("a train", Form.TOGETHER),))


def test_src_06_a_minus_before_a_word_or_phrase_excludes_it() -> None:
    query = parse('release -late -"on hold" －已完成')

    assert query.required == words("release")
    assert [term.text for term in query.unwanted] == ["late", "on hold", "已完成"]


@pytest.mark.parametrize("query", ["a - b", "a -- b", "a-b", "--force"])
def test_src_06_other_minuses_exclude_nothing(query: str) -> None:
    assert parse(query).unwanted == ()


@pytest.mark.parametrize(
    "text", ["ABC-123", "10.1.2.3", "https://a.example/b?c=1", "q3_final.xlsx", "ann@example.com"]
)
def test_src_05_what_signs_join_is_found_together(text: str) -> None:
    assert parse(text) == Query(required=(Term(text, Form.TOGETHER),))


@pytest.mark.parametrize("text", ["C++", "hello!", "报告.xlsx", "(draft)", "don't"])
def test_src_05_signs_at_the_edge_or_beside_chinese_join_nothing(text: str) -> None:
    assert parse(text) == Query(required=words(text))


def test_src_06_operators_are_plain_words() -> None:
    assert parse("from:ann has:file") == Query(required=words("from", "ann", "has", "file"))


@pytest.mark.parametrize(
    "question",
    [
        "什么是棱柱",
        "高登身高多少?",
        "尤金袋鼠分布在哪些地区？",
        "how do I reset it",
        "is it late today?",
    ],
)
def test_src_05_questions_are_relaxed(question: str) -> None:
    (term,) = parse(question).required

    assert term.form is Form.QUESTION


@pytest.mark.parametrize("query", ["什么", "怎么办", "how", "who?", "somehow it shows up"])
def test_src_05_short_queries_are_no_questions(query: str) -> None:
    assert all(term.form is Form.WORDS for term in parse(query).required)


def test_src_05_phrases_and_ids_stay_required_in_a_question() -> None:
    query = parse('why does ABC-123 say "not found" on login?')

    assert Term("ABC-123", Form.TOGETHER) in query.required
    assert Term("not found", Form.TOGETHER) in query.required
    assert Term("why does say on login?", Form.QUESTION) in query.required


def test_src_05_more_than_six_words_are_relaxed() -> None:
    query = parse("one two three four five six seven")

    assert query.required == ()
    assert query.relaxed == words("one", "two", "three", "four", "five", "six", "seven")


@pytest.mark.parametrize("query", ["", "  \n", "?!", "“”", "-", "。，", "-late", '-"on hold"'])
def test_a_query_that_names_nothing_is_refused(query: str) -> None:
    with pytest.raises(QueryInvalid):
        parse(query)


def test_a_query_over_the_limit_is_refused() -> None:
    parse("字" * MAX_QUERY_CHARS)

    with pytest.raises(QueryInvalid) as refused:
        parse("字" * (MAX_QUERY_CHARS + 1))

    assert refused.value.reason == "QUERY_INVALID"
    assert "1000" in refused.value.message()


@given(st.text(max_size=MAX_QUERY_CHARS))
def test_every_text_is_a_query_of_bounded_size_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except QueryInvalid:
        return

    terms = (*query.required, *query.relaxed, *query.unwanted)
    assert query.required or query.relaxed
    assert sum(max(units(term.text), 1) for term in terms) <= MAX_UNITS
    assert all(term.text.strip() for term in terms)
