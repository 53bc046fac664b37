"""People: the department tree, cards, search by pinyin, and starting a conversation."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from playwright.async_api import expect
from plexus.directory.v1.directory_service_pb2 import (
    CreateDepartmentRequest,
    CreatePersonRequest,
    SetAbsenceRequest,
)
from plexus.directory.v1.people_pb2 import Absence, Person, WorkingHours
from plexus.messaging.v1.messages_pb2 import Mention, Span
from plexus_testkit.harness import Platform

from .conftest import Group
from .task_words import TASK_WORDS
from .test_accessibility import LOOKS, faults, fits
from .test_tasks import LANGUAGES, go, tab_to


@dataclass
class Company:
    """Departments 总部 and 研发 below it with a person, and a guest."""

    platform: Platform
    mark: str
    wang: str
    wang_handle: str
    guest: str


@pytest.fixture
async def company(platform: Platform, group: Group) -> Company:
    """Create Wang of the development department, for whom Max is the deputy, and a guest."""
    mark = secrets.token_hex(2)
    now = dt.datetime.now(dt.UTC)
    async with platform.admin() as plexus:

        async def department(name: str, parent_id: str = "") -> str:
            request = CreateDepartmentRequest(
                request_id=secrets.token_hex(8), name=f"{name} {mark}", parent_id=parent_id
            )
            made = await plexus.call(plexus.directory.CreateDepartment, request)
            return made.department.id

        async def person(handle: str, name: str, **fields: Any) -> str:
            request = CreatePersonRequest(
                request_id=secrets.token_hex(8),
                handle=f"{handle}-{mark}",
                display_name=name,
                email=f"{handle}-{mark}@example.com",
                time_zone="Asia/Shanghai",
                locale="zh-CN",
                **fields,
            )
            made = await plexus.call(plexus.directory.CreatePerson, request)
            return made.person.id

        development = await department("研发", await department("总部"))
        # Working hours of one minute a week, so that tests run outside of them.
        hours = WorkingHours(
            weekdays=[1], windows=[WorkingHours.Window(start_minute=1, end_minute=2)]
        )
        wang = await person(
            "wjg",
            f"王建国{mark}",
            department_ids=[development],
            title="架构师",
            roles=["member"],
            working_hours=hours,
        )
        expires = Timestamp()
        expires.FromDatetime(now + dt.timedelta(days=30))
        guest = await person(
            "guest",
            f"周顾问{mark}",
            roles=["guest"],
            kind=Person.KIND_GUEST,
            guest_expires_at=expires,
        )
        starts, ends = Timestamp(), Timestamp()
        starts.FromDatetime(now + dt.timedelta(minutes=1))
        ends.FromDatetime(now + dt.timedelta(days=3))
        absence = Absence(
            starts_at=starts,
            ends_at=ends,
            deputy_id=platform.id_of(group.handles["max"]),
            note="年假",
        )
        request = SetAbsenceRequest(
            request_id=secrets.token_hex(8), person_id=wang, absence=absence
        )
        await plexus.call(plexus.directory.SetAbsence, request)
    return Company(platform, mark, wang, f"wjg-{mark}", guest)


@LANGUAGES
async def test_a_person_is_found_by_pinyin_and_written_to_from_the_card(
    desk, group, company, locale
):
    words = TASK_WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await go(lin, "/people")
    find = lin.page.get_by_label(words.find)
    listed = lin.page.locator("main li").filter(has_text=company.wang_handle)
    for query in ("王建国", "wangjianguo", company.wang_handle):
        await find.fill(query)
        await expect(listed).to_have_count(1)
    await listed.get_by_role("button").click()
    card = lin.page.get_by_role("dialog")
    for fact in (company.wang_handle, "架构师", f"研发 {company.mark}", "年假", words.outside):
        await expect(card).to_contain_text(fact)
    await lin.shot(f"card-{locale}")
    await card.get_by_role("button", name=f"{words.deputy}max").click()
    await expect(card).to_contain_text(group.handles["max"])
    await lin.page.keyboard.press("Escape")
    await expect(card).to_have_count(0)

    await listed.get_by_role("button").click()
    await card.get_by_role("button", name=words.message, exact=True).click()
    await expect(lin.page.get_by_role("heading", name=f"王建国{company.mark}")).to_be_visible()
    await lin.say("你好")
    await expect(lin.message("你好")).to_be_visible()


@LANGUAGES
async def test_guests_are_marked(desk, group, company, locale):
    words = TASK_WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in()
    await go(lin, "/people")
    await lin.page.get_by_label(words.find).fill(f"周顾问{company.mark}")
    row = lin.page.locator("main li").filter(has_text=f"guest-{company.mark}")
    await expect(row).to_contain_text(words.guest)


async def test_departments_are_walked_by_keys(desk, group, company):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    await go(lin, "/people")
    tree = lin.page.get_by_role("tree")
    head = tree.get_by_role("treeitem", name=f"总部 {company.mark}")
    await expect(head).to_be_visible()
    await tab_to(lin, tree.get_by_role("treeitem").first)
    for _ in range(100):
        if await head.evaluate("(element) => element === document.activeElement"):
            break
        await lin.page.keyboard.press("ArrowDown")
    await expect(head).to_be_focused()
    await lin.page.keyboard.press("ArrowLeft")
    await expect(head).to_have_attribute("aria-expanded", "false")
    await lin.page.keyboard.press("ArrowRight")
    await lin.page.keyboard.press("ArrowRight")
    await lin.page.keyboard.press("Enter")
    await expect(lin.page.locator("main li")).to_have_count(1)
    await expect(lin.page.locator("main li")).to_contain_text(f"王建国{company.mark}")


@LANGUAGES
async def test_names_and_mentions_in_messages_open_cards(desk, group, locale):
    words = TASK_WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    lin_id = group.platform.id_of(group.handles["lin"])
    mention = Span(start=0, length=4, mention_person_id=lin_id)
    await group.say("max", "@lin 请看一下", spans=[mention], mentions=[Mention(person_id=lin_id)])
    await lin.sign_in(f"/c/{group.id}")
    message = lin.message("请看一下")
    card = lin.page.get_by_role("dialog")
    for name, handle in (("max", group.handles["max"]), ("@lin", group.handles["lin"])):
        await message.get_by_role("button", name=name, exact=True).click()
        await expect(card).to_contain_text(handle)
        await expect(card.get_by_role("button", name=words.message, exact=True)).to_have_count(
            1 if name == "max" else 0
        )
        await lin.page.keyboard.press("Escape")
        await expect(card).to_have_count(0)


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_no_screen_of_people_has_a_fault(desk, group, company, locale, theme):
    words = TASK_WORDS[locale]
    look = f"{locale}-{theme}"
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in()
    await go(lin, "/people")
    await lin.page.locator("main li").first.wait_for()
    found = await faults(lin, f"people-{look}")
    await lin.page.get_by_label(words.find).fill(company.wang_handle)
    await (
        lin.page.locator("main li")
        .filter(has_text=company.wang_handle)
        .get_by_role("button")
        .click()
    )
    await lin.page.get_by_role("dialog").locator("dd").first.wait_for()
    found += await faults(lin, f"card-{look}")
    assert found == []


async def test_people_fit_on_a_phone(desk, group, company):
    phone = await desk(
        group.handles["lin"],
        viewport={"width": 320, "height": 640},
        has_touch=True,
        is_mobile=True,
    )
    await phone.sign_in()
    await go(phone, "/people")
    await phone.page.get_by_label(TASK_WORDS["zh-CN"].find).fill(company.wang_handle)
    found = await faults(phone, "phone-people")
    await phone.page.locator("main li").get_by_role("button").first.tap()
    await phone.page.get_by_role("dialog").locator("dd").first.wait_for()
    found += await faults(phone, "phone-card")
    await fits(phone)
    assert found == []
