"""Long conversations: endless history without jumps, and links to messages."""

import gzip
import secrets

import pytest
from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendMessagesRequest

COUNT = 400
FIRST_LOAD_BYTES = 240_000
# Follows the message in the middle while older ones are inserted above it: only the wheel, which
# has stopped by then, may move it. Returns how far it has moved, in pixels.
FOLLOW = """
async () => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let count = 0; count < 8; count += 1) await frame();
  const rows = [...document.querySelectorAll('article')];
  const row = rows.find((one) => one.getBoundingClientRect().top > innerHeight / 3);
  if (row === undefined) return 0;
  const before = row.getBoundingClientRect().top;
  let moved = 0;
  for (let count = 0; count < 30 && row.isConnected; count += 1) {
    await frame();
    moved = Math.max(moved, Math.abs(row.getBoundingClientRect().top - before));
  }
  return moved;
}
"""


@pytest.fixture
async def long(group):
    """Create a group with a long history whose lines have different heights."""
    async with group.as_("max") as plexus:
        for start in range(1, COUNT + 1, 200):
            items = [
                SendMessageRequest(
                    conversation_id=group.id,
                    request_id=secrets.token_hex(8),
                    text=f"第 {number} 条。" + "很长的一句话，" * (number % 37),
                )
                for number in range(start, min(start + 200, COUNT + 1))
            ]
            await plexus.call(plexus.messaging.SendMessages, SendMessagesRequest(items=items))
    return group


async def test_history_comes_in_above_without_moving_what_is_read(desk, long):
    lin = await desk(long.handles["lin"])
    await lin.sign_in(f"/c/{long.id}")
    await expect(lin.message(f"第 {COUNT} 条")).to_be_visible()
    region = lin.page.get_by_role("region").filter(has=lin.page.locator("article"))
    await region.hover()
    await expect(lin.page.get_by_role("button", name="上方还有")).to_be_visible()
    first = lin.page.get_by_text("这里是会话的开始。")
    for _ in range(400):
        await lin.page.mouse.wheel(0, -1500)
        assert await lin.page.evaluate(FOLLOW) <= 4
        if await first.is_visible():
            break
    await expect(first).to_be_visible()
    await expect(lin.message("第 1 条。")).to_be_visible()
    await lin.page.get_by_role("button", name="回到最新").click()
    await expect(lin.message(f"第 {COUNT} 条")).to_be_in_viewport()


async def test_an_address_leads_to_its_message_and_history_goes_on_both_ways(desk, long):
    lin = await desk(long.handles["lin"])
    await lin.sign_in(f"/c/{long.id}?at=150")
    await expect(lin.message("第 150 条")).to_be_in_viewport()
    await expect(lin.message(f"第 {COUNT} 条")).to_have_count(0)
    region = lin.page.get_by_role("region").filter(has=lin.page.locator("article"))
    await region.hover()
    for _ in range(200):
        await lin.page.mouse.wheel(0, 2000)
        if await lin.message(f"第 {COUNT} 条").count():
            break
        await lin.page.wait_for_function("() => true")
    await expect(lin.message(f"第 {COUNT} 条")).to_be_visible()


async def test_the_first_load_is_small_and_from_one_origin(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.wait_for()
    second = await lin.another_tab()
    scripts, origins = [], set()

    async def note(response):
        origins.add(response.url.split("/")[2])
        if response.url.endswith(".js"):
            scripts.append(await response.body())

    second.on("response", note)
    await second.goto(f"{lin.address}/c/{group.id}")
    await second.locator("main textarea").wait_for()
    await second.wait_for_load_state("networkidle")
    size = sum(len(gzip.compress(script, 9)) for script in scripts)
    assert origins == {lin.address.split("/")[2]}
    assert 0 < size <= FIRST_LOAD_BYTES


async def test_nothing_a_person_wrote_is_read_as_html(desk, group):
    attacks = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "<svg/onload=alert(1)>",
        "![x](javascript:alert(1))",
        "`<b>bold</b>`",
        "\u202egnp.exe <iframe srcdoc='<script>alert(1)</script>'>",
    ]
    lin = await desk(group.handles["lin"])
    dialogs = []
    lin.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await group.say("max", *attacks, format=2)
    await lin.sign_in(f"/c/{group.id}")
    await expect(lin.message("gnp.exe")).to_be_visible()
    for text in ("<img src=x onerror=alert(1)>", "<script>alert(1)</script>"):
        await expect(lin.message(text)).to_be_visible()
    foreign = lin.page.locator("article").locator("img, script, iframe, b, [href^=javascript]")
    await expect(foreign).to_have_count(0)
    assert dialogs == []
