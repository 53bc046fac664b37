"""216 injection attempts through every text field: none runs, loads or becomes an element."""

import asyncio
import re
import secrets
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect
from plexus.directory.v1.directory_service_pb2 import CreateDepartmentRequest, CreatePersonRequest
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Attachment, Format
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    LabelMessageRequest,
    ListMessagesRequest,
    PinMessageRequest,
    SendMessageRequest,
    SendMessagesRequest,
    UpdateConversationRequest,
)
from plexus.messaging.v1.personal_service_pb2 import SaveDraftRequest
from plexus.tasks.v1.tasks_service_pb2 import CreateProjectRequest, CreateTaskRequest

from .conftest import Desk, Group
from .test_details import WORDS, opened, show

ATTACKS = Path(__file__).with_name("attacks.txt").read_text().splitlines()
HOOK = "window.attack = () => console.error('ATTACK', new Error().stack);"
# Elements that no text of a user may create, and links that lead to scripts.
FOUND = """() => {
  const forbidden = 'script:not([src]), iframe, frame, object, embed, base, style, video, audio,' +
    'marquee, template, math, form[action], img:not([alt=""]), details[open], body meta, body link';
  const all = [...document.querySelectorAll('*')];
  const handled = all.filter((element) =>
    [...element.attributes].some(({ name }) => name.startsWith('on')));
  const leading = [...document.querySelectorAll('a[href]')].filter(({ protocol }) =>
    !['http:', 'https:', 'mailto:'].includes(protocol));
  return [...document.querySelectorAll(forbidden), ...handled, ...leading]
    .map((element) => element.outerHTML.slice(0, 200));
}"""
SEEN = """() => [...document.querySelectorAll('article[data-seq]')]
  .map((article) => [Number(article.dataset.seq), article.textContent])"""
SCROLL = """(by) => {
  const scroller = document.querySelector('main [role="region"]');
  scroller.scrollTop += by;
  return new Promise((resolve) =>
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(scroller.scrollTop))));
}"""
GO = """(address) => {
  history.pushState({}, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
}"""
TOGETHER = 8
MARK = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")


def chunks(size: int, texts: Iterable[str] = ATTACKS) -> list[str]:
    """Join the attacks into as few texts of at most `size` characters as fit in order."""
    joined: list[str] = []
    for text in texts:
        cut = text[:size]
        if joined and len(joined[-1]) + 1 + len(cut) <= size:
            joined[-1] += f" {cut}"
        else:
            joined.append(cut)
    return joined


async def each(call: Any, requests: list[Any]) -> list[Any]:
    """Make calls, a few at a time."""
    room = asyncio.Semaphore(TOGETHER)

    async def one(request: Any) -> Any:
        async with room:
            return await call(request)

    return await asyncio.gather(*map(one, requests))


async def sent(group: Group) -> dict[int, str]:
    """Send every attack as plain text and as markdown; return the stored texts by number."""
    async with group.as_("max") as plexus:
        for form in (Format.FORMAT_PLAIN, Format.FORMAT_MARKDOWN):
            items = [
                SendMessageRequest(
                    conversation_id=group.id,
                    request_id=secrets.token_hex(8),
                    text=text,
                    format=form,
                    attachments=[Attachment(name=text, url="https://files.example/x")],
                )
                for text in ATTACKS
            ]
            request = SendMessagesRequest(items=items)
            verdicts = (await plexus.call(plexus.messaging.SendMessages, request)).verdicts
            assert [verdict.refused.reason for verdict in verdicts if verdict.refused.code] == []
        stored: dict[int, str] = {}
        while True:
            after = max(stored, default=0)
            asked = ListMessagesRequest(conversation_id=group.id, after_seq=after, page_size=500)
            page = await plexus.call(plexus.messaging.ListMessages, asked)
            stored |= {message.seq: message.text for message in page.messages}
            if not page.has_more:
                return stored


async def everywhere(group: Group) -> None:
    """Write attacks into names, topics, labels, tasks, projects, drafts and the directory."""
    platform = group.platform
    async with group.as_("lin") as plexus:

        async def call(rpc: Any, requests: list[Any]) -> list[Any]:
            return await each(lambda request: plexus.call(rpc, request), requests)

        groups = [
            CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=Conversation.KIND_GROUP,
                name=name,
                topic=name,
            )
            for name in chunks(190)
        ]
        made = await call(plexus.messaging.CreateConversation, groups)
        drafts = [
            SaveDraftRequest(conversation_id=one.conversation.id, text=text)
            for one, text in zip(made, ATTACKS, strict=False)
        ]
        for draft in drafts:
            draft.written_at.GetCurrentTime()
        await call(plexus.personal.SaveDraft, drafts)
        topic = UpdateConversationRequest(
            request_id="topic", conversation_id=group.id, topic=chunks(900)[0]
        )
        await plexus.call(plexus.messaging.UpdateConversation, topic)
        short = [text for text in ATTACKS if len(text) <= 40]
        labels = [
            LabelMessageRequest(
                request_id=secrets.token_hex(8), conversation_id=group.id, seq=seq, add=[text]
            )
            for seq, text in enumerate(short, start=1)
        ]
        await call(plexus.messaging.LabelMessage, labels)
        pins = [
            PinMessageRequest(request_id=secrets.token_hex(8), conversation_id=group.id, seq=seq)
            for seq in range(1, 101)
        ]
        await call(plexus.messaging.PinMessage, pins)
        tasks = [
            CreateTaskRequest(
                request_id=secrets.token_hex(8), title=title, description="\n".join(ATTACKS)
            )
            for title in chunks(480)
        ]
        await call(plexus.tasks.CreateTask, tasks)
        projects = [
            CreateProjectRequest(request_id=secrets.token_hex(8), name=name, goal=name)
            for name in chunks(190)[:20]
        ]
        await call(plexus.tasks.CreateProject, projects)
    async with platform.admin() as plexus:
        for number, name in enumerate(chunks(90)[:40]):
            department = CreateDepartmentRequest(request_id=secrets.token_hex(8), name=name)
            await plexus.call(plexus.directory.CreateDepartment, department)
            handle = f"attack-{number}-{secrets.token_hex(3)}"
            person = CreatePersonRequest(
                request_id=secrets.token_hex(8),
                handle=handle,
                display_name=name,
                email=f"{handle}@example.com",
                title=name,
                skills=[name[:40]],
                time_zone="Asia/Shanghai",
                locale="zh-CN",
                roles=["member"],
            )
            await plexus.call(plexus.directory.CreatePerson, person)


async def guarded(desk: Desk) -> list[str]:
    """Detect effects of an attack; return the list of requested external addresses."""
    outside: list[str] = []
    await desk.context.add_init_script(HOOK)
    desk.page.on("dialog", lambda dialog: desk.problems.append(f"dialog: {dialog.message}"))

    def note(request: Any) -> None:
        if not request.url.startswith((desk.address, "blob:", "data:")):
            outside.append(request.url)

    desk.page.on("request", note)
    return outside


@pytest.mark.timeout(300)
async def test_no_stored_attack_runs_or_becomes_an_element(desk, group):
    stored = await sent(group)
    await everywhere(group)
    lin = await desk(group.handles["lin"])
    outside = await guarded(lin)
    await lin.sign_in(f"/c/{group.id}?at=1")
    await lin.page.locator("article[data-seq='1']").wait_for()
    seen: dict[int, str] = {}
    for _ in range(900):
        seen |= dict(await lin.page.evaluate(SEEN))
        if len(seen) == len(stored):
            break
        await lin.page.evaluate(SCROLL, 900)
        assert await lin.page.evaluate(FOUND) == []
    lost = {
        seq: (text, seen.get(seq))
        for seq, text in stored.items()
        if MARK.sub("", text.strip()) not in seen.get(seq, "")
    }
    assert lost == {}

    panel = await opened(lin, WORDS["zh-CN"])
    for tab in ("about", "members", "pins", "links"):
        await show(panel, WORDS["zh-CN"][tab])
        await panel.get_by_role("region").wait_for()
        assert await lin.page.evaluate(FOUND) == []
    await expect(panel).to_contain_text("files.example")
    await lin.shot("attacks-conversation")
    for place, words in (
        ("/people", "attack"),
        ("/tasks", "任务"),
        ("/search?q=attack", "attack()"),
        ("/notifications", "通知"),
    ):
        await lin.page.goto(f"{lin.address}{place}")
        await expect(lin.page.get_by_role("main")).to_contain_text(words)
        await lin.shot(f"attacks{place.split('?')[0].replace('/', '-')}")
        assert await lin.page.evaluate(FOUND) == []
    assert outside == []


@pytest.mark.timeout(300)
async def test_no_attack_runs_while_it_is_written(desk, group):
    lin = await desk(group.handles["lin"])
    outside = await guarded(lin)
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    await lin.page.keyboard.press("Control+e")
    preview = lin.page.get_by_role("region", name="预览")
    for text in ATTACKS:
        await lin.composer.fill(text)
        await lin.composer.fill(f"@{text[:20]}")
        await lin.composer.fill(f"**x** {text}")
        await expect(preview.locator("strong").first).to_be_visible()
        assert await lin.page.evaluate(FOUND) == []
    await lin.composer.fill("")
    await lin.page.keyboard.press("Control+k")
    finder = lin.page.get_by_role("combobox", name=lin.words.find)
    for text in chunks(400):
        await finder.fill(text)
        assert await lin.page.evaluate(FOUND) == []
    await lin.page.keyboard.press("Escape")
    for text in chunks(600):
        asked = urllib.parse.quote(text, safe="")
        for place in (f"/search?q={asked}", f"/c/{asked}", f"/people?q={asked}&department={asked}"):
            await lin.page.evaluate(GO, place)
            await lin.page.get_by_role("main").wait_for()
            assert await lin.page.evaluate(FOUND) == []
    assert outside == []
