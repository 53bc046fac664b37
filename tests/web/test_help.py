"""Help: the tour shown to newcomers once, and the quick-start guide."""

import re
from typing import Any

import pytest
from playwright.async_api import expect
from plexus_local.servers.home import home

from .conftest import Desk
from .test_accessibility import LOOKS, faults, fits
from .test_tasks import LANGUAGES
from .words import LOCALES

STEPS = 5
GUIDES = {"zh-CN": "quick-start.zh-CN.md", "en": "quick-start.md"}
WORDS = {
    "zh-CN": {
        "help": "帮助",
        "tour": "新手导览",
        "guide": "快速上手指南",
        "visit": "前往：快速上手指南",
        "position": "第 {} 步，共 5 步",
        "skip": "跳过导览",
        "back": "上一步",
        "next": "下一步",
        "done": "开始使用",
        "contents": "目录",
        "keyboard": "键盘",
    },
    "en": {
        "help": "Help",
        "tour": "Tour",
        "guide": "Quick-start guide",
        "visit": "Go to Quick-start guide",
        "position": "Step {} of 5",
        "skip": "Skip the tour",
        "back": "Back",
        "next": "Next",
        "done": "Get started",
        "contents": "Contents",
        "keyboard": "Keyboard",
    },
}


async def sign_in(desk: Desk) -> None:
    """Sign in for the first time and wait for the tour over the page."""
    await desk.page.goto(desk.address)
    await desk.page.get_by_label(desk.words.handle).fill(desk.handle)
    await desk.page.get_by_label(desk.words.password).fill("a password of the tests")
    await desk.page.get_by_role("button", name=desk.words.sign_in, exact=True).click()


def tour_of(desk: Desk, words: dict[str, str]) -> Any:
    return desk.page.get_by_role("dialog", name=words["tour"])


def button(desk: Desk, words: dict[str, str], name: str) -> Any:
    return tour_of(desk, words).get_by_role("button", name=words[name], exact=True)


async def choose(desk: Desk, menu: str, entry: str) -> None:
    await desk.page.get_by_role("button", name=menu, exact=True).click()
    await desk.page.get_by_role("menuitem", name=re.compile(entry)).click()


@LANGUAGES
async def test_a_newcomer_is_shown_around_once_by_keyboard(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale, first_time=True)
    await sign_in(lin)
    keyboard = lin.page.keyboard
    for step in range(1, STEPS):
        await expect(tour_of(lin, words)).to_contain_text(words["position"].format(step))
        await expect(button(lin, words, "next")).to_be_focused()
        await keyboard.press("Enter")
    await expect(tour_of(lin, words)).to_contain_text(words["position"].format(STEPS))
    await expect(button(lin, words, "done")).to_be_focused()
    await expect(button(lin, words, "skip")).to_have_count(0)
    await keyboard.press("Enter")
    await expect(tour_of(lin, words)).to_have_count(0)
    await lin.page.reload()
    await lin.page.get_by_role("navigation", name=lin.words.navigation).wait_for()
    await expect(lin.page.get_by_role("link", name=group.name)).to_be_visible()
    await expect(tour_of(lin, words)).to_have_count(0)


@LANGUAGES
async def test_the_tour_is_skipped_and_opened_again_from_the_menu(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale, first_time=True)
    await sign_in(lin)
    await button(lin, words, "skip").click()
    await expect(tour_of(lin, words)).to_have_count(0)
    await choose(lin, words["help"], words["tour"].replace("Tour", "Take the tour"))
    await expect(tour_of(lin, words)).to_contain_text(words["position"].format(1))
    await lin.page.keyboard.press("Escape")
    await expect(tour_of(lin, words)).to_have_count(0)
    await expect(lin.page.get_by_role("button", name=words["help"], exact=True)).to_be_focused()


async def test_the_tour_keeps_the_focus_in_both_directions(desk, group):
    words = WORDS["zh-CN"]
    lin = await desk(group.handles["lin"], first_time=True)
    await sign_in(lin)
    keyboard = lin.page.keyboard
    await expect(button(lin, words, "next")).to_be_focused()
    await keyboard.press("ArrowRight")
    await keyboard.press("ArrowRight")
    await expect(tour_of(lin, words)).to_contain_text(words["position"].format(3))
    await keyboard.press("ArrowLeft")
    await expect(tour_of(lin, words)).to_contain_text(words["position"].format(2))
    await button(lin, words, "back").focus()
    await keyboard.press("Enter")
    await expect(tour_of(lin, words)).to_contain_text(words["position"].format(1))
    await expect(button(lin, words, "back")).to_have_count(0)
    await expect(button(lin, words, "next")).to_be_focused()
    for _ in range(4):
        await keyboard.press("Tab")
        assert await tour_of(lin, words).evaluate("(one) => one.contains(document.activeElement)")


async def test_a_tour_that_was_closed_in_one_tab_closes_in_the_others(desk, group):
    words = WORDS["zh-CN"]
    lin = await desk(group.handles["lin"], first_time=True)
    await sign_in(lin)
    await expect(tour_of(lin, words)).to_be_visible()
    other = await lin.another_tab()
    await other.goto(lin.address)
    window = other.get_by_role("dialog", name=words["tour"])
    await window.get_by_role("button", name=words["skip"]).click()
    await expect(tour_of(lin, words)).to_have_count(0)


async def test_another_person_at_the_same_browser_sees_the_tour_too(desk, group):
    words = WORDS["zh-CN"]
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    await choose(lin, lin.words.account, lin.words.sign_out)
    await lin.page.get_by_label(lin.words.handle).wait_for()
    lin.handle = group.handles["max"]
    await sign_in(lin)
    await expect(tour_of(lin, words)).to_be_visible()


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_tour_and_guide_have_no_fault(desk, group, locale, theme):
    words = WORDS[locale]
    look = f"{locale}-{theme}"
    lin = await desk(group.handles["lin"], locale=locale, theme=theme, first_time=True)
    await sign_in(lin)
    found = []
    for step in range(1, STEPS + 1):
        await expect(tour_of(lin, words)).to_contain_text(words["position"].format(step))
        found += await faults(lin, f"tour-{step}-{look}")
        await lin.page.keyboard.press("ArrowRight")
    await button(lin, words, "done").click()
    await lin.page.goto(f"{lin.address}/help")
    await expect(lin.page.get_by_role("heading", level=1)).to_have_text(words["guide"])
    found += await faults(lin, f"help-{look}")
    assert found == []


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_phone_shows_tour_and_guide_without_scrolling_sideways(desk, group, locale):
    words = WORDS[locale]
    phone = await desk(
        group.handles["lin"],
        locale=locale,
        first_time=True,
        viewport={"width": 320, "height": 640},
        has_touch=True,
        is_mobile=True,
        reduced_motion="reduce",
    )
    await sign_in(phone)
    found = []
    for step in range(1, STEPS + 1):
        await expect(tour_of(phone, words)).to_contain_text(words["position"].format(step))
        box = await tour_of(phone, words).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
        assert box["y"] + box["height"] <= 640
        await fits(phone)
        found += await faults(phone, f"tour-phone-{step}-{locale}")
        await button(phone, words, "next" if step < STEPS else "done").click()
    await choose(phone, phone.words.account, words["visit"])
    await expect(phone.page.get_by_role("heading", level=1)).to_have_text(words["guide"])
    await fits(phone)
    found += await faults(phone, f"help-phone-{locale}")
    assert found == []


@LANGUAGES
async def test_the_guide_opens_by_menu_palette_and_key_and_has_all_of_its_page(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    page = lin.page
    title = page.get_by_role("heading", level=1, name=words["guide"])
    await choose(lin, words["help"], words["visit"])
    await expect(title).to_be_visible()
    markdown = (home() / "docs" / GUIDES[locale]).read_text(encoding="utf-8")
    for heading in re.findall(r"^## (.+)$", markdown, re.MULTILINE):
        await expect(page.get_by_role("heading", level=2, name=heading, exact=True)).to_be_visible()
    pictures = page.get_by_role("main").get_by_role("img")
    await expect(pictures).to_have_count(markdown.count("!["))
    for picture in await pictures.all():
        await picture.scroll_into_view_if_needed()
        await expect(picture).to_have_js_property("complete", True)
        assert await picture.evaluate("(one) => one.naturalWidth") > 0
    contents = page.get_by_role("navigation", name=words["contents"])
    await contents.get_by_role("link", name=words["keyboard"], exact=True).click()
    heading = page.get_by_role("heading", level=2, name=words["keyboard"], exact=True)
    await expect(heading).to_be_in_viewport()

    await page.goto(lin.address)
    await lin.open(group.name)
    await lin.composer.press("?")
    await expect(lin.composer).to_have_value("?")
    await expect(title).to_have_count(0)
    await (
        page.get_by_role("navigation", name=lin.words.navigation).get_by_role("link").first.focus()
    )
    await page.keyboard.press("Shift+?")
    await expect(title).to_be_visible()

    await page.goto(lin.address)
    await page.get_by_role("link", name=group.name).wait_for()
    await page.keyboard.press("Control+k")
    await page.get_by_role("dialog").get_by_role("combobox").fill(f"> {words['guide']}")
    await page.keyboard.press("Enter")
    await expect(title).to_be_visible()
