"""The notification centre, alerts beyond the page, and quiet hours."""

import re
import secrets

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messages_pb2 import Mention, Span
from plexus.notify.v1.notify_service_pb2 import (
    GetPreferencesRequest,
    ListNotificationsRequest,
)
from plexus_testkit.wait import eventually

from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
WORDS = {
    "zh-CN": {
        "bell": "通知",
        "all": "全部标为已读",
        "one": "标为已读",
        "unread": "未读",
        "none": "没有未读通知。",
        "in_app": "站内：已送达",
        "email": "邮件：已送达",
        "quiet": "免打扰时段",
        "start": "开始时间",
        "mention_email": "有人提到我：邮件",
        "alerts": "桌面通知",
    },
    "en": {
        "bell": "Notifications",
        "all": "Mark all as read",
        "one": "Mark as read",
        "unread": "Unread",
        "none": "Nothing unread.",
        "in_app": "In app: delivered",
        "email": "E-mail: delivered",
        "quiet": "Quiet hours",
        "start": "Start",
        "mention_email": "Mentions of me: E-mail",
        "alerts": "Desktop notifications",
    },
}
# Replaces the browser's own notifications, which are invisible in a headless one.
RECORD = """
window.shown = [];
window.Notification = class {
  static permission = 'granted';
  static async requestPermission() { return 'granted'; }
  constructor(title, options) { window.shown.push({ title, ...options }); window.last = this; }
  close() {}
};
Object.defineProperty(document, 'visibilityState', { get: () => window.visibility ?? 'visible' });
window.look = (visibility) => {
  window.visibility = visibility;
  document.dispatchEvent(new Event('visibilitychange'));
};
"""


async def mention(group, text: str) -> None:
    lin_id = group.platform.id_of(group.handles["lin"])
    await group.say(
        "max",
        f"@lin {text}",
        spans=[Span(start=0, length=4, mention_person_id=lin_id)],
        mentions=[Mention(person_id=lin_id)],
    )


def bell_of(one, words):
    navigation = one.page.get_by_role("navigation", name=one.words.navigation)
    return navigation.get_by_role("link", name=words["bell"])


@LANGUAGES
async def test_a_mention_is_counted_shown_with_its_outcomes_and_leads_to_its_message(
    desk, group, locale
):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await mention(group, "请看清单")
    bell = bell_of(lin, words)
    await expect(bell).to_contain_text("1")
    await expect(lin.page).to_have_title("(1) Plexus")
    icon = lin.page.locator('link[rel="icon"]')
    await expect(icon).to_have_attribute("href", re.compile("^data:image/svg"))
    await bell.click()
    row = lin.page.get_by_role("main").get_by_role("listitem").filter(has_text="请看清单")
    await expect(row).to_contain_text(words["in_app"])
    await expect(row).to_contain_text(words["email"])
    await lin.shot(f"notifications-{locale}")
    await row.get_by_role("link").click()
    await expect(lin.message("请看清单")).to_be_in_viewport()
    await expect(bell).not_to_contain_text("1")
    await expect(lin.page).to_have_title("Plexus")
    await expect(icon).to_have_attribute("href", "/favicon.svg")


@LANGUAGES
async def test_what_is_read_here_is_read_on_the_other_device_and_on_the_server(desk, group, locale):
    words = WORDS[locale]
    for number in range(3):
        await mention(group, f"第 {number} 项")
    lin = await desk(group.handles["lin"], locale=locale)
    other = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/notifications")
    await other.sign_in("/notifications")
    rows = lin.page.get_by_role("main").get_by_role("button", name=words["one"], exact=True)
    await expect(rows).to_have_count(3)
    await lin.page.get_by_role("button", name=words["unread"], exact=True).click()
    await rows.first.focus()
    await lin.page.keyboard.press("Enter")
    await expect(rows).to_have_count(2)
    unread = other.page.get_by_role("main").get_by_role("button", name=words["one"], exact=True)
    await expect(unread).to_have_count(2)
    await lin.page.get_by_role("button", name=words["all"]).click()
    await expect(lin.page.get_by_text(words["none"])).to_be_visible()
    await expect(unread).to_have_count(0)
    async with group.as_("lin") as plexus:

        async def read() -> bool:
            listed = await plexus.call(plexus.notify.ListNotifications, ListNotificationsRequest())
            return listed.unread == 0

        await eventually(read)


async def test_the_browser_notifies_only_while_no_tab_is_looked_at(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.context.add_init_script(RECORD)
    await lin.sign_in()
    bell = bell_of(lin, WORDS["zh-CN"])
    await mention(group, "正在看")
    await expect(bell).to_contain_text("1")
    assert await lin.page.evaluate("shown") == []
    await lin.page.evaluate("look('hidden')")
    await mention(group, "没在看")
    await lin.page.wait_for_function("() => shown.length === 1")
    shown = (await lin.page.evaluate("shown"))[0]
    assert "没在看" in shown["body"]
    await lin.page.evaluate("last.onclick()")
    await expect(lin.message("没在看")).to_be_in_viewport()


@LANGUAGES
async def test_quiet_hours_and_channels_are_kept(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/settings/notifications")
    await lin.page.get_by_role("checkbox", name=words["mention_email"]).uncheck()
    await lin.page.get_by_role("switch", name=words["quiet"]).check()
    start = lin.page.get_by_label(words["start"], exact=True)
    # The longest window: all but an hour of the day.
    await start.fill("09:00")
    await lin.shot(f"settings-notifications-{locale}")
    async with group.as_("lin") as plexus:

        async def kept() -> bool:
            found = await plexus.call(plexus.notify.GetPreferences, GetPreferencesRequest())
            hours = found.preferences.quiet_hours
            mentions = next(each for each in found.preferences.kinds if each.kind == 1)
            return (hours.enabled, hours.start, hours.end, list(mentions.channels)) == (
                True,
                "09:00",
                "08:00",
                [1],
            )

        await eventually(kept)
    await lin.page.reload()
    await expect(start).to_have_value("09:00")
    await expect(lin.page.get_by_role("checkbox", name=words["mention_email"])).not_to_be_checked()


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_notifications_have_no_fault(desk, group, locale, theme):
    words = WORDS[locale]
    look = f"{locale}-{theme}"
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in("/notifications")
    await mention(group, secrets.token_hex(4))
    await expect(lin.page.get_by_role("button", name=words["one"], exact=True)).to_be_visible()
    found = await faults(lin, f"notifications-{look}")
    await lin.page.set_viewport_size({"width": 320, "height": 640})
    await fits(lin)
    found += await faults(lin, f"notifications-phone-{look}")
    assert found == []
