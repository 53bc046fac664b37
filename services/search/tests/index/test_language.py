"""SRC-5 on a real index: Chinese, English and mixed text, ids and names by part."""

from collections.abc import Callable
from typing import Any

import pytest
from search.domain.documents import MATCH_BEGINS, MATCH_ENDS

NOISE = (
    "海边的上层建筑",
    "体会情境与况味",
    "妈妈的肚子",
    "系统管理员换人了",
    "The quick brown fox",
    "湾仔在台阶上",
    "ABD-123 and ABC-124 are other tickets",
    "10.1.2.33 and 110.1.2.3 are other hosts",
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("上海", "我家在上海东边。"),
        ("东边", "我家在上海东边。"),
        ("具体情况", "具体情况就需要分析了"),
        ("情况", "具体情况就需要分析了"),
        ("分析", "具体情况就需要分析了"),
        ("爸爸", "我的爸爸肚子很餓"),
        ("肚子很饿", "我的爸爸肚子很餓"),
        ("CRM系统", "新的CRM系统下周上线"),
        ("crm系统", "新的 CRM 系统下周上线"),
        ("ＣＲＭ系统", "新的CRM系统下周上线"),
        ("CRM 上线", "新的CRM系统下周上线"),
        ("采购流程", "采购的新流程从五月开始"),
        ("家", "我家在上海东边。"),
        ("餓", "我的爸爸肚子很餓"),
        ("饿", "我的爸爸肚子很餓"),
        ("台湾", "他從臺灣回來了"),
        ("臺灣", "他从台湾回来了"),
        ("台灣", "他從臺灣回來了"),
        ("臺灣", "他從台灣回來了"),
        ("項目進度", "这个项目进度落后了"),
        ("项目进度", "這個項目進度落後了"),
        ("deploy", "We DEPLOY on Fridays"),
        ("ＤＥＰＬＯＹ", "We deploy on Fridays"),
        ("café", "the Cafe is closed"),
        ("👍", "谢谢 👍"),
        ("東京", "来週は東京へ行きます"),
        ("회의", "내일 회의 있습니다"),
    ],
)
async def test_src_05_finds_words(
    index: Callable[..., Any],
    message: Callable[..., Any],
    texts: Callable[..., Any],
    query: str,
    text: str,
) -> None:
    await index(message(text), *(message(other) for other in NOISE))

    assert await texts(query) == [text]


@pytest.mark.parametrize(
    "query",
    [
        *("ABC-123", "abc-123", "ABC123", "ＡＢＣ－１２３", '"ABC-123"'),
        *("10.1.2.3", "10.1.2.3:8080", "1.2.3:8080"),
        *(
            "https://wiki.example.com/ops/run-book?page=7#top",
            "wiki.example.com",
            "example.com/ops",
        ),
        *("wiki", "run-book", "page=7", "ops"),
        *("Q3_budget-final.v2.xlsx", "q3_budget", "budget", "final.v2", "xlsx", "预算表.docx"),
        *("searchIndexer.py", "searchindexer", "indexer", "HTTPServer", "server"),
        *("from:ops wiki", "ann@example.com", "C:\\logs\\app.log", "app.log"),
    ],
)
async def test_src_05_finds_ids_addresses_and_file_names_by_part(
    index: Callable[..., Any],
    message: Callable[..., Any],
    texts: Callable[..., Any],
    query: str,
) -> None:
    text = (
        "ABC-123: host 10.1.2.3:8080 fails, see https://wiki.example.com/ops/run-book?page=7#top "
        "or ask ann@example.com from there; C:\\logs\\app.log, searchIndexer.py, HTTPServer"
    )
    wanted = message(text, names=("Q3_budget-final.v2.xlsx", "2026年预算表.docx"))
    await index(wanted, *(message(other) for other in NOISE))

    assert await texts(query) == [text]


@pytest.mark.parametrize(
    "query", ["ABC-12", "0.1.2.3", "海上", "况情", "爸肚子的", "depl", "wiki.org"]
)
async def test_src_05_finds_no_other_words(
    index: Callable[..., Any],
    message: Callable[..., Any],
    texts: Callable[..., Any],
    query: str,
) -> None:
    await index(
        message("ABC-123 on 10.1.2.3, deploy wiki.example.com"),
        message("我家在上海东边。"),
        message("具体情况就需要分析了"),
        message("我的爸爸肚子很餓"),
    )

    assert await texts(query) == []


async def test_src_05_every_word_must_be_found_in_some_field(
    index: Callable[..., Any], message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    both = message("the budget is late", names=("2026年报告.xlsx",))
    await index(both, message("the budget is fine"), message("报告已经完成"))

    assert await texts("budget 报告") == ["the budget is late"]
    assert await texts("budget zebra") == []


async def test_src_05_long_queries_need_most_of_their_words_and_rank_the_fullest_first(
    index: Callable[..., Any], message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    full = "please reset the warehouse printer password before monday"
    most = "please reset the warehouse printer password now"
    await index(message("please wait until monday"), message(most), message(full))

    assert await texts("please reset the warehouse printer password before monday morning") == [
        full,
        most,
    ]


async def test_src_05_phrases_and_negation(
    index: Callable[..., Any], message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    ordered, turned = "the release train leaves", "the train release is late"
    chinese, split = "新版上线通知", "上线后发通知"
    await index(*(message(text) for text in (ordered, turned, chinese, split)))

    assert set(await texts("release train")) == {ordered, turned}
    assert await texts('"release train"') == [ordered]
    assert await texts("release -late") == [ordered]
    assert await texts('release -"train release"') == [ordered]
    assert await texts("“上线通知”") == [chinese]
    assert await texts("通知 -新版") == [split]


async def test_exact_keys_find_their_thing_first(
    index: Callable[..., Any], message: Callable[..., Any], find: Callable[..., Any]
) -> None:
    named = message("something", id="msg_01ABC", keys=("msg_01ABC",))
    await index(named, message("I mean msg_01ABC here, msg_01ABC there"))

    page = await find("MSG_01abc")

    assert page.found[0].id == "msg_01ABC"
    assert page.total == 2


@pytest.mark.parametrize(
    ("query", "marked"),
    [
        ("上海", ["上海"]),
        ("具体情况", ["具体情况"]),
        ("ABC-123", ["ABC", "123"]),
        ("海", ["海"]),
        ("deploy", ["Deploy"]),
    ],
)
async def test_highlights_mark_the_matches(
    index: Callable[..., Any],
    message: Callable[..., Any],
    find: Callable[..., Any],
    query: str,
    marked: list[str],
) -> None:
    await index(message("在上海 Deploy 的具体情况见 ABC-123。"))

    (hit,) = (await find(query)).found

    assert len(hit.highlights) == 1
    parts = hit.highlights[0].split(MATCH_BEGINS)[1:]
    assert [part.partition(MATCH_ENDS)[0] for part in parts] == marked
    assert hit.highlights[0].replace(MATCH_BEGINS, "").replace(MATCH_ENDS, "") in hit.text


@pytest.mark.parametrize("filler", ["字", "词语 ", "word ", "a-1 ", '"x y" ', "-not ", "怎么 办? "])
async def test_a_query_of_the_greatest_length_is_answered(
    find: Callable[..., Any], index: Callable[..., Any], message: Callable[..., Any], filler: str
) -> None:
    await index(message("字 词语 word a-1 x y 怎么办"))
    query = ("word " + filler * 1_000)[:1_000].strip()

    assert (await find(query)).total <= 1


async def test_words_of_any_length_are_indexed(
    index: Callable[..., Any], message: Callable[..., Any], texts: Callable[..., Any]
) -> None:
    letters, signs, chinese = "x" * 150_000, "a_" * 75_000, "好" * 50_000
    await index(message(letters), message(signs), message(chinese), message("short"))

    assert await texts("short") == ["short"]
    assert await texts("好好") == [chinese]
