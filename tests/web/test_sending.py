"""Ways to send: formatted, silent, scheduled, forwarded, pasted; and annotations of messages."""

import datetime as dt
import re
from typing import Any

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messages_pb2 import Notify
from plexus.messaging.v1.messaging_service_pb2 import ListMessagesRequest, UpdateConversationRequest
from plexus.messaging.v1.personal_service_pb2 import ListScheduledMessagesRequest

from .conftest import Desk, Group
from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
WORDS = {
    "zh-CN": {
        "options": "发送选项",
        "preview": "预览",
        "silently": "静默发送",
        "silent": "静默发送",
        "later": "定时发送…",
        "schedule": "定时",
        "when": "发送时间",
        "scheduled": "定时消息",
        "new_time": "新的发送时间",
        "move": "更改时间",
        "cancel": "取消发送",
        "nothing": "没有等待发送的消息。",
        "forward": "转发…",
        "find": "查找会话",
        "comment": "附言（可选）",
        "submit": "转发",
        "from": "转发自 max",
        "label": "标签…",
        "new_label": "新标签",
        "add": "添加",
        "remove": "移除标签“客户”",
        "off": "1 人在工作时间外",
        "jump": "跳转到日期…",
        "day": "日期",
        "go": "跳转",
        "table": "粘贴的表格已转换。",
        "raw": "按原样粘贴",
        "code": "作为代码块",
    },
    "en": {
        "options": "Send options",
        "preview": "Preview",
        "silently": "Send silently",
        "silent": "Sent silently",
        "later": "Send later…",
        "schedule": "Schedule",
        "when": "Time",
        "scheduled": "Scheduled messages",
        "new_time": "New time",
        "move": "Change time",
        "cancel": "Cancel message",
        "nothing": "No message is waiting to be sent.",
        "forward": "Forward…",
        "find": "Find conversations",
        "comment": "Comment (optional)",
        "submit": "Forward",
        "from": "Forwarded from max",
        "label": "Labels…",
        "new_label": "New label",
        "add": "Add",
        "remove": "Remove label “客户”",
        "off": "1 person is outside working hours",
        "jump": "Jump to date…",
        "day": "Date",
        "go": "Jump",
        "table": "The pasted table was converted.",
        "raw": "Keep as pasted",
        "code": "Make it a code block",
    },
}
PASTE = """(element, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  const event = { clipboardData, bubbles: true, cancelable: true };
  element.dispatchEvent(new ClipboardEvent('paste', event));
}"""


async def messages_of(group: Group) -> list[Any]:
    async with group.as_("lin") as plexus:
        request = ListMessagesRequest(conversation_id=group.id)
        return list((await plexus.call(plexus.messaging.ListMessages, request)).messages)


async def choose(desk: Desk, words: dict[str, str], option: str) -> None:
    await desk.page.get_by_role("button", name=words["options"]).click()
    await desk.page.get_by_role("menuitem", name=words[option]).click()


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_what_is_previewed_looks_like_what_is_sent(desk, group, locale, theme):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in(f"/c/{group.id}")
    source = (
        "**重点：**看 [计划](https://example.com) `x < y`\n"
        "- 第一\n  - 第二 ~~旧~~\n\n"
        "1. one\n2. two\n\n"
        "| 名称 | 数量 |\n|---|---|\n| 螺丝 | *12* |\n"
        "> 引用\n"
        "```py\nprint('<b>')\n```\n"
        "<b>不是 HTML</b>"
    )
    await lin.composer.fill(source)
    await lin.page.keyboard.press("Control+e")
    preview = lin.page.get_by_role("region", name=words["preview"])
    shown = await preview.locator("div").first.inner_html()
    assert await faults(lin, f"preview-{locale}-{theme}") == []
    await lin.composer.press("Enter")
    said = lin.message("重点")
    await expect(said.locator("table")).to_contain_text("螺丝")
    await expect(said.locator("ol li")).to_have_text(["one", "two"])
    await expect(said.locator("pre")).to_have_text("print('<b>')")
    await expect(said).to_contain_text("<b>不是 HTML</b>")
    sent = said.locator("[dir=auto] > div").first
    await expect(sent).to_have_js_property("innerHTML", shown)
    assert await faults(lin, f"rich-{locale}-{theme}") == []


@LANGUAGES
@pytest.mark.rule("NTF-11")
async def test_a_message_is_sent_silently(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.fill("不急")
    await choose(lin, words, "silently")
    await expect(lin.message("不急")).to_contain_text(words["silent"])
    await lin.composer.fill("也不急")
    await lin.composer.press("Control+Shift+Enter")
    await expect(lin.message("也不急")).to_be_visible()
    assert [message.notify for message in await messages_of(group)] == [Notify.NOTIFY_NONE] * 2


@LANGUAGES
@pytest.mark.rule("MSG-17")
async def test_a_message_is_scheduled_moved_and_cancelled(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.fill("早上好 **大家**")
    await choose(lin, words, "later")
    window = lin.page.get_by_role("dialog", name=words["later"].removesuffix("…"))
    when = dt.datetime.now().astimezone() + dt.timedelta(days=3)
    await window.get_by_label(words["when"], exact=True).fill(when.strftime("%Y-%m-%dT10:30"))
    assert await faults(lin, f"schedule-{locale}") == []
    await window.get_by_role("button", name=words["schedule"], exact=True).click()
    await expect(window).to_have_count(0)
    await expect(lin.composer).to_have_value("")

    await lin.page.keyboard.press("Control+k")
    await lin.page.get_by_role("combobox", name=lin.words.find).fill(f">{words['scheduled']}")
    await lin.page.keyboard.press("Enter")
    listed = lin.page.get_by_role("dialog", name=words["scheduled"])
    await expect(listed.get_by_role("blockquote")).to_have_text("早上好 大家")
    assert await faults(lin, f"scheduled-{locale}") == []
    await listed.get_by_label(words["new_time"]).fill(when.strftime("%Y-%m-%dT11:45"))
    await listed.get_by_role("button", name=words["move"]).click()
    await expect(listed).to_contain_text("11:45")
    async with group.as_("lin") as plexus:
        request = ListScheduledMessagesRequest()
        answer = await plexus.call(plexus.personal.ListScheduledMessages, request)
    moved = answer.scheduled[0].send_at.ToDatetime(dt.UTC).astimezone()
    assert (moved.hour, moved.minute) == (11, 45)
    await listed.get_by_role("button", name=words["cancel"]).click()
    await expect(listed).to_contain_text(words["nothing"])


@LANGUAGES
@pytest.mark.rule("MSG-16")
async def test_a_message_is_forwarded_with_where_it_came_from(desk, group, locale):
    words = WORDS[locale]
    await group.say("max", "**合同**已签", format=2)
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await lin.page.keyboard.press("n")
    title = {"zh-CN": ("名称", "创建"), "en": ("Name", "Create")}[locale]
    await lin.page.get_by_role("dialog").get_by_label(title[0]).fill("销售 Sales")
    await lin.page.get_by_role("button", name=title[1]).click()
    await lin.open(group.name)
    await lin.act("合同", words["forward"])
    window = lin.page.get_by_role("dialog")
    await window.get_by_label(words["find"]).fill("xiaoshou")
    await window.get_by_role("radio").first.check()
    await window.get_by_label(words["comment"]).fill("请归档")
    assert await faults(lin, f"forward-{locale}") == []
    await window.get_by_role("button", name=words["submit"], exact=True).click()
    await expect(window).to_have_count(0)
    await lin.open("销售 Sales")
    forwarded = lin.message("请归档").locator("figure")
    await expect(forwarded).to_contain_text(words["from"])
    await expect(forwarded).to_contain_text(group.name)
    await expect(forwarded.locator("strong")).to_have_text("合同")


@pytest.mark.rule("MSG-16")
async def test_nothing_is_forwarded_out_of_a_confidential_conversation(desk, group):
    await group.say("max", "保密的话")
    async with group.as_("lin") as plexus:
        request = UpdateConversationRequest(
            request_id="secret", conversation_id=group.id, confidential=True
        )
        await plexus.call(plexus.messaging.UpdateConversation, request)
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.message("保密的话").hover()
    await lin.message("保密的话").get_by_role("button", name=lin.words.more).click()
    await lin.page.get_by_role("menuitem", name="引用").wait_for()
    await expect(lin.page.get_by_role("menuitem", name="转发…")).to_have_count(0)


@LANGUAGES
async def test_labels_are_put_on_and_taken_off(desk, group, locale):
    words = WORDS[locale]
    await group.say("max", "需求来了")
    lin = await desk(group.handles["lin"], locale=locale)
    max_ = await desk(group.handles["max"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await max_.sign_in(f"/c/{group.id}")
    await lin.act("需求来了", words["label"])
    window = lin.page.get_by_role("dialog")
    await window.get_by_label(words["new_label"]).fill("客户")
    await window.get_by_role("button", name=words["add"], exact=True).click()
    await expect(max_.message("需求来了").get_by_role("listitem")).to_have_text(["客户"])
    assert await faults(lin, f"labels-{locale}") == []
    await window.get_by_role("button", name=words["remove"]).click()
    await expect(max_.message("需求来了").get_by_role("listitem")).to_have_count(0)


@LANGUAGES
async def test_who_is_outside_working_hours_is_counted(desk, group, platform, locale):
    # Lin's only colleague lives where it is night: three in the morning, whatever the time is.
    offset = 3 - dt.datetime.now(dt.UTC).hour
    zone = f"Etc/GMT{-offset:+d}" if -14 <= -offset <= 12 else f"Etc/GMT{-(offset + 24):+d}"
    handles = await platform.new_people("night", time_zone=zone)
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/people")
    search = lin.page.get_by_role("searchbox").or_(lin.page.get_by_role("textbox")).first
    await search.fill(handles["night"])
    await lin.page.get_by_role("button", name="night").first.click()
    message = {"zh-CN": "发消息", "en": "Message"}[locale]
    await lin.page.get_by_role("dialog").get_by_role("button", name=message).click()
    await lin.composer.fill("在吗")
    await expect(lin.page.get_by_text(words["off"])).to_be_visible()
    assert await faults(lin, f"off-hours-{locale}") == []


@LANGUAGES
async def test_a_day_leads_to_its_first_message(desk, group, locale):
    words = WORDS[locale]
    await group.say("max", *(f"第 {number} 条" for number in range(60)))
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.wait_for()
    await lin.page.keyboard.press("Control+g")
    today = dt.datetime.now().astimezone().strftime("%Y-%m-%d")
    await lin.page.get_by_label(words["day"], exact=True).fill(today)
    assert await faults(lin, f"jump-{locale}") == []
    await lin.page.get_by_role("button", name=words["go"], exact=True).click()
    await expect(lin.page).to_have_url(re.compile(r"at=1$"))
    await expect(lin.message("第 0 条")).to_be_in_viewport()


@LANGUAGES
async def test_pasted_tables_and_long_texts_can_be_kept_as_they_are(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    await lin.composer.evaluate(PASTE, "名称\t数量\n螺丝\t12\n")
    await expect(lin.page.get_by_text(words["table"])).to_be_visible()
    await expect(lin.composer).to_have_value("| 名称 | 数量 |\n| --- | --- |\n| 螺丝 | 12 |")
    await lin.page.get_by_role("button", name=words["raw"]).click()
    await expect(lin.composer).to_have_value("名称\t数量\n螺丝\t12\n")
    await lin.composer.fill("看：")
    await lin.composer.evaluate(PASTE, "line\n" * 100)
    await lin.page.get_by_role("button", name=words["code"]).click()
    await lin.shot(f"pasted-{locale}")
    await lin.composer.press("Enter")
    said = lin.message("看：")
    await expect(said.locator("pre")).to_contain_text("line")
    whole = said.get_by_role("button", name={"zh-CN": "展开全文", "en": "Show all"}[locale])
    await whole.click()
    await expect(whole).to_have_count(0)


async def test_the_windows_fit_a_phone(desk, group):
    words = WORDS["zh-CN"]
    await group.say("max", "转发我")
    phone = await desk(group.handles["lin"], viewport={"width": 320, "height": 640})
    await phone.sign_in()
    await phone.open(group.name)
    await phone.act("转发我", words["forward"])
    await phone.page.get_by_role("dialog").wait_for()
    await fits(phone)
    await phone.shot("forward-phone-320")
    await phone.page.keyboard.press("Escape")
    await phone.composer.fill("| a | b |\n|---|---|\n| 很长的内容 | 更长的内容更长的内容 |")
    await phone.page.keyboard.press("Control+e")
    await phone.page.get_by_role("region", name=words["preview"]).wait_for()
    await fits(phone)
    await phone.shot("preview-phone-320")
    await choose(phone, words, "later")
    await phone.page.get_by_role("dialog").wait_for()
    await fits(phone)
    await phone.shot("schedule-phone-320")
