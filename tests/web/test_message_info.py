"""Information about a message: its readers and its previous versions."""

import pytest
from playwright.async_api import expect

from .test_accessibility import faults
from .test_tasks import LANGUAGES

WORDS = {
    "zh-CN": {
        "receipts": "已读情况",
        "read": "已读 1 人",
        "unread": "未读 0 人",
        "versions": "编辑历史",
        "current": "当前版本",
        "first": "第 1 版",
    },
    "en": {
        "receipts": "Read by",
        "read": "Read by 1",
        "unread": "Not read by 0",
        "versions": "Edit history",
        "current": "Current version",
        "first": "Version 1",
    },
}


@LANGUAGES
@pytest.mark.rule("MSG-10")
async def test_the_sender_sees_who_has_read(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    max_ = await desk(group.handles["max"], locale=locale)
    await max_.sign_in(f"/c/{group.id}")
    await lin.sign_in(f"/c/{group.id}")
    await lin.say("请确认")
    await expect(max_.message("请确认")).to_be_visible()
    await max_.page.bring_to_front()
    dialog = lin.page.get_by_role("dialog", name=words["receipts"])
    for _ in range(20):
        await lin.act("请确认", words["receipts"])
        await expect(dialog.get_by_role("heading")).to_have_count(3)
        if await dialog.get_by_text(words["read"]).is_visible():
            break
        await lin.page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
    await expect(dialog).to_contain_text(words["read"])
    await expect(dialog).to_contain_text(words["unread"])
    await expect(dialog.get_by_role("listitem")).to_contain_text("max")
    assert await faults(lin, f"receipts-{locale}") == []


@LANGUAGES
async def test_every_version_of_a_message_is_shown(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await lin.say("frist")
    await lin.act("frist", lin.words.edit)
    editor = lin.page.get_by_label(lin.words.edit_label)
    await editor.fill("first")
    await editor.press("Enter")
    await expect(lin.message("first")).to_contain_text(lin.words.edited)
    await lin.act("first", words["versions"])
    listed = lin.page.get_by_role("dialog", name=words["versions"]).get_by_role("listitem")
    await expect(listed).to_have_count(2)
    await expect(listed.first).to_contain_text(words["current"])
    await expect(listed.first).to_contain_text("first")
    await expect(listed.last).to_contain_text(words["first"])
    await expect(listed.last).to_contain_text("frist")
    assert await faults(lin, f"versions-{locale}") == []
