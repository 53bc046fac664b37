"""The list of conversations: folders, stars, temporary muting, filters and the archive."""

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import UpdateConversationRequest

from .conftest import Desk
from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
WORDS = {
    "zh-CN": {
        "arrange": "会话操作",
        "file": "移到文件夹…",
        "folder": "文件夹名称",
        "move": "移动",
        "filter": "显示哪些会话",
        "in_folder": "文件夹：客户",
        "star": "置顶",
        "starred": "已置顶",
        "hour": "静音 1 小时",
        "muted": "已静音",
        "archived": "已归档",
        "unread": "未读",
        "all": "全部会话",
        "empty": "这里没有会话。",
    },
    "en": {
        "arrange": "Conversation actions",
        "file": "Move to folder…",
        "folder": "Folder name",
        "move": "Move",
        "filter": "Conversations to show",
        "in_folder": "Folder: 客户",
        "star": "Star",
        "starred": "Starred",
        "hour": "Mute for 1 hour",
        "muted": "Muted",
        "archived": "Archived",
        "unread": "Unread",
        "all": "All conversations",
        "empty": "There are no conversations here.",
    },
}


async def arrange(desk: Desk, words: dict[str, str], action: str) -> None:
    await desk.page.get_by_role("button", name=words["arrange"]).click()
    await desk.page.get_by_role("menuitem", name=words[action], exact=True).click()


@LANGUAGES
async def test_folders_and_filters_follow_to_other_devices(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    other = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await other.sign_in()
    await arrange(lin, words, "file")
    await lin.page.get_by_label(words["folder"]).fill("客户")
    await lin.page.get_by_role("button", name=words["move"]).click()
    listed = other.page.get_by_role("link", name=group.name)
    choice = other.page.get_by_label(words["filter"])
    await choice.select_option(label=words["in_folder"])
    await expect(listed).to_be_visible()
    await choice.select_option(label=words["starred"] if locale == "en" else words["star"])
    await expect(other.page.get_by_text(words["empty"])).to_be_visible()
    await arrange(lin, words, "star")
    await expect(listed).to_contain_text(words["starred"])
    await arrange(lin, words, "hour")
    await expect(listed).to_contain_text(words["muted"])
    await choice.select_option(label=words["unread"])
    await expect(listed).to_have_count(0)
    await group.say("max", "hello")
    await expect(listed).to_contain_text("hello")


@LANGUAGES
async def test_what_is_archived_is_found_again(desk, group, locale):
    words = WORDS[locale]
    async with group.as_("lin") as plexus:
        request = UpdateConversationRequest(
            request_id="archive", conversation_id=group.id, archived=True
        )
        await plexus.call(plexus.messaging.UpdateConversation, request)
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    listed = lin.page.get_by_role("link", name=group.name)
    await expect(lin.page.get_by_label(words["filter"])).to_have_value("all")
    await expect(listed).to_have_count(0)
    # The quick switcher offers the same filters as commands.
    await lin.page.keyboard.press("Control+k")
    await lin.page.get_by_role("combobox", name=lin.words.find).fill(f">{words['archived']}")
    await lin.page.keyboard.press("Enter")
    await expect(listed).to_be_visible()


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_filing_and_the_filtered_list_are_without_a_fault(desk, group, locale, theme):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in(f"/c/{group.id}")
    await arrange(lin, words, "star")
    await arrange(lin, words, "file")
    await lin.page.get_by_label(words["folder"]).wait_for()
    assert await faults(lin, f"filing-{locale}-{theme}") == []


async def test_the_filters_fit_a_phone(desk, group):
    phone = await desk(group.handles["lin"], viewport={"width": 320, "height": 640})
    await phone.sign_in()
    await phone.page.get_by_role("link", name=group.name).wait_for()
    await fits(phone)
    await phone.shot("arranging-phone-320")
