"""The details of a conversation: members, name and topic, rules, pins, links, and new groups."""

from typing import Any

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.messaging_service_pb2 import GetConversationRequest, ListMembersRequest
from plexus_testkit.wait import eventually

from .conftest import Desk, Group
from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
WORDS = {
    "zh-CN": {
        "details": "会话详情",
        "about": "概况",
        "members": "成员",
        "member": "成员",
        "pins": "固定的消息",
        "links": "链接",
        "name": "名称",
        "topic": "主题",
        "save": "保存",
        "add": "添加成员",
        "add_one": "添加 1 人",
        "role": "以什么身份加入",
        "admin": "管理员",
        "owner": "群主",
        "transfer": "转让群主",
        "step_down": "更改我的角色",
        "needs_owner": "群里至少要有一位群主。",
        "max_is_owner": "max现在是群主",
        "lin_is_admin": "lin现在是管理员",
        "added_wei": "lin添加了wei",
        "removed_wei": "lin移出了wei",
        "left": "max退出了会话",
        "visible": "成员可以看到",
        "history_shown": "lin允许成员查看加入之前的消息",
        "pin": "固定",
        "unpin": "取消固定",
        "pinned": "已固定",
        "confidential": "保密模式",
        "archive": "归档会话",
        "restore": "恢复会话",
        "leave": "退出会话",
        "open": "打开这条消息",
        "none": "还没有固定的消息。",
    },
    "en": {
        "details": "Conversation details",
        "about": "About",
        "members": "Members",
        "member": "Member",
        "pins": "Pinned messages",
        "links": "Links",
        "name": "Name",
        "topic": "Topic",
        "save": "Save",
        "add": "Add members",
        "add_one": "Add 1 person",
        "role": "Role",
        "admin": "Administrator",
        "owner": "Owner",
        "transfer": "Transfer ownership",
        "step_down": "Change my role",
        "needs_owner": "A group needs an owner.",
        "max_is_owner": "max is now an owner",
        "lin_is_admin": "lin is now an administrator",
        "added_wei": "lin added wei",
        "removed_wei": "lin removed wei",
        "left": "max left",
        "visible": "Visible to members",
        "history_shown": "lin let members see messages from before they joined",
        "pin": "Pin",
        "unpin": "Unpin",
        "pinned": "Pinned",
        "confidential": "Confidential",
        "archive": "Archive conversation",
        "restore": "Restore conversation",
        "leave": "Leave conversation",
        "open": "Open this message",
        "none": "No pinned messages yet.",
    },
}


async def opened(desk: Desk, words: dict[str, str]) -> Any:
    """Open the details by their shortcut and return the panel."""
    await desk.composer.wait_for()
    await desk.page.keyboard.press("Control+i")
    panel = desk.page.get_by_role("complementary", name=words["details"])
    await panel.wait_for()
    return panel


async def show(panel: Any, tab: str) -> None:
    await panel.get_by_role("button", name=tab, exact=True).click()


async def conversation_of(group: Group) -> Conversation:
    async with group.as_("lin") as plexus:
        request = GetConversationRequest(conversation_id=group.id)
        return (await plexus.call(plexus.messaging.GetConversation, request)).view.conversation


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_every_part_of_the_details_is_without_a_fault(desk, group, locale, theme):
    words = WORDS[locale]
    await group.say(
        "max", "清单 https://example.com/list", "请看 [计划](https://example.com/plan)", format=2
    )
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in(f"/c/{group.id}")
    await lin.act("清单", words["pin"])
    await expect(lin.message("清单")).to_contain_text(words["pinned"])
    panel = await opened(lin, words)
    found = await faults(lin, f"details-about-{locale}-{theme}")
    for tab in ("members", "pins", "links"):
        await show(panel, words[tab])
        await panel.get_by_role("listitem").first.wait_for()
        found += await faults(lin, f"details-{tab}-{locale}-{theme}")
    assert found == []
    await expect(panel.get_by_role("link", name="计划")).to_have_attribute(
        "href", "https://example.com/plan"
    )


@LANGUAGES
@pytest.mark.rule("MSG-14")
async def test_members_are_added_with_a_role_and_removed(desk, group, platform, locale):
    words = WORDS[locale]
    handles = await platform.new_people("wei")
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    panel = await opened(lin, words)
    await show(panel, words["members"])
    await panel.get_by_role("combobox", name=words["add"]).fill(handles["wei"])
    await panel.get_by_role("option").first.click()
    await panel.get_by_label(words["role"], exact=True).select_option(label=words["admin"])
    await panel.get_by_role("button", name=words["add_one"]).click()
    row = panel.get_by_role("listitem").filter(has_text="wei")
    await expect(row).to_contain_text(words["admin"])
    async with group.as_("lin") as plexus:
        request = ListMembersRequest(conversation_id=group.id)
        members = (await plexus.call(plexus.messaging.ListMembers, request)).members
    roles = {member.person_id: member.role for member in members}
    assert roles[platform.id_of(handles["wei"])] == Member.ROLE_ADMIN

    remove = row.get_by_role("button")
    await remove.last.click()
    await row.get_by_role("group").get_by_role("button").last.click()
    await expect(row).to_have_count(0)
    await expect(lin.page.locator("header").filter(has_text="2")).to_be_visible()
    await expect(lin.page.get_by_text(words["added_wei"])).to_be_visible()
    await expect(lin.page.get_by_text(words["removed_wei"])).to_be_visible()


async def choose_role(desk: Desk, row: Any, role: str, choice: str) -> None:
    await row.get_by_role("button", name=role).click()
    await desk.page.get_by_role("menuitem", name=choice, exact=True).click()


@pytest.mark.parametrize(("locale", "theme"), [("zh-CN", "dark"), ("en", "light")])
async def test_an_owner_hands_the_group_over_and_everyone_reads_it(desk, group, locale, theme):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    max_ = await desk(group.handles["max"], locale=locale, theme=theme)
    await lin.sign_in(f"/c/{group.id}")
    await max_.sign_in(f"/c/{group.id}")
    panel = await opened(lin, words)
    await show(panel, words["members"])
    own, other = (panel.get_by_role("listitem").filter(has_text=name) for name in ("lin", "max"))

    await choose_role(lin, own, words["owner"], words["admin"])
    await own.get_by_role("group").get_by_role("button", name=words["step_down"]).click()
    await expect(panel.get_by_role("alert")).to_contain_text(words["needs_owner"])

    await choose_role(lin, other, words["member"], words["transfer"])
    found = await faults(lin, f"roles-{locale}-{theme}")
    await other.get_by_role("group").get_by_role("button", name=words["transfer"]).click()
    await expect(other).to_contain_text(words["owner"])
    await expect(own).to_contain_text(words["admin"])
    for desk_ in (lin, max_):
        await expect(desk_.page.get_by_text(words["max_is_owner"])).to_be_visible()
        await expect(desk_.page.get_by_text(words["lin_is_admin"])).to_be_visible()
    found += await faults(lin, f"roles-after-{locale}-{theme}")
    assert found == []


@LANGUAGES
@pytest.mark.rule("MSG-14")
async def test_a_new_member_reads_the_past_once_the_group_shows_it(desk, group, platform, locale):
    words = WORDS[locale]
    await group.say("max", "以前的话")
    group.handles |= await platform.new_people("wei")
    await group.add("wei")
    lin = await desk(group.handles["lin"], locale=locale)
    wei = await desk(group.handles["wei"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    panel = await opened(lin, words)
    await panel.get_by_text(words["visible"]).click()
    await expect(lin.page.get_by_text(words["history_shown"])).to_be_visible()
    await lin.shot(f"history-{locale}")
    assert (await conversation_of(group)).history == Conversation.HISTORY_ALL
    await wei.sign_in(f"/c/{group.id}")
    await expect(wei.message("以前的话")).to_be_visible()


@LANGUAGES
async def test_a_group_is_renamed_made_confidential_archived_and_restored(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    max_ = await desk(group.handles["max"], locale=locale)
    await group.say("lin", "开始")
    await lin.sign_in(f"/c/{group.id}")
    await max_.sign_in(f"/c/{group.id}")
    panel = await opened(lin, words)
    await panel.get_by_label(words["name"]).fill(f"{group.name} 新")
    await panel.get_by_label(words["topic"]).fill("发布 2.8")
    await panel.get_by_role("button", name=words["save"]).click()
    await expect(max_.page.get_by_role("heading", name=f"{group.name} 新")).to_be_visible()
    await expect(max_.page.locator("header")).to_contain_text("发布 2.8")

    await panel.get_by_role("switch", name=words["confidential"]).click()

    async def is_confidential() -> bool:
        return (await conversation_of(group)).confidential

    await eventually(is_confidential)
    await panel.get_by_role("button", name=words["archive"]).click()
    asked = panel.get_by_role("group").filter(has_text=words["archive"])
    await asked.get_by_role("button", name=words["archive"]).click()
    await expect(max_.page.get_by_role("link", name=group.name)).to_have_count(0)
    await expect(max_.composer).to_have_count(0)
    await panel.get_by_role("button", name=words["restore"]).click()
    await expect(max_.page.get_by_role("link", name=group.name)).to_be_visible()
    await expect(max_.composer).to_be_visible()


@pytest.mark.rule("MSG-14")
async def test_a_member_cannot_manage_but_can_leave(desk, group):
    words = WORDS["zh-CN"]
    phone = await desk(group.handles["max"], viewport={"width": 320, "height": 640})
    await phone.sign_in()
    await phone.open(group.name)
    panel = await opened(phone, words)
    await fits(phone)
    await phone.shot("details-phone-320")
    await expect(panel.get_by_label(words["name"], exact=True)).to_have_count(0)
    await expect(panel.get_by_role("switch", name=words["confidential"])).to_be_disabled()
    await panel.get_by_role("button", name=words["leave"]).click()
    asked = panel.get_by_role("group").filter(has_text=words["leave"])
    await asked.get_by_role("button", name=words["leave"]).click()
    await expect(phone.page.get_by_role("link", name=group.name)).to_have_count(0)
    assert (await conversation_of(group)).member_count == 1
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await expect(lin.page.get_by_text(words["left"])).to_be_visible()


@LANGUAGES
@pytest.mark.rule("MSG-16")
async def test_a_pin_is_seen_by_others_and_leads_to_its_message(desk, group, locale):
    words = WORDS[locale]
    await group.say("max", "重要的事", *(f"第 {number} 条" for number in range(40)))
    lin = await desk(group.handles["lin"], locale=locale)
    max_ = await desk(group.handles["max"], locale=locale)
    await max_.sign_in(f"/c/{group.id}")
    panel = await opened(max_, words)
    await show(panel, words["pins"])
    await expect(panel).to_contain_text(words["none"])
    await lin.sign_in(f"/c/{group.id}?at=1")
    await lin.act("重要的事", words["pin"])
    await expect(panel.get_by_role("listitem")).to_contain_text("重要的事")
    await panel.get_by_role("button", name=words["open"]).click()
    await expect(max_.message("重要的事")).to_be_in_viewport()
    await panel.get_by_role("button", name=words["unpin"]).click()
    await expect(panel).to_contain_text(words["none"])
    await expect(lin.message("重要的事")).not_to_contain_text(words["pinned"])


@LANGUAGES
async def test_a_group_is_made(desk, group, locale):
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    title = {"zh-CN": "新建群聊", "en": "New group"}[locale]
    await lin.page.get_by_role("button", name=title).click()
    window = lin.page.get_by_role("dialog", name=title)
    await window.get_by_label({"zh-CN": "名称", "en": "Name"}[locale]).fill("项目 <b>X</b>")
    await window.get_by_role("combobox").fill(group.handles["max"])
    await window.get_by_role("option").first.click()
    assert await faults(lin, f"new-group-{locale}") == []
    await window.get_by_role("button", name={"zh-CN": "创建", "en": "Create"}[locale]).click()
    await expect(lin.page.get_by_role("heading", name="项目 <b>X</b>")).to_be_visible()
    await lin.say("大家好")
    await expect(lin.message("大家好")).to_be_visible()
