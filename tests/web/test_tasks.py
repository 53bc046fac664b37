"""Tasks: boards that two people use at once, lists, my day, and tasks made of messages."""

import datetime as dt
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import expect
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus.tasks.v1.tasks_service_pb2 import (
    CreateProjectRequest,
    CreateTaskRequest,
    GetTaskRequest,
    MoveTaskRequest,
)
from plexus_testkit.wait import eventually

from .conftest import TITLE, Desk, Group
from .task_words import TASK_WORDS
from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
MAX_TABS = 40


@dataclass
class Board:
    """A project of Lin and Max with some tasks to do."""

    group: Group
    id: str
    tasks: dict[str, str]

    @asynccontextmanager
    async def as_(self, name: str) -> AsyncIterator[Any]:
        async with self.group.as_(name) as plexus:
            yield plexus

    async def add(self, title: str, **fields: Any) -> None:
        request = CreateTaskRequest(request_id=secrets.token_hex(8), title=title, **fields)
        async with self.as_("lin") as plexus:
            made = await plexus.call(plexus.tasks.CreateTask, request)
        self.tasks[title] = made.task.id

    async def move(self, title: str, state: Task.State, *, name: str) -> None:
        request = MoveTaskRequest(
            request_id=secrets.token_hex(8), task_id=self.tasks[title], state=state
        )
        async with self.as_(name) as plexus:
            await plexus.call(plexus.tasks.MoveTask, request)

    async def state(self, title: str) -> Any:
        async with self.as_("max") as plexus:
            request = GetTaskRequest(task_id=self.tasks[title])
            return (await plexus.call(plexus.tasks.GetTask, request)).task.state


@pytest.fixture
async def board(group: Group) -> Board:
    """Create three tasks to do, assigned to Lin."""
    lin, max_ = (group.platform.id_of(group.handles[name]) for name in ("lin", "max"))
    async with group.as_("lin") as plexus:
        request = CreateProjectRequest(
            request_id=secrets.token_hex(8), name=group.name, member_ids=[max_]
        )
        made = await plexus.call(plexus.tasks.CreateProject, request)
    board = Board(group, made.project.id, {})
    for title in ("整理清单", "Write the guide", "压测"):
        await board.add(title, project_id=made.project.id, assignee_ids=[lin])
    return board


def lane(desk: Desk, name: str) -> Any:
    return desk.page.get_by_role("region", name=re.compile(f"^{re.escape(name)}, "))


def card(desk: Desk, title: str) -> Any:
    return desk.page.locator("[data-card]").filter(has_text=title).get_by_role("button").first


async def go(desk: Desk, path: str) -> None:
    await desk.page.goto(f"{desk.address}{path}")
    await desk.page.locator(TITLE).wait_for()


async def tab_to(desk: Desk, target: Any) -> None:
    """Press Tab until the target has the focus: every control is reachable by keyboard."""
    for _ in range(MAX_TABS):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await desk.page.keyboard.press("Tab")
    pytest.fail(f"{target} is not reached by {MAX_TABS} presses of Tab.")


@LANGUAGES
async def test_two_people_move_cards_on_a_board(desk, board, locale):
    words = TASK_WORDS[locale]
    lin = await desk(board.group.handles["lin"], locale=locale)
    max_ = await desk(board.group.handles["max"], locale=locale)
    for one in (lin, max_):
        await one.sign_in()
        await go(one, f"/tasks/{board.id}")
        await expect(lane(one, words.todo).get_by_role("listitem")).to_have_count(3)

    await card(lin, "整理清单").drag_to(lane(lin, words.doing))
    await expect(lane(lin, words.doing)).to_contain_text("整理清单")
    await expect(lane(max_, words.doing)).to_contain_text("整理清单")
    assert await board.state("整理清单") == Task.STATE_DOING

    await card(max_, "整理清单").focus()
    await max_.page.keyboard.press("Shift+ArrowRight")
    await expect(lane(max_, words.blocked)).to_contain_text("整理清单")
    await expect(lane(lin, words.blocked)).to_contain_text("整理清单")

    # A task that has not begun cannot be done: the card returns.
    await card(lin, "压测").drag_to(lane(lin, words.done))
    await expect(lane(lin, words.todo)).to_contain_text("压测")
    assert await board.state("压测") == Task.STATE_TODO

    await card(lin, "压测").drag_to(card(lin, "Write the guide"), target_position={"x": 20, "y": 2})
    titles = lane(max_, words.todo).locator("[data-card] bdi")
    await expect(titles.first).to_have_text("压测")
    await lin.shot(f"board-{locale}")


@LANGUAGES
async def test_a_board_is_used_by_keys_alone(desk, board, locale):
    words = TASK_WORDS[locale]
    lin = await desk(board.group.handles["lin"], locale=locale)
    await lin.sign_in()
    await go(lin, f"/tasks/{board.id}")
    keyboard = lin.page.keyboard
    await expect(card(lin, "压测")).to_be_visible()
    await tab_to(lin, card(lin, "整理清单"))
    await keyboard.press("ArrowDown")
    await expect(card(lin, "Write the guide")).to_be_focused()
    await keyboard.press("Shift+ArrowUp")
    titles = lane(lin, words.todo).locator("[data-card] bdi")
    await expect(titles.first).to_have_text("Write the guide")
    await expect(card(lin, "Write the guide")).to_be_focused()
    await keyboard.press("Shift+ArrowRight")
    await expect(lane(lin, words.doing)).to_contain_text("Write the guide")
    await expect(card(lin, "Write the guide")).to_be_focused()

    async def is_moved():
        return await board.state("Write the guide") == Task.STATE_DOING

    await eventually(is_moved)
    await keyboard.press("Enter")
    detail = lin.page.get_by_role("complementary", name=words.detail)
    await expect(detail.get_by_role("region", name=words.history)).to_contain_text(
        words.state_changed
    )
    await keyboard.press("Escape")
    await expect(detail).to_have_count(0)
    await expect(card(lin, "Write the guide")).to_be_focused()

    await lin.page.locator("body").click(position={"x": 2, "y": 2})
    await tab_to(lin, lin.page.locator("main").get_by_role("button", name=words.new_task).first)
    await keyboard.press("Enter")
    await expect(lin.page.get_by_role("dialog").get_by_label(words.title)).to_be_focused()
    await keyboard.type("按键新建")
    await keyboard.press("Enter")
    await expect(lin.page.get_by_role("dialog")).to_have_count(0)
    await expect(lane(lin, words.todo)).to_contain_text("按键新建")


@LANGUAGES
async def test_a_move_that_comes_too_late_gives_way_and_says_so(desk, board, locale):
    words = TASK_WORDS[locale]
    lin = await desk(board.group.handles["lin"], locale=locale)
    await lin.sign_in()
    await go(lin, f"/tasks/{board.id}")
    await expect(card(lin, "压测")).to_be_visible()
    # Lin does not receive the change.
    await lin.page.route("**/plexus.tasks.v1.TasksService/ListTasks", lambda route: route.abort())
    await board.move("压测", Task.STATE_DOING, name="max")
    await board.move("压测", Task.STATE_BLOCKED, name="max")
    await card(lin, "压测").focus()
    await lin.page.keyboard.press("Shift+ArrowRight")
    await expect(lin.page.get_by_text(words.conflict)).to_be_visible()
    await expect(lane(lin, words.blocked)).to_contain_text("压测")
    assert await board.state("压测") == Task.STATE_BLOCKED


@LANGUAGES
async def test_a_task_is_made_of_a_message_and_leads_back_to_it(desk, board, locale):
    words = TASK_WORDS[locale]
    lin = await desk(board.group.handles["lin"], locale=locale)
    await board.group.say("max", "请在周五前更新回滚方案")
    await lin.sign_in(f"/c/{board.group.id}")
    await lin.act("回滚方案", words.from_message)
    dialog = lin.page.get_by_role("dialog")
    await expect(dialog.get_by_label(words.title)).to_have_value("请在周五前更新回滚方案")
    await dialog.get_by_label(words.project).select_option(label=board.group.name)
    await dialog.get_by_role("button", name=words.create, exact=True).click()
    await expect(lin.page.get_by_text(words.made)).to_be_visible()
    await go(lin, f"/tasks/{board.id}")
    await card(lin, "回滚方案").click()
    detail = lin.page.get_by_role("complementary", name=words.detail)
    await detail.get_by_role("link").click()
    await expect(lin.message("回滚方案")).to_be_visible()


@LANGUAGES
async def test_my_day_and_the_list_show_what_is_asked_for(desk, board, locale):
    words = TASK_WORDS[locale]
    lin_id = board.group.platform.id_of(board.group.handles["lin"])
    today = dt.datetime.now().astimezone().date()
    for title, days in (("昨天的", -1), ("今天的", 0)):
        due = Due(date=str(today + dt.timedelta(days=days)))
        await board.add(title, assignee_ids=[lin_id], due=due)
    await board.add("没有人的", project_id=board.id)
    lin = await desk(board.group.handles["lin"], locale=locale)
    await lin.sign_in()
    await go(lin, "/tasks")
    await expect(lin.page.get_by_role("region", name=words.overdue)).to_contain_text("昨天的")
    await expect(lin.page.get_by_role("region", name=words.today)).to_contain_text("今天的")
    await expect(lin.page.locator("main")).not_to_contain_text("没有人的")
    await board.move("昨天的", Task.STATE_DOING, name="lin")
    await lin.page.get_by_role("button", name=words.complete.format("昨天的")).click()
    await expect(lin.page.locator("main")).not_to_contain_text("昨天的")

    await go(lin, "/tasks/list")
    listed = lin.page.locator("main li")
    await expect(listed).to_have_count(4)
    await lin.page.get_by_label(words.assignee, exact=True).select_option(label=words.anyone)
    await expect(listed).to_have_count(5)
    await lin.page.get_by_label(words.state, exact=True).select_option(label=words.any_state)
    await expect(listed).to_have_count(6)
    await lin.page.get_by_label(words.state, exact=True).select_option(label=words.done)
    await expect(listed).to_have_count(1)
    await expect(listed).to_contain_text("昨天的")


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_no_screen_of_tasks_has_a_fault(desk, board, locale, theme):
    words = TASK_WORDS[locale]
    look = f"{locale}-{theme}"
    lin = await desk(board.group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in()
    found = []
    for name, path in (("day", "/tasks"), ("list", "/tasks/list?who=anyone&state=any")):
        await go(lin, path)
        await lin.page.locator("main li").first.wait_for()
        found += await faults(lin, f"tasks-{name}-{look}")
    await go(lin, f"/tasks/{board.id}")
    await card(lin, "压测").click()
    history = lin.page.get_by_role("complementary").get_by_role("listitem")
    await history.first.wait_for()
    found += await faults(lin, f"tasks-board-{look}")
    await lin.page.locator("main").get_by_role("button", name=words.new_task).last.click()
    await lin.page.get_by_role("dialog").get_by_label(words.title).wait_for()
    found += await faults(lin, f"tasks-new-{look}")
    assert found == []


@pytest.mark.parametrize("width", [320, 390])
async def test_tasks_fit_on_a_phone(desk, board, width):
    phone = await desk(
        board.group.handles["lin"],
        viewport={"width": width, "height": 780},
        has_touch=True,
        is_mobile=True,
    )
    await phone.sign_in()
    found = []
    for name, path in (("day", "/tasks"), ("list", "/tasks/list"), ("board", f"/tasks/{board.id}")):
        await go(phone, path)
        await phone.page.locator("main li").first.wait_for()
        found += await faults(phone, f"phone-tasks-{name}-{width}")
        await fits(phone)
    await card(phone, "压测").tap()
    await phone.page.get_by_role("main", name="任务 T-").get_by_role("listitem").first.wait_for()
    found += await faults(phone, f"phone-tasks-detail-{width}")
    await fits(phone)
    assert found == []
