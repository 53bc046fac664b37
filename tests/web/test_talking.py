"""Two people in two browsers, in both languages."""

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import (
    GetConversationRequest,
    ListMessagesRequest,
    RemoveMembersRequest,
)
from plexus_testkit.wait import eventually

from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)


@LANGUAGES
async def test_two_people_talk_edit_recall_react_and_read(desk, group, locale):
    lin = await desk(group.handles["lin"], locale=locale)
    max_ = await desk(group.handles["max"], locale=locale)
    await lin.sign_in()
    await max_.sign_in()
    await lin.open(group.name)
    await max_.open(group.name)

    await lin.say("你好 **Max**，see `GW-1203`")
    said = max_.message("你好 Max")
    await expect(said.locator("strong")).to_have_text("Max")
    await expect(said.locator("code")).to_have_text("GW-1203")

    await said.hover()
    await said.get_by_role("button", name=max_.words.add_reaction).click()
    await max_.page.get_by_role("button", name="🎉").click()
    reaction = lin.message("你好 Max").get_by_role("button", name="🎉")
    await expect(reaction).to_have_attribute("aria-pressed", "false")
    await reaction.click()
    await expect(said.get_by_role("button", name="🎉")).to_contain_text("2")

    await max_.say("frist")
    await max_.act("frist", max_.words.edit)
    editor = max_.page.get_by_label(max_.words.edit_label)
    await expect(editor).to_have_value("frist")
    await editor.fill("first *point*")
    await editor.press("Enter")
    edited = lin.message("first point")
    await expect(edited).to_contain_text(lin.words.edited)
    await expect(edited.locator("em")).to_have_text("point")
    await lin.shot(f"talk-{locale}")

    await max_.act("first point", max_.words.recall)
    await expect(lin.page.get_by_text(lin.words.recalled_by_max)).to_be_visible()
    await expect(max_.page.get_by_text(max_.words.recalled_by_you)).to_be_visible()
    await expect(lin.page.get_by_text("first point")).to_have_count(0)

    await max_.say("last word")
    await expect(lin.message("last word")).to_be_visible()

    async def is_read():
        async with group.as_("lin") as plexus:
            request = GetConversationRequest(conversation_id=group.id)
            view = (await plexus.call(plexus.messaging.GetConversation, request)).view
            return view.unread == 0 and view.read_through_seq == view.conversation.last_seq

    await lin.page.bring_to_front()
    await eventually(is_read)


@LANGUAGES
@pytest.mark.rule("MSG-8")
async def test_what_came_meanwhile_is_counted_and_marked_until_it_is_read(desk, group, locale):
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await group.say("max", "one", "two")
    link = lin.page.get_by_role("link", name=group.name)
    await expect(link).to_contain_text(lin.words.unread)
    await expect(link).to_contain_text("two")
    await lin.open(group.name)
    await expect(lin.page.get_by_text(lin.words.new, exact=True)).to_be_visible()
    await expect(link).not_to_contain_text(lin.words.unread)


async def test_a_thread_and_a_quote_show_what_they_answer(desk, group):
    lin = await desk(group.handles["lin"])
    max_ = await desk(group.handles["max"])
    await group.say("max", "谁来做发布？")
    await lin.sign_in(f"/c/{group.id}")
    await max_.sign_in(f"/c/{group.id}")
    await lin.act("谁来做发布？", lin.words.reply)
    thread = lin.page.get_by_role("complementary", name=lin.words.thread)
    line = thread.get_by_role("textbox", name=lin.words.reply_label)
    await line.fill("我来")
    await line.press("Enter")
    await expect(thread.locator("article").filter(has_text="我来")).to_be_visible()
    await lin.shot("thread")
    reply = max_.message("我来")
    await expect(reply).to_contain_text("回复 max: 谁来做发布？")
    await max_.act("谁来做发布？", max_.words.quote)
    await max_.say("这个问题已经解决")
    quoted = lin.page.locator("main article").filter(has_text="这个问题已经解决")
    await expect(quoted.locator("blockquote")).to_have_text("max: 谁来做发布？")


@pytest.mark.rule("MSG-14")
async def test_a_removed_members_conversation_closes_at_once(desk, group, platform):
    max_ = await desk(group.handles["max"])
    await group.say("lin", "秘密")
    await max_.sign_in(f"/c/{group.id}")
    await expect(max_.message("秘密")).to_be_visible()
    async with group.as_("lin") as plexus:
        ids = [platform.id_of(group.handles["max"])]
        request = RemoveMembersRequest(conversation_id=group.id, person_ids=ids)
        await plexus.call(plexus.messaging.RemoveMembers, request)
    await expect(max_.page.get_by_text(max_.words.closed)).to_be_visible()
    await expect(max_.page.get_by_text("秘密")).to_have_count(0)


@pytest.mark.rule("MSG-3")
async def test_what_is_written_offline_is_shown_and_sent_exactly_once(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.wait_for()
    await lin.context.set_offline(True)
    await lin.say("离线写的")
    await expect(lin.message("离线写的")).to_contain_text(lin.words.waiting)
    await lin.context.set_offline(False)
    await expect(lin.message("离线写的")).not_to_contain_text(lin.words.waiting)
    async with group.as_("max") as plexus:
        request = ListMessagesRequest(conversation_id=group.id)
        listed = await plexus.call(plexus.messaging.ListMessages, request)
    assert [message.text for message in listed.messages] == ["离线写的"]
    await expect(lin.page.locator("article").filter(has_text="离线写的")).to_have_count(1)


async def test_a_draft_follows_to_another_device(desk, group):
    lin = await desk(group.handles["lin"])
    phone = await desk(group.handles["lin"], viewport={"width": 390, "height": 780})
    await lin.sign_in(f"/c/{group.id}")
    await phone.sign_in()
    await lin.composer.fill("写到一半")
    await expect(phone.page.get_by_role("link", name=group.name)).to_contain_text("写到一半")
    await phone.open(group.name)
    await expect(phone.composer).to_have_value("写到一半")
    await phone.shot("phone")


@LANGUAGES
async def test_how_a_conversation_is_arranged_follows_to_other_devices(desk, group, locale):
    lin = await desk(group.handles["lin"], locale=locale)
    other = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in(f"/c/{group.id}")
    await other.sign_in()
    listed = other.page.get_by_role("link", name=group.name)
    for action, shown in ((lin.words.mute, lin.words.muted), (lin.words.mark, lin.words.marked)):
        await lin.page.get_by_role("button", name=lin.words.arrange).click()
        await lin.page.get_by_role("menuitem", name=action, exact=True).click()
        await expect(listed).to_contain_text(shown)
    await lin.page.get_by_role("button", name=lin.words.arrange).click()
    await lin.page.get_by_role("menuitem", name=lin.words.unmute).click()
    await expect(listed).not_to_contain_text(lin.words.muted)
