"""The search box: finds messages, tasks and people, and opens a message in its context."""

import asyncio
import secrets
from collections.abc import Callable

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendMessagesRequest
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.tasks.v1.tasks_service_pb2 import CreateTaskRequest
from plexus_testkit.wait import eventually

from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
WORDS = {
    "zh-CN": {
        "search": "搜索",
        "box": "搜索消息、任务和同事",
        "messages": "消息",
        "tasks": "任务",
        "people": "同事",
        "more": "显示更多",
        "none": "没有找到与",
        "everywhere": "搜索“{}”",
    },
    "en": {
        "search": "Search",
        "box": "Search messages, tasks and people",
        "messages": "Messages",
        "tasks": "Tasks",
        "people": "People",
        "more": "Show more",
        "none": "Nothing found for",
        "everywhere": "Search for “{}”",
    },
}
FINDABLE_S = 30


async def findable(plexus, word: str, count: int) -> None:
    """Wait until the index contains `count` documents with a word."""

    async def total() -> int:
        return (await plexus.call(plexus.search.Search, SearchRequest(query=word))).total

    async def complete() -> bool:
        return await total() >= count

    await eventually(complete, within=FINDABLE_S)


@pytest.fixture
async def archive(group):
    """Create a long conversation with a rare word in its middle, and in a task."""
    word = f"mammut{secrets.token_hex(3)}"
    async with group.as_("max") as plexus:
        items = [
            SendMessageRequest(
                conversation_id=group.id,
                request_id=secrets.token_hex(8),
                text=f"第 {number} 条，"
                + (f"关于 {word} 的发布计划 <b>定稿</b>" if 100 < number <= 130 else "照常进行。"),
            )
            for number in range(1, 201)
        ]
        await plexus.call(plexus.messaging.SendMessages, SendMessagesRequest(items=items))
    async with group.as_("lin") as plexus:
        task = CreateTaskRequest(
            request_id=secrets.token_hex(8), title=f"{word} 上线", description="检查清单"
        )
        await plexus.call(plexus.tasks.CreateTask, task)
        await findable(plexus, word, 31)
    return group, word


@LANGUAGES
async def test_a_word_is_found_by_kind_page_by_page_and_leads_to_its_message(desk, archive, locale):
    group, word = archive
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await lin.page.keyboard.press("Control+Shift+f")
    box = lin.page.get_by_role("textbox", name=words["box"])
    await expect(box).to_be_focused()
    await box.fill(word)
    results = lin.page.locator("main [data-result]")
    await expect(results).to_have_count(20)
    await expect(lin.page.get_by_role("heading", name=words["tasks"])).to_be_visible()
    await lin.page.get_by_role("button", name=words["messages"], exact=True).click()
    await expect(lin.page.get_by_role("heading", name=words["tasks"])).to_have_count(0)
    await expect(lin.page.get_by_role("status").first).to_contain_text("30")
    await expect(results).to_have_count(20)
    await expect(results.first.locator("mark")).to_contain_text([word])
    await lin.page.get_by_role("button", name=words["more"]).click()
    await expect(results).to_have_count(30)
    await lin.shot(f"search-{locale}")

    found = await results.nth(25).inner_text()
    number = found.split("第 ")[1].split(" 条")[0]
    await results.nth(25).click()
    await expect(lin.message(f"第 {number} 条")).to_be_in_viewport()
    await lin.page.go_back()
    await expect(results).to_have_count(30)
    await expect(results.nth(25)).to_be_in_viewport()


@LANGUAGES
async def test_the_palette_searches_and_the_keyboard_alone_reaches_a_result(desk, archive, locale):
    group, word = archive
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await lin.page.keyboard.press("Control+k")
    await lin.page.get_by_role("dialog").get_by_role("combobox").fill(f"定稿 {word}")
    option = lin.page.get_by_role("option", name=words["everywhere"].format(f"定稿 {word}"))
    await expect(option).to_have_attribute("aria-selected", "true")
    await lin.page.keyboard.press("Enter")
    box = lin.page.get_by_role("textbox", name=words["box"])
    await expect(box).to_have_value(f"定稿 {word}")
    await expect(lin.page.locator("main [data-result]").first).to_be_visible()
    await box.focus()
    await lin.page.keyboard.press("ArrowDown")
    await expect(lin.page.locator("main [data-result]").first).to_be_focused()
    await lin.page.keyboard.press("Enter")
    await expect(lin.message(word)).to_be_in_viewport()


@LANGUAGES
async def test_a_colleague_who_is_found_can_be_talked_to(desk, group, locale):
    words = WORDS[locale]
    handle = group.handles["max"]
    async with group.as_("lin") as plexus:
        await findable(plexus, handle, 1)
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await lin.page.get_by_role("link", name=words["search"], exact=True).click()
    await lin.page.get_by_role("textbox", name=words["box"]).fill(handle)
    await lin.page.get_by_role("button", name=words["people"], exact=True).click()
    await lin.page.locator("main [data-result]").first.click()
    await expect(lin.page.get_by_role("heading", name="max")).to_be_visible()
    await lin.say("你好")
    await expect(lin.message("你好")).to_be_visible()


async def test_what_is_not_there_and_an_index_that_is_away_are_explained(desk, group, platform):
    lin = await desk(group.handles["lin"])
    await lin.sign_in("/search")
    box = lin.page.get_by_role("textbox", name=WORDS["zh-CN"]["box"])
    await box.fill(f"niente{secrets.token_hex(4)}")
    await expect(lin.page.get_by_text(WORDS["zh-CN"]["none"])).to_be_visible()
    platform["search"].kill()
    await box.fill("另一个词")
    await expect(lin.page.get_by_role("alert")).to_be_visible()
    platform.restart("search")
    retry: Callable[[], object] = lin.page.get_by_role("button", name="重试").click
    await asyncio.wait_for(answered(lin, retry), FINDABLE_S)
    await expect(lin.page.get_by_role("alert")).to_have_count(0)


async def answered(one, retry) -> None:
    """Retry until there is an answer."""
    while await one.page.get_by_role("alert").count():
        await retry()
        await expect(one.page.get_by_text("正在搜索…")).to_have_count(0)


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_the_search_has_no_fault(desk, archive, locale, theme):
    group, word = archive
    look = f"{locale}-{theme}"
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in("/search")
    await expect(lin.page.get_by_role("textbox", name=WORDS[locale]["box"])).to_be_focused()
    found = await faults(lin, f"search-empty-{look}")
    await lin.page.get_by_role("textbox", name=WORDS[locale]["box"]).fill(word)
    await expect(lin.page.locator("main [data-result]").first).to_be_visible()
    found += await faults(lin, f"search-{look}")
    await lin.page.set_viewport_size({"width": 320, "height": 640})
    await fits(lin)
    found += await faults(lin, f"search-phone-{look}")
    assert found == []
