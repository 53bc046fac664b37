"""State stored in the browser: the latest state, encrypted, and messages that outlive the page."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import ListMessagesRequest
from plexus_testkit.wait import eventually

from .conftest import Desk, Group

SEND = "**/plexus.messaging.v1.MessagingService/SendMessage"
LIST = "**/plexus.messaging.v1.MessagingService/List*"
RECORDS = """async () => {
  const names = (await indexedDB.databases()).map(({ name }) => name);
  if (!names.includes('plexus')) return [];
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open('plexus');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const of = (request) => new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  const store = database.transaction('kept').objectStore('kept');
  const [keys, values] = await Promise.all([of(store.getAllKeys()), of(store.getAll())]);
  database.close();
  const decoder = new TextDecoder();
  return keys.map((key, index) => [key, decoder.decode(values[index].content)]);
}"""


async def records(desk: Desk) -> dict[str, str]:
    """Return the records of the browser: names, and contents as they are stored."""
    return dict(await desk.page.evaluate(RECORDS))


async def kept(desk: Desk, group: Group) -> None:
    """Wait until the state with the messages of the group has been stored."""

    async def has_state() -> bool:
        stored = await records(desk)
        person = group.platform.id_of(desk.handle)
        return len(stored.get(f"{person}/messages", "")) > len("message") * 8

    await eventually(has_state)


async def texts_of(group: Group) -> list[str]:
    async with group.as_("max") as plexus:
        request = ListMessagesRequest(conversation_id=group.id)
        listed = await plexus.call(plexus.messaging.ListMessages, request)
    return [message.text for message in listed.messages]


@pytest.mark.rule("MSG-3")
async def test_a_message_that_outlives_its_page_is_sent_exactly_once(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.wait_for()
    sent: list[bytes | None] = []

    async def lose(route: Any) -> None:
        # The server stores the message; its response never reaches the browser.
        sent.append(route.request.post_data_buffer)
        await route.fetch()
        await route.abort()

    await lin.page.route(SEND, lose)
    await lin.say("关掉页面前写的")
    await expect(lin.message("关掉页面前写的")).to_be_visible()

    async def is_stored() -> bool:
        return any("/outbox/" in name for name in await records(lin))

    await eventually(is_stored)
    await lin.page.close()
    other = await lin.another_tab()
    await other.goto(f"{lin.address}/c/{group.id}")
    await expect(other.locator("article").filter(has_text="关掉页面前写的")).to_have_count(1)
    lin.page = other

    async def is_done() -> bool:
        return not any("/outbox/" in name for name in await records(lin))

    await eventually(is_done)
    assert sent
    assert await texts_of(group) == ["关掉页面前写的"]


async def test_the_last_state_is_there_before_the_server_answers(desk, group):
    await group.say("max", "上次看到的")
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await expect(lin.message("上次看到的")).to_be_visible()
    await kept(lin, group)
    stored = await records(lin)
    assert not any("上次看到的" in content or group.name in content for content in stored.values())
    released = asyncio.Event()

    async def hold(route: Any) -> None:
        await released.wait()
        await route.continue_()

    await lin.page.route(LIST, hold)
    await lin.page.reload()
    await expect(lin.page.get_by_role("link", name=group.name)).to_be_visible()
    await expect(lin.message("上次看到的")).to_be_visible()
    await lin.shot("kept-state")
    await group.say("max", "后来的")
    released.set()
    await expect(lin.message("后来的")).to_be_visible()


async def test_signing_out_leaves_nothing_behind(desk, group):
    await group.say("max", "只给林看")
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await expect(lin.message("只给林看")).to_be_visible()
    await kept(lin, group)
    await lin.page.get_by_role("button", name=lin.words.account).click()
    await lin.page.get_by_role("menuitem", name=lin.words.sign_out).click()
    await lin.page.get_by_role("textbox", name=lin.words.handle).wait_for()
    assert await records(lin) == {}
