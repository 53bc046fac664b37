"""Accessibility of every screen by axe, in both languages and both themes."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect
from plexus_local.servers.home import home
from plexus_testkit.wait import eventually

AXE = home() / "clients/web/node_modules/axe-core/axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Each language and each theme once; the other two combinations in the long tests.
LOOKS = [
    ("zh-CN", "light"),
    ("en", "dark"),
    pytest.param("zh-CN", "dark", marks=pytest.mark.long),
    pytest.param("en", "light", marks=pytest.mark.long),
]


async def faults(desk: Any, name: str) -> list[str]:
    await desk.shot(name)
    await desk.page.evaluate(AXE.read_text())
    result = await desk.page.evaluate("(rules) => axe.run(document, rules)", RULES)
    return [
        f"{name}: {fault['id']}: {node['html']} {node['failureSummary']}"
        for fault in result["violations"]
        for node in fault["nodes"]
    ]


async def fits(desk: Any) -> None:
    """Wait until the page is laid out and no wider than its window."""
    narrow = "document.documentElement.scrollWidth <= innerWidth"
    await eventually(lambda: desk.page.evaluate(narrow))


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_no_screen_has_a_fault(desk, group, locale, theme):
    look = f"{locale}-{theme}"
    await group.say("lin", "早上好，今天发布 2.8。", "@all 请看一下清单")
    await group.say(
        "max",
        "ok",
        "```python\nprint('发布')\n```\n> 引用的话\n[清单](https://example.com)",
        format=2,
    )
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.page.goto(lin.address)
    await lin.page.get_by_role("textbox", name=lin.words.handle).wait_for()
    found = await faults(lin, f"sign-in-{look}")
    await lin.sign_in()
    await expect(lin.page.get_by_role("link", name=group.name)).to_contain_text("max:")
    found += await faults(lin, f"list-{look}")
    await lin.open(group.name)
    await lin.message("早上好").hover()
    found += await faults(lin, f"conversation-{look}")
    await lin.message("早上好").get_by_role("button", name=lin.words.more).click()
    await lin.page.get_by_role("menu").wait_for()
    found += await faults(lin, f"menu-{look}")
    await lin.page.keyboard.press("Escape")
    await lin.act("早上好", lin.words.reply)
    await lin.page.get_by_role("complementary").locator("article").wait_for()
    found += await faults(lin, f"thread-{look}")
    await lin.page.keyboard.press("Control+k")
    await lin.page.get_by_role("dialog").get_by_role("combobox").wait_for()
    found += await faults(lin, f"switcher-{look}")
    assert found == []


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844)])
async def test_a_phone_shows_one_thing_at_a_time_without_scrolling_sideways(
    desk, group, width, height
):
    await group.say("max", "很长的一句话" * 20)
    phone = await desk(
        group.handles["lin"],
        viewport={"width": width, "height": height},
        has_touch=True,
        is_mobile=True,
    )
    await phone.sign_in()
    await fits(phone)
    await phone.shot(f"phone-list-{width}")
    await phone.open(group.name)
    await expect(phone.message("很长")).to_be_visible()
    await expect(phone.page.get_by_role("button", name="回到最新")).to_have_count(0)
    await fits(phone)
    found = await faults(phone, f"phone-conversation-{width}")
    assert found == []


async def test_names_are_found_by_pinyin_and_initials(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    for query in ("chanpin", "cp", "Prod", "产品"):
        await lin.page.keyboard.press("Control+k")
        await lin.page.get_by_role("dialog").get_by_role("combobox").fill(query)
        await expect(lin.page.get_by_role("dialog").get_by_role("option").first).to_contain_text(
            group.name
        )
        await lin.page.keyboard.press("Escape")
    await lin.page.keyboard.press("Control+k")
    await lin.page.get_by_role("dialog").get_by_role("combobox").fill("cp")
    await expect(lin.page.get_by_role("dialog").get_by_role("option").first).to_contain_text(
        group.name
    )
    await lin.page.keyboard.press("Enter")
    await expect(lin.page.get_by_role("heading", name=group.name)).to_be_visible()


async def test_a_menu_opens_and_closes_by_keyboard_and_gives_the_focus_back(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    button = lin.page.get_by_role("button", name=lin.words.account)
    entries = lin.page.get_by_role("menuitem")
    for key, focused in (("Enter", 0), ("ArrowDown", 0), ("ArrowUp", -1)):
        await button.focus()
        await button.press(key)
        await expect(entries.nth(focused)).to_be_focused()
        await lin.page.keyboard.press("Escape")
        await expect(button).to_be_focused()
        await expect(entries).to_have_count(0)
    await expect(button).to_have_attribute("aria-haspopup", "menu")
    await expect(button).to_have_attribute("aria-expanded", "false")


async def test_a_scene_on_its_way_has_a_landmark_and_a_heading(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    arrived = asyncio.Event()

    async def hold(route: Any) -> None:
        await arrived.wait()
        await route.continue_()

    await lin.page.route("**/assets/people-*.js", hold)
    navigation = lin.page.get_by_role("navigation", name=lin.words.navigation)
    await navigation.get_by_role("link", name="通讯录").click()
    await expect(lin.page.get_by_role("status").get_by_text("正在打开 Plexus…")).to_be_attached()
    main = lin.page.get_by_role("main")
    await expect(main.get_by_role("heading", level=1)).to_have_count(1)
    assert await faults(lin, "pending") == []
    arrived.set()
    await expect(main.get_by_role("heading", name="全公司", level=2)).to_be_visible()
