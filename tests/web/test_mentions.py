"""Completion of mentions: matched people, matching letters, and the ids that are sent."""

import secrets
from dataclasses import dataclass

import pytest
from playwright.async_api import expect
from plexus.directory.v1.directory_service_pb2 import CreateDepartmentRequest, CreatePersonRequest
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.messaging_service_pb2 import AddMembersRequest, ListMessagesRequest
from plexus_testkit.harness import Platform

from .conftest import Desk, Group
from .test_accessibility import LOOKS, faults, fits

WORDS = {
    "zh-CN": {"list": "可以提及的人", "outside": "不在会话中", "all": "所有人"},
    "en": {"list": "People to mention", "outside": "not in this conversation", "all": "everyone"},
}


@dataclass
class Company:
    """王建国 is in the group, 王小明 is not; both belong to a department."""

    mark: str
    member: str
    outsider: str
    department: str


@pytest.fixture
async def company(platform: Platform, group: Group) -> Company:
    """Create people with Chinese names in a department, one of them a member of the group."""
    mark = secrets.token_hex(2)
    async with platform.admin() as plexus:
        request = CreateDepartmentRequest(request_id=secrets.token_hex(8), name=f"研发{mark}")
        made = await plexus.call(plexus.directory.CreateDepartment, request)
        department = made.department.id
        ids = []
        for handle, name in (("a", "王建国"), ("b", "王小明")):
            person = CreatePersonRequest(
                request_id=secrets.token_hex(8),
                handle=f"{handle}-{mark}",
                display_name=f"{name}{mark}",
                email=f"{handle}-{mark}@example.com",
                time_zone="Asia/Shanghai",
                locale="zh-CN",
                department_ids=[department],
                roles=["member"],
            )
            ids.append((await plexus.call(plexus.directory.CreatePerson, person)).person.id)
    async with group.as_("lin") as plexus:
        adding = AddMembersRequest(conversation_id=group.id, person_ids=ids[:1])
        await plexus.call(plexus.messaging.AddMembers, adding)
    return Company(mark, *ids, department)


async def last_mentions(group: Group) -> list[Mention]:
    async with group.as_("lin") as plexus:
        request = ListMessagesRequest(conversation_id=group.id, page_size=1)
        return list(
            (await plexus.call(plexus.messaging.ListMessages, request)).messages[-1].mentions
        )


def options(desk: Desk, locale: str = "zh-CN"):
    return desk.page.get_by_role("listbox", name=WORDS[locale]["list"]).get_by_role("option")


@pytest.mark.rule("MSG-13")
@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_a_person_is_found_by_name_pinyin_and_initials(desk, group, company, locale, theme):
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    for query in ("王建", "wangjian", "wjg", f"a-{company.mark}"):
        await lin.page.keyboard.type(f"@{query}")
        await expect(options(lin, locale).first).to_contain_text(f"王建国{company.mark}")
        await lin.page.keyboard.press("Escape")
        await expect(options(lin, locale)).to_have_count(0)
        await lin.composer.fill("")
    await lin.page.keyboard.type("@wjg")
    await expect(options(lin, locale).first).to_have_attribute("aria-selected", "true")
    assert await faults(lin, f"mention-{locale}-{theme}") == []
    await lin.page.keyboard.press("Enter")
    await expect(lin.composer).to_have_value(f"@王建国{company.mark} ")
    await lin.page.keyboard.type("hello")
    await lin.page.keyboard.press("Enter")
    mention = lin.message("hello").get_by_role("button", name=f"@王建国{company.mark}")
    await expect(mention).to_be_visible()
    assert await last_mentions(group) == [Mention(person_id=company.member)]


@pytest.mark.rule("MSG-13")
async def test_departments_and_all_are_offered_to_an_owner_only(desk, group, company):
    lin = await desk(group.handles["lin"])
    max_ = await desk(group.handles["max"])
    await lin.sign_in(f"/c/{group.id}")
    await max_.sign_in(f"/c/{group.id}")
    await max_.composer.click()
    await max_.page.keyboard.type("@wjg")
    await expect(options(max_).first).to_contain_text(company.mark)
    await max_.composer.fill("")
    await max_.page.keyboard.type("@syr")
    await expect(options(max_)).to_have_count(0)

    await lin.composer.click()
    await lin.page.keyboard.type("@syr")
    await expect(options(lin)).to_have_text(["所有人"])
    await lin.page.keyboard.press("Tab")
    await lin.page.keyboard.type(f"@研发{company.mark}")
    await options(lin).filter(has_text=company.mark).first.click()
    await expect(lin.composer).to_have_value(f"@所有人 @研发{company.mark} ")
    await lin.page.keyboard.press("Enter")
    await expect(lin.message("@所有人")).to_contain_text(f"@研发{company.mark}")
    sent = await last_mentions(group)
    assert [mention.all or mention.department_id for mention in sent] == [True, company.department]


@pytest.mark.rule("MSG-13")
async def test_who_is_not_in_the_conversation_is_marked_and_told(desk, group, company):
    phone = await desk(group.handles["lin"], viewport={"width": 320, "height": 640})
    await phone.sign_in()
    await phone.open(group.name)
    await phone.composer.click()
    await phone.page.keyboard.type(f"@王小明{company.mark}")
    await expect(options(phone).first).to_contain_text("不在会话中")
    await fits(phone)
    await phone.shot("mention-phone")
    await phone.page.keyboard.press("Enter")
    await phone.page.keyboard.press("Enter")
    notice = phone.page.get_by_role("region", name="通知").get_by_text("不会收到这条消息")
    await expect(notice).to_contain_text(f"王小明{company.mark}")


async def test_enter_during_a_composition_neither_sends_nor_chooses(desk, group, company):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    await lin.page.keyboard.type("@")
    keyboard = await lin.context.new_cdp_session(lin.page)
    composition = {"text": "wang", "selectionStart": 4, "selectionEnd": 4}
    await keyboard.send("Input.imeSetComposition", composition)
    await expect(options(lin).first).to_contain_text("王建国")
    for key_code in (229, 13):
        for kind in ("rawKeyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code}
            await keyboard.send("Input.dispatchKeyEvent", {"type": kind, **key})
    await expect(lin.composer).to_have_value("@wang")
    await keyboard.send("Input.insertText", {"text": "王"})
    await expect(lin.composer).to_have_value("@王")
    await lin.page.keyboard.press("Enter")
    await expect(lin.composer).to_have_value(f"@王建国{company.mark} ")
    await expect(lin.page.locator("article")).to_have_count(0)


async def test_a_mention_in_a_draft_keeps_its_id_on_another_device(desk, group, company):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    await lin.page.keyboard.type("@wjg")
    await expect(options(lin).first).to_contain_text("王建国")
    await lin.page.keyboard.press("Enter")
    other = await desk(group.handles["lin"])
    await other.sign_in(f"/c/{group.id}")
    await expect(other.composer).to_have_value(f"@王建国{company.mark} ")
    await other.composer.press("Enter")
    await expect(other.message(f"@王建国{company.mark}")).to_be_visible()
    assert await last_mentions(group) == [Mention(person_id=company.member)]
