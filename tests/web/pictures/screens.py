"""Pictures to take: six of README, then those of the quick-start guide."""

from camera import Screen
from company import Inhabited
from playwright.async_api import Page, expect

RELEASE = "2.8 版本发布"
EUROPE = "Europe team"
PROJECT = "平台 2.8.1 与 2.9"
ROWS = "[data-card]"


async def _thread(page: Page, company: Inhabited, *, name: str, root: str, last: str) -> None:
    conversation_id = company.conversations[name]
    await page.goto(f"/c/{conversation_id}?thread={company.seqs[root]}")
    panel = page.get_by_role("complementary")
    await expect(panel.locator("article").last).to_be_visible()
    # Names and last messages are loaded after the list, this conversation's last.
    await expect(page.get_by_role("link").filter(has_text="丁晓:")).to_be_visible()
    await expect(page.get_by_role("main").get_by_text(last).first).to_be_visible()


async def release(page: Page, company: Inhabited) -> None:
    """Show a conversation with a thread beside it."""
    await _thread(page, company, name=RELEASE, root="scope", last="回归用例补了")


async def europe(page: Page, company: Inhabited) -> None:
    """Show an English conversation with a thread beside it."""
    await _thread(page, company, name=EUROPE, root="golive", last="case study is printed")


async def board(page: Page, company: Inhabited) -> None:
    """Show the board of a project."""
    await page.goto(f"/tasks/{company.projects[PROJECT]}")
    await expect(page.locator(ROWS).first).to_be_visible()


async def found(page: Page, _: Inhabited) -> None:
    """Show search results of all kinds."""
    await page.goto("/search?q=Nordwind")
    await expect(page.locator("main mark").first).to_be_visible()


async def talk(page: Page, company: Inhabited) -> None:
    """Show a conversation on a phone."""
    await page.goto(f"/c/{company.conversations[RELEASE]}")
    await expect(page.get_by_text("回归用例补了").first).to_be_visible()


async def conversations(page: Page, _: Inhabited) -> None:
    """Show the list of conversations on a phone."""
    await page.goto("/")
    listed = page.get_by_role("link")
    await expect(listed.filter(has_text="Hannah Vogel:")).to_be_visible()
    await expect(listed.filter(has_text="Peter Lang")).to_be_visible()


async def switcher_chinese(page: Page, company: Inhabited) -> None:
    """Show the quick switcher with the initials of a name."""
    await talk(page, company)
    await _switcher(page, "bbfb", RELEASE)


async def switcher_english(page: Page, company: Inhabited) -> None:
    """Show the quick switcher with a part of a name."""
    await page.goto(f"/c/{company.conversations[EUROPE]}")
    await expect(page.get_by_text("case study is printed").first).to_be_visible()
    await _switcher(page, "eur", EUROPE)


async def _switcher(page: Page, query: str, name: str) -> None:
    await page.keyboard.press("Control+k")
    await page.get_by_role("dialog").get_by_role("combobox").fill(query)
    await expect(page.get_by_role("dialog").get_by_role("option").first).to_contain_text(name)


async def notifications(page: Page, _: Inhabited) -> None:
    """Show notifications with their deliveries, all of them finished."""
    await page.goto("/notifications")
    listed = page.get_by_role("main").get_by_role("listitem")
    await expect(
        listed.filter(has_text="2.8.1").or_(listed.filter(has_text="Hansa")).first
    ).to_be_visible()
    await expect(page.get_by_role("main").get_by_text("等待发送")).to_have_count(0)
    await expect(page.get_by_role("main").get_by_text("waiting")).to_have_count(0)


CHINESE = {"by": "chen.yu", "locale": "zh-CN", "time_zone": "Asia/Shanghai"}
ENGLISH = {"by": "anna.weiss", "locale": "en", "time_zone": "Europe/Berlin"}
PHONE = {"width": 390, "height": 844, "scale": 2, "phone": True}
GUIDE = {"width": 1080, "height": 640, "scale": 1.5}

SCREENS = (
    Screen(name="web-zh-light", **CHINESE, show=release),
    Screen(name="web-zh-dark", **CHINESE, theme="dark", show=board),
    Screen(name="web-en-light", **ENGLISH, show=found),
    Screen(name="web-en-dark", **ENGLISH, theme="dark", show=europe),
    Screen(name="web-phone-zh", **CHINESE, **PHONE, show=talk),
    Screen(name="web-phone-en", **ENGLISH, **PHONE, theme="dark", show=conversations),
    Screen(name="guide-find.zh-CN", **CHINESE, **GUIDE, show=switcher_chinese),
    Screen(name="guide-tasks.zh-CN", **CHINESE, **GUIDE, show=board),
    Screen(name="guide-notifications.zh-CN", **CHINESE, **GUIDE, show=notifications),
    Screen(name="guide-find.en", **ENGLISH, **GUIDE, show=switcher_english),
    Screen(name="guide-tasks.en", **ENGLISH, **GUIDE, show=board),
    Screen(name="guide-notifications.en", **ENGLISH, **GUIDE, show=notifications),
)
